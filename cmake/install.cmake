# What is installed, and where. Everything finds everything else by relative paths, so that an installed
# tree can be moved. The build folder has the same shape: lib/, tools/ and share/ side by side.

include(CMakePackageConfigHelpers)

file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/share/clarus)
file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/models ${CMAKE_CURRENT_BINARY_DIR}/share/clarus/models SYMBOLIC)

install(TARGETS clarus EXPORT clarus LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/clarus.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY models/default DESTINATION ${CMAKE_INSTALL_DATADIR}/clarus/models)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN *.md)
if(TARGET clarus_program)
    file(RELATIVE_PATH library_from_program ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
    set_target_properties(clarus_program PROPERTIES INSTALL_RPATH $ORIGIN/${library_from_program})
    install(TARGETS clarus_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    install(FILES docs/clarus.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    install(FILES tools/completion/clarus DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
endif()

# find_package(clarus)
set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/clarus)
configure_package_config_file(cmake/clarusConfig.cmake.in ${generated}/clarusConfig.cmake
                              INSTALL_DESTINATION ${config_folder}
                              NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${generated}/clarusConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${generated}/clarusConfig.cmake ${generated}/clarusConfigVersion.cmake
        DESTINATION ${config_folder})
install(EXPORT clarus FILE clarusTargets.cmake NAMESPACE clarus:: DESTINATION ${config_folder})

# pkg-config clarus
set(pkgconfig_folder ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH prefix_from_pkgconfig
     ${CMAKE_INSTALL_PREFIX}/${pkgconfig_folder} ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" prefix_from_pkgconfig "${prefix_from_pkgconfig}")
configure_file(cmake/clarus.pc.in ${generated}/clarus.pc @ONLY)
install(FILES ${generated}/clarus.pc DESTINATION ${pkgconfig_folder})

add_custom_target(uninstall
    COMMAND ${CMAKE_COMMAND} -DMANIFEST=${CMAKE_CURRENT_BINARY_DIR}/install_manifest.txt
            -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/uninstall.cmake VERBATIM)

# cpack: a .tar.gz to unpack anywhere, and a .deb where Debian's packages dpkg-dev and file are.
set(CPACK_GENERATOR TGZ)
# By its component, so that install_manifest.txt, which uninstalling goes by, is not overwritten.
set(CPACK_INSTALL_CMAKE_PROJECTS ${CMAKE_CURRENT_BINARY_DIR} clarus Unspecified /)
set(CPACK_PACKAGE_CONTACT "The Clarus developers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Runs ONNX image networks through OpenCL, with the same bits everywhere")
set(CPACK_STRIP_FILES ON)
find_program(DPKG_SHLIBDEPS dpkg-shlibdeps)
find_program(FILE_PROGRAM file)
if(DPKG_SHLIBDEPS AND FILE_PROGRAM)
    list(APPEND CPACK_GENERATOR DEB)
    set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
    set(CPACK_DEBIAN_PACKAGE_SECTION science)
    set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "pocl-opencl-icd | opencl-icd, libclblast1")
    set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
    set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_CURRENT_BINARY_DIR}/lib)
endif()
include(CPack)
