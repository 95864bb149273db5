# Toolchain: static programs, with musl in place of glibc, which run on any Linux of this machine's processor. Its
# libraries come from tools/libraries.sh; tools/static.sh calls both.
set(CMAKE_C_COMPILER musl-gcc)
set(CMAKE_ASM_COMPILER musl-gcc)
set(CMAKE_FIND_ROOT_PATH ${CMAKE_CURRENT_LIST_DIR}/../build/libraries/${CMAKE_HOST_SYSTEM_PROCESSOR}-linux-musl)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${CMAKE_FIND_ROOT_PATH}/lib/pkgconfig)
set(PKG_CONFIG_ARGN --static)
# musl gives a thread 128 KB of stack, where glibc gives 8 MB
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -Wl,-z,stack-size=8388608")
set(WKV_MPI OFF CACHE BOOL "Open MPI loads plug-ins, which a static program cannot")
