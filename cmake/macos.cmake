# Toolchain: macOS from Linux, WKV_HOST = aarch64-macos or x86_64-macos, with the compiler of tools/ziglang.sh in PATH
# and the libraries of tools/libraries.sh, which are linked statically. Nothing runs here: tools/check-macos.py reads
# the programs.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES WKV_HOST)
string(REGEX REPLACE "-.*" "" CMAKE_SYSTEM_PROCESSOR "${WKV_HOST}")
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_INSTALL_NAME_DIR @rpath) # in place of the build folder
set(CMAKE_BUILD_WITH_INSTALL_NAME_DIR ON)
set(CMAKE_C_COMPILER ${WKV_HOST}-clang)
set(CMAKE_ASM_COMPILER ${WKV_HOST}-clang)
set(CMAKE_AR ${WKV_HOST}-ar CACHE STRING "")
set(CMAKE_RANLIB ${WKV_HOST}-ranlib CACHE STRING "")
set(CMAKE_INSTALL_NAME_TOOL true CACHE STRING "") # nothing is installed from here

set(CMAKE_FIND_ROOT_PATH ${CMAKE_CURRENT_LIST_DIR}/../build/libraries/${WKV_HOST})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${CMAKE_FIND_ROOT_PATH}/lib/pkgconfig)
set(PKG_CONFIG_ARGN --static)
