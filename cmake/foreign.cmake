# Toolchain: Linux on another processor, WKV_HOST = aarch64-linux-gnu, arm-linux-gnueabihf or riscv64-linux-gnu, with
# Debian's cross compiler, the libraries of tools/libraries.sh, and the tests under qemu-user-static.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES WKV_HOST)
string(REGEX REPLACE "-.*" "" WKV_PROCESSOR "${WKV_HOST}")
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${WKV_PROCESSOR})
if(WKV_PROCESSOR STREQUAL riscv64) # vectors, which GCC 12 cannot make; headers and libraries are those of the cross GCC
  set(CMAKE_C_COMPILER clang)
  set(CMAKE_ASM_COMPILER clang)
  set(CMAKE_C_COMPILER_TARGET ${WKV_HOST})
  set(CMAKE_ASM_COMPILER_TARGET ${WKV_HOST})
else()
  set(CMAKE_C_COMPILER ${WKV_HOST}-gcc)
  set(CMAKE_ASM_COMPILER ${WKV_HOST}-gcc)
endif()
set(CMAKE_OBJCOPY ${WKV_HOST}-objcopy)
if(WKV_PROCESSOR STREQUAL arm)
  # Fused multiply-add: Cortex-A7, A15 and later, but not A8 and A9. Times of 64 bits, as tools/libraries.sh gives
  # hiredis, which takes a struct timeval. A build on the processor has those of its compiler and its libraries.
  set(CMAKE_C_FLAGS_INIT "-mfpu=vfpv4 -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64")
endif()
set(CMAKE_EXE_LINKER_FLAGS_INIT -static) # one file that runs on any Linux of the processor
# Whole paths, for tests that change PATH: that of tools/qemu.sh, or the machine's
find_program(WKV_EMULATOR qemu-${WKV_PROCESSOR} PATHS ${CMAKE_CURRENT_LIST_DIR}/../build/qemu NO_DEFAULT_PATH)
find_program(WKV_EMULATOR qemu-${WKV_PROCESSOR}-static)
set(CMAKE_CROSSCOMPILING_EMULATOR ${WKV_EMULATOR})
if(NOT WKV_PROCESSOR STREQUAL arm) # addresses are used again; qemu 7.2 else keeps a table for each, 100 MB a context
  list(APPEND CMAKE_CROSSCOMPILING_EMULATOR -R 64G)
endif()

set(WKV_LIBRARIES_OF_HOST ${CMAKE_CURRENT_LIST_DIR}/../build/libraries/${WKV_HOST})
set(CMAKE_FIND_ROOT_PATH ${WKV_LIBRARIES_OF_HOST}) # without the compiler's own, of which the shared ones would be found
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${WKV_LIBRARIES_OF_HOST}/lib/pkgconfig)
set(PKG_CONFIG_ARGN --static)
