# The built-in model: src/rwkv/builtin.S takes models/default.gguf into the library as it is.
set(BUILTIN_MODEL ${CMAKE_SOURCE_DIR}/models/default.gguf)

target_sources(wkv_objects PRIVATE src/rwkv/builtin.S)
set_source_files_properties(src/rwkv/builtin.S PROPERTIES
  COMPILE_DEFINITIONS "MODEL_FILE=\"${BUILTIN_MODEL}\""
  OBJECT_DEPENDS "${BUILTIN_MODEL}")

# The vocabularies: src/text/builtin.S takes them from models/vocabularies.
target_sources(wkv_objects PRIVATE src/text/builtin.S)
file(GLOB VOCABULARIES ${CMAKE_SOURCE_DIR}/models/vocabularies/*.gz)
set_source_files_properties(src/text/builtin.S PROPERTIES
  COMPILE_OPTIONS "-Wa,-I${CMAKE_SOURCE_DIR}/models/vocabularies"
  OBJECT_DEPENDS "${VOCABULARIES}")

# The self-test's models: src/rwkv/golden.S takes them from the tests.
target_sources(wkv_objects PRIVATE src/rwkv/golden.S)
file(GLOB GOLDEN_MODELS ${CMAKE_SOURCE_DIR}/tests/golden/models/*)
set_source_files_properties(src/rwkv/golden.S PROPERTIES
  COMPILE_OPTIONS "-Wa,-I${CMAKE_SOURCE_DIR}/tests/golden/models"
  OBJECT_DEPENDS "${GOLDEN_MODELS}")
