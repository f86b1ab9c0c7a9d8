# Writes OUTPUT, a C file with the text of every kernel file that REGISTRY names, #includes resolved.
# Usage: cmake -DFOLDER=kernels -DREGISTRY=kernels/registry.def -DOUTPUT=kernel_sources.h -P embed.cmake

function(resolve_includes file result)
    file(READ "${FOLDER}/${file}" text)
    string(REGEX MATCHALL "#include \"[a-z0-9_.]+\"" includes "${text}")
    list(REMOVE_DUPLICATES includes)
    foreach(include IN LISTS includes)
        string(REGEX REPLACE "#include \"(.*)\"" "\\1" name "${include}")
        resolve_includes("${name}" included)
        string(REPLACE "${include}" "${included}" text "${text}")
    endforeach()
    set(${result} "${text}" PARENT_SCOPE)
endfunction()

# A zero-terminated array, because string literals have a length limit in C11.
function(append_array name text)
    string(HEX "${text}" hex)
    string(REGEX REPLACE "(................................................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    file(APPEND "${OUTPUT}.tmp" "static const char kernel_source_${name}[] = {\n${hex}0};\n\n")
endfunction()

file(READ "${REGISTRY}" registry)
string(REGEX MATCHALL "\nKERNEL\\([a-z0-9_]+, [a-z0-9_]+," rows "${registry}")
set(files "")
foreach(row IN LISTS rows)
    string(REGEX REPLACE ".*, ([a-z0-9_]+),$" "\\1" file "${row}")
    list(APPEND files "${file}")
endforeach()
list(REMOVE_DUPLICATES files)

file(WRITE "${OUTPUT}.tmp" "/* Generated from kernels/ by cmake/embed.cmake. */\n\n")
foreach(file IN LISTS files)
    resolve_includes("${file}.cl" text)
    append_array("${file}" "${text}")
endforeach()
file(RENAME "${OUTPUT}.tmp" "${OUTPUT}")
