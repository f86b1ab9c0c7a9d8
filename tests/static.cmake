# Tests that read the sources: skipped where their tool is not installed.
foreach(check format operators readme shell tidy)
    add_test(NAME static_${check} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/static/test_${check}.sh
                                          ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
    set_tests_properties(static_${check} PROPERTIES LABELS static SKIP_RETURN_CODE 77 TIMEOUT 1200)
endforeach()
