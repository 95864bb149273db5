# Flags of one instruction set go to that set's file only, so that the rest of the program runs anywhere; contraction is off in
# all of them because the fused multiply-adds are written out.
set(SIMD_FLAGS -ffp-contract=off -fno-trapping-math)
# Instrumented, their unrolled tiles take compilers many minutes; tests/test_devices.c puts their arrays against guard pages.
list(APPEND SIMD_FLAGS -fno-sanitize=all)
set_source_files_properties(src/cpu/simd_v128.c src/cpu/simd_neon.c PROPERTIES COMPILE_OPTIONS "${SIMD_FLAGS}")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  set_source_files_properties(src/cpu/simd_avx2.c PROPERTIES COMPILE_OPTIONS "${SIMD_FLAGS};-mavx2;-mfma;-mf16c")
  set_source_files_properties(src/cpu/simd_avx512.c PROPERTIES
    COMPILE_OPTIONS "${SIMD_FLAGS};-mavx2;-mfma;-mf16c;-mavx512f;-mavx512dq;-mavx512bw;-mavx512vl;-mprefer-vector-width=512")
endif()
