# Toolchain: WebAssembly for browsers, with Debian's emscripten (3.1.6); the libraries are those of tools/libraries.sh.
# tests/test_wasm.sh runs in node and Chromium.
set(CMAKE_C_LINKER_LAUNCHER ${CMAKE_COMMAND} -E env NODE_PATH=/usr/share/nodejs) # where node is not Debian's too
include(/usr/share/emscripten/cmake/Modules/Platform/Emscripten.cmake)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
set(WASM_LIBRARIES ${CMAKE_CURRENT_LIST_DIR}/../build/libraries/wasm32-unknown-emscripten)
set(CMAKE_FIND_ROOT_PATH ${WASM_LIBRARIES})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${WASM_LIBRARIES}/lib/pkgconfig)
add_compile_options(-msimd128)
