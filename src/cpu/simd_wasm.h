/* simd_wasm.h - primitives of the portable instances on WebAssembly with vectors of 128 bits (SIMD128). */
#ifdef __wasm_simd128__
#include <wasm_simd128.h>

/* Not as a shuffle with zeros: clang 14 then reads memory after later stores to it. */
#define LOAD_HALVES(p) wasm_u32x4_load16x4(p)

/* The sums of the products of neighbours. */
#define PRODUCTS_OF_SHORTS(a, b) wasm_i32x4_dot_i16x8(a, b)
#endif
