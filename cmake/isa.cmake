# Flags of one instruction set go to that set's file only, so that the rest of the program runs anywhere; contraction is off in
# all of them because the fused multiply-adds are written out.
set(SIMD_FLAGS -ffp-contract=off -fno-trapping-math)
# Instrumented, their unrolled tiles take compilers many minutes; tests/devices.h puts their arrays against guard pages.
list(APPEND SIMD_FLAGS -fno-sanitize=all)
# The products in integer arithmetic are vectors already: vectorizing their few scalar loops costs more than it saves.
set(INT8_FLAGS ${SIMD_FLAGS} -fno-tree-vectorize -fno-tree-slp-vectorize)
set_source_files_properties(src/cpu/simd_v128.c src/cpu/simd_neon.c PROPERTIES COMPILE_OPTIONS "${SIMD_FLAGS}")
set_source_files_properties(src/cpu/int8_portable.c src/cpu/int8_neon.c PROPERTIES COMPILE_OPTIONS "${INT8_FLAGS}")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  set(AVX2 -mavx2 -mfma -mf16c)
  set(AVX512 ${AVX2} -mavx512f -mavx512dq -mavx512bw -mavx512vl -mprefer-vector-width=512)
  set_source_files_properties(src/cpu/simd_avx2.c PROPERTIES COMPILE_OPTIONS "${SIMD_FLAGS};${AVX2}")
  set_source_files_properties(src/cpu/simd_avx512.c PROPERTIES COMPILE_OPTIONS "${SIMD_FLAGS};${AVX512}")
  set_source_files_properties(src/cpu/int8_avx2.c PROPERTIES COMPILE_OPTIONS "${INT8_FLAGS};${AVX2}")
  set_source_files_properties(src/cpu/int8_avx512.c PROPERTIES COMPILE_OPTIONS "${INT8_FLAGS};${AVX512}")
  set_source_files_properties(src/cpu/int8_avx512vnni.c PROPERTIES COMPILE_OPTIONS "${INT8_FLAGS};${AVX512};-mavx512vnni")
  include(CheckCCompilerFlag)
  check_c_compiler_flag(-mavxvnni HAVE_AVXVNNI) # since GCC 11 and Clang 12
  if(HAVE_AVXVNNI)
    set_source_files_properties(src/cpu/int8_avxvnni.c PROPERTIES COMPILE_OPTIONS "${INT8_FLAGS};${AVX2};-mavxvnni")
    set_source_files_properties(src/cpu/int8.c PROPERTIES COMPILE_DEFINITIONS INT8_AVXVNNI)
  endif()
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64|ARM64")
  set_source_files_properties(src/cpu/int8_neondot.c PROPERTIES COMPILE_OPTIONS "${INT8_FLAGS};-march=armv8.2-a+dotprod")
  include(CheckCCompilerFlag)
  check_c_compiler_flag(-march=armv8.2-a+dotprod+i8mm HAVE_I8MM) # since GCC 10 and Clang 11
  if(HAVE_I8MM)
    set_source_files_properties(src/cpu/int8_neoni8mm.c PROPERTIES COMPILE_OPTIONS "${INT8_FLAGS};-march=armv8.2-a+dotprod+i8mm")
    set_source_files_properties(src/cpu/int8.c PROPERTIES COMPILE_DEFINITIONS INT8_I8MM)
  endif()
elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL riscv64)
  set_source_files_properties(src/cpu/simd_v128.c PROPERTIES COMPILE_OPTIONS "${SIMD_FLAGS};-O2") # -O3 takes minutes
  if(CMAKE_C_COMPILER_ID STREQUAL Clang AND CMAKE_C_COMPILER_VERSION VERSION_GREATER_EQUAL 14) # GCC 12 makes no vectors
    set(RVV -march=rv64gcv -mllvm -riscv-v-vector-bits-min=128)
    set_source_files_properties(src/cpu/simd_rvv.c PROPERTIES COMPILE_OPTIONS "${SIMD_FLAGS};${RVV}")
    set_source_files_properties(src/cpu/int8_rvv.c PROPERTIES COMPILE_OPTIONS "${INT8_FLAGS};${RVV}")
    set_source_files_properties(src/cpu/simd.c src/cpu/int8.c PROPERTIES COMPILE_DEFINITIONS WKV_RVV)
  endif()
endif()
