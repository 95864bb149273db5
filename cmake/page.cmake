# The page with wkv inside (docs/platforms.md, "Browsers"): the library, the handlers of the server that a page needs,
# and src/wasm in place of libmicrohttpd, as one HTML file; and the self-test for node, with exact multiply-adds.
set(MEMORY -sALLOW_MEMORY_GROWTH -sMAXIMUM_MEMORY=4GB)

set(PAGE_SOURCES answers answers_begin calls chat_prompt echo engine exchange_reply fields grammars held job kept
    logprobs model_report openai_chat out problem reports request request_chat request_messages request_tools running
    turns wire)
list(TRANSFORM PAGE_SOURCES PREPEND src/serve/)
list(TRANSFORM PAGE_SOURCES APPEND .c)
file(GLOB WASM_SOURCES CONFIGURE_DEPENDS src/wasm/*.c)
add_executable(wkv_page ${PAGE_SOURCES} ${WASM_SOURCES} src/study/score.c)
target_include_directories(wkv_page PRIVATE src)
target_link_libraries(wkv_page PRIVATE wkv_objects)
target_link_options(wkv_page PRIVATE ${MEMORY} -sMODULARIZE -sEXPORT_NAME=makeWkv -sENVIRONMENT=worker -lworkerfs.js
  --js-library ${CMAKE_SOURCE_DIR}/src/wasm/library.js -sEXPORTED_RUNTIME_METHODS=FS,allocateUTF8,UTF8ToString
  -sEXPORTED_FUNCTIONS=_malloc,_free)
set_target_properties(wkv_page PROPERTIES LINK_DEPENDS ${CMAKE_SOURCE_DIR}/src/wasm/library.js)

add_executable(wkv_selftest tests/wasm/selftest.c src/cpu/simd_v128.c)
target_include_directories(wkv_selftest PRIVATE include src)
set_property(TARGET wkv_selftest PROPERTY COMPILE_DEFINITIONS WKV_EXACT_FMA)
get_target_property(LIBRARIES wkv_objects LINK_LIBRARIES)
target_link_libraries(wkv_selftest PRIVATE $<FILTER:$<TARGET_OBJECTS:wkv_objects>,EXCLUDE,simd_v128> ${LIBRARIES})
target_link_options(wkv_selftest PRIVATE ${MEMORY} -sSINGLE_FILE -sENVIRONMENT=node -sEXIT_RUNTIME)

file(GLOB PAGE_FILES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/serve/web/* ${CMAKE_SOURCE_DIR}/src/wasm/web/*)
add_custom_command(OUTPUT wkv.html
  COMMAND ${NODE_JS_EXECUTABLE} ${CMAKE_SOURCE_DIR}/src/wasm/pack.js wkv.html ${CMAKE_SOURCE_DIR}/src
          wkv_page.js wkv_page.wasm
  DEPENDS wkv_page ${CMAKE_SOURCE_DIR}/src/wasm/pack.js ${CMAKE_SOURCE_DIR}/src/serve/page.S ${PAGE_FILES} VERBATIM)
add_custom_target(page ALL DEPENDS wkv.html)
