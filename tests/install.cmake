# Tests of what users get: the header in both languages, the library's symbols, the installed tree.
include(CheckLanguage)
set(header_languages C)
check_language(CXX)
if(CMAKE_CXX_COMPILER)
    enable_language(CXX)
    list(APPEND header_languages CXX)
endif()
foreach(language IN LISTS header_languages)
    string(TOLOWER ${language} suffix)
    string(REPLACE xx pp suffix ${suffix})
    add_executable(test_header_${suffix} test_header.${suffix})
    set_target_properties(test_header_${suffix} PROPERTIES
        CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
    target_compile_options(test_header_${suffix} PRIVATE -Wall -Wextra -Wconversion -Wpedantic -Werror)
    target_link_libraries(test_header_${suffix} PRIVATE clarus clarus_sanitizers)
    add_test(NAME header_${suffix} COMMAND test_header_${suffix})
    set_tests_properties(header_${suffix} PROPERTIES LABELS unit TIMEOUT 60)
endforeach()

add_test(NAME symbols COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/install/test_symbols.sh
                              ${PROJECT_SOURCE_DIR}/include/clarus.h $<TARGET_FILE:clarus>)
set_tests_properties(symbols PROPERTIES LABELS unit TIMEOUT 60)
add_test(NAME install COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/install/test_install.sh
                              ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR} ${CMAKE_C_COMPILER})
set_tests_properties(install PROPERTIES LABELS cli TIMEOUT 300)
if(CLARUS_SANITIZE) # a program that uses an instrumented library has to bring the runtime
    set_tests_properties(install PROPERTIES ENVIRONMENT "CFLAGS=-fsanitize=${CLARUS_SANITIZE}")
endif()
add_test(NAME package COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/install/test_package.sh ${PROJECT_BINARY_DIR})
set_tests_properties(package PROPERTIES LABELS cli TIMEOUT 300)
set_tests_properties(install package PROPERTIES RESOURCE_LOCK build_folder)
add_test(NAME setup COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/install/test_setup.sh ${PROJECT_SOURCE_DIR})
set_tests_properties(setup PROPERTIES LABELS cli TIMEOUT 60)
