# librwkv.so (macOS: .dylib): rwkv.cpp's interface (compat/rwkv.h) over this library, which is inside it. Nothing else
# is exported.
add_library(rwkv SHARED compat/rwkv.c compat/quantize.c)
target_link_libraries(rwkv PRIVATE wkv_objects)
if(APPLE)
  file(WRITE ${CMAKE_BINARY_DIR}/rwkv.names "_rwkv_*\n")
  target_link_options(rwkv PRIVATE -Wl,-exported_symbols_list,${CMAKE_BINARY_DIR}/rwkv.names)
else()
  file(WRITE ${CMAKE_BINARY_DIR}/rwkv.map "{ global: rwkv_*; local: *; };\n")
  target_link_options(rwkv PRIVATE -Wl,--version-script=${CMAKE_BINARY_DIR}/rwkv.map)
endif()
target_sources(test_compat PRIVATE compat/rwkv.c compat/quantize.c)
target_include_directories(test_compat PRIVATE compat)
