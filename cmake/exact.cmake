# test_isa compares instruction sets by ==. On x86-64 the portable one differs from the others in multiply-adds alone,
# which this test's copy of it computes exactly (src/cpu/simd_v128.c).
add_library(wkv_exact OBJECT src/cpu/simd_v128.c)
target_include_directories(wkv_exact PRIVATE include src)
target_compile_definitions(wkv_exact PRIVATE WKV_EXACT_FMA)
target_sources(test_isa PRIVATE $<TARGET_OBJECTS:wkv_exact>
               $<FILTER:$<TARGET_OBJECTS:wkv_objects>,EXCLUDE,simd_v128>)
target_include_directories(test_isa PRIVATE include src)
get_target_property(LIBRARIES wkv_objects LINK_LIBRARIES)
target_link_libraries(test_isa PRIVATE ${LIBRARIES})
