# Toolchain: 64-bit Windows from Debian, with its gcc-mingw-w64-x86-64-posix, tests under Wine. The libraries are those of
# tools/libraries.sh. One program without other files: everything is linked into it.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_ASM_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/../tools/wine.sh)
set(WINDOWS_LIBRARIES ${CMAKE_CURRENT_LIST_DIR}/../build/libraries/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH ${WINDOWS_LIBRARIES} /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${WINDOWS_LIBRARIES}/lib/pkgconfig)

# _GNU_SOURCE: printf of C99 in place of the system's, and the functions of POSIX that mingw-w64 has.
# -muse-unaligned-vector-move: GCC aligns the stack of this system to 16 bytes only, and believes in 32 and 64.
add_compile_definitions(_GNU_SOURCE= __USE_MINGW_ANSI_STDIO=1 _FILE_OFFSET_BITS=64 _WIN32_WINNT=0x0A00 PCRE2_STATIC
                        UTF8PROC_STATIC)
add_compile_options($<$<COMPILE_LANGUAGE:C>:-Wno-format> $<$<COMPILE_LANGUAGE:C>:-Wa,-muse-unaligned-vector-move>)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")
set(CMAKE_C_STANDARD_LIBRARIES "-lws2_32 -lbcrypt -lpsapi -lshell32 -ladvapi32" CACHE STRING "of the system") # at the end
