# Removes what MANIFEST, written by the last `cmake --install`, lists, and the folders that are Clarus's
# own once they are empty.

if(NOT EXISTS ${MANIFEST})
    message(FATAL_ERROR "uninstall: ${MANIFEST} does not exist: nothing was installed from this build folder")
endif()

file(STRINGS ${MANIFEST} files)
foreach(file IN LISTS files)
    set(file $ENV{DESTDIR}${file})
    message(STATUS "Removing ${file}")
    file(REMOVE ${file})
    cmake_path(GET file PARENT_PATH folder)
    while(folder MATCHES "/clarus(/|$)")
        file(GLOB left LIST_DIRECTORIES TRUE ${folder}/* ${folder}/.*)
        if(left OR NOT IS_DIRECTORY ${folder})
            break()
        endif()
        file(REMOVE_RECURSE ${folder})
        cmake_path(GET folder PARENT_PATH folder)
    endwhile()
endforeach()
file(REMOVE ${MANIFEST})
