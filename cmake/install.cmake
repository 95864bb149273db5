# What is installed: the program with its manual and completion, the library both ways, its headers, and how to find it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# ---- libwkv.so (macOS: libwkv.dylib): only names with WKV_API are visible -------------------------------------------
add_library(wkv_shared SHARED)
target_link_libraries(wkv_shared PRIVATE wkv_objects)
if(NOT WKV_SANITIZE AND NOT APPLE) # whose names come with the program
  target_link_options(wkv_shared PRIVATE -Wl,--no-undefined)
endif()
target_include_directories(wkv_shared INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(wkv_shared PROPERTIES OUTPUT_NAME wkv EXPORT_NAME wkv LINKER_LANGUAGE C
                      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})

# ---- libwkv.a: one object whose internal names are local, so that a program's own cannot clash with them -----------------
if(NOT APPLE) # its linker makes them local
  set(MAKE_LOCAL COMMAND ${CMAKE_OBJCOPY} --localize-hidden wkv_all.o)
endif()
add_custom_command(OUTPUT libwkv.a
  COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o wkv_all.o $<TARGET_OBJECTS:wkv_objects>
  ${MAKE_LOCAL}
  COMMAND ${CMAKE_COMMAND} -E rm -f libwkv.a
  COMMAND ${CMAKE_AR} rcs libwkv.a wkv_all.o
  DEPENDS wkv_objects $<TARGET_OBJECTS:wkv_objects>
  COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(wkv_archive DEPENDS libwkv.a)
add_custom_target(dist DEPENDS wkv_shared wkv_archive) # everything that is installed, and no tests
if(TARGET wkv_opencl)
  add_dependencies(dist wkv_opencl)
  install(TARGETS wkv_opencl LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/wkv) # where src/cpu/plugin.c looks
endif()

install(TARGETS wkv_shared EXPORT wkvTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_BINARY_DIR}/libwkv.a DESTINATION ${CMAKE_INSTALL_LIBDIR})
file(GLOB HEADERS CONFIGURE_DEPENDS include/*.h)
install(FILES ${HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# ---- pkg-config and find_package -----------------------------------------------------------------------------------------
set(STATIC_MODULES "jansson nettle zlib")
set(STATIC_LIBRARIES "jansson;nettle;z")
if(PCRE2_FOUND AND UTF8PROC_FOUND)
  string(APPEND STATIC_MODULES " libpcre2-8 libutf8proc")
  list(APPEND STATIC_LIBRARIES pcre2-8 utf8proc)
endif()
if(ZSTD_FOUND)
  string(APPEND STATIC_MODULES " libzstd")
  list(APPEND STATIC_LIBRARIES zstd)
endif()
if(SQLITE_FOUND)
  string(APPEND STATIC_MODULES " sqlite3")
  list(APPEND STATIC_LIBRARIES sqlite3)
endif()
if(HIREDIS_FOUND)
  string(APPEND STATIC_MODULES " hiredis")
  list(APPEND STATIC_LIBRARIES hiredis)
endif()
configure_file(cmake/wkv.pc.in wkv.pc @ONLY)
configure_package_config_file(cmake/wkvConfig.cmake.in wkvConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/wkv PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(wkvConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/wkv.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_BINARY_DIR}/wkvConfig.cmake ${CMAKE_BINARY_DIR}/wkvConfigVersion.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/wkv)
install(EXPORT wkvTargets NAMESPACE wkv:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/wkv)

# ---- the program; its manual page and completions are printed by itself, from its own tables of options ---------------------
if(TARGET wkv)
  set(PRINTED wkv.1 wkv.bash _wkv wkv.fish)
  add_custom_command(OUTPUT ${PRINTED}
    COMMAND wkv help --man > wkv.1
    COMMAND wkv help --completion bash > wkv.bash
    COMMAND wkv help --completion zsh > _wkv
    COMMAND wkv help --completion fish > wkv.fish)
  add_custom_target(wkv_manual DEPENDS ${PRINTED})
  add_dependencies(dist wkv wkv_manual)

  install(TARGETS wkv RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES ${CMAKE_BINARY_DIR}/wkv.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${CMAKE_BINARY_DIR}/wkv.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME wkv)
  install(FILES ${CMAKE_BINARY_DIR}/_wkv DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${CMAKE_BINARY_DIR}/wkv.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()

# ---- last: the dynamic linker knows a new library of its own folders only after ldconfig, and libraries of other
# folders not at all.
install(CODE "set(WKV_LIBRARIES \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}\")")
install(SCRIPT cmake/ldconfig.cmake)
