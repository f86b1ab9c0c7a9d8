# Tests of the program, on networks and pictures that they make themselves, and on real ones where those are.
add_executable(make_files cli/make_files.c)
target_link_libraries(make_files PRIVATE clarus_objects clarus_flags)
target_include_directories(make_files PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
add_executable(json_query cli/json_query.c)
target_link_libraries(json_query PRIVATE PkgConfig::CJSON clarus_flags)
foreach(name
    accuracy
    classify
    decode
    device
    inspect
    run
    usage
)
    add_test(NAME cli_${name}
             COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/test_${name}.sh $<TARGET_FILE:clarus_program>
                     $<TARGET_FILE:make_files> $<TARGET_FILE:json_query> $<TARGET_FILE:fake_driver>)
    set_tests_properties(cli_${name} PROPERTIES LABELS cli SKIP_RETURN_CODE 77 TIMEOUT 300)
endforeach()
set_tests_properties(cli_device PROPERTIES LABELS device)
set_tests_properties(cli_accuracy PROPERTIES TIMEOUT 1200) # whole networks on the reference
