# libwkv.so of the Python package (python/wheel.py), for machines without the other libraries: those with an archive are
# linked into it. nettle stays a file beside it, which its licence (LGPL) lets a user replace, unless there is only its
# archive (tools/libraries.sh).
if(WKV_SANITIZE) # which a Python without them cannot load
  return()
endif()
if(APPLE)
  add_custom_target(wkv_python
    COMMAND ${CMAKE_COMMAND} -E echo "The Python package is not built on macOS: python/wheel.py reads libraries of Linux"
    COMMAND ${CMAKE_COMMAND} -E false)
  return()
endif()
set(PYTHON_LIBRARIES ${NETTLE_LINK_LIBRARIES})
foreach(library ${ZLIB_LIBRARIES} ${JANSSON_LINK_LIBRARIES} ${PCRE2_LINK_LIBRARIES} ${UTF8PROC_LINK_LIBRARIES}
        ${ZSTD_LINK_LIBRARIES} ${SQLITE_LINK_LIBRARIES} ${HIREDIS_LINK_LIBRARIES})
  string(REGEX REPLACE "\\.so$" ".a" archive ${library})
  if(EXISTS ${archive})
    list(APPEND PYTHON_LIBRARIES ${archive})
  else()
    list(APPEND PYTHON_LIBRARIES ${library})
  endif()
endforeach()
set(PYTHON_FILES ${PYTHON_LIBRARIES})
list(FILTER PYTHON_FILES INCLUDE REGEX "^/") # without m
list(REMOVE_DUPLICATES PYTHON_FILES)
string(REPLACE ";" "\n" lines "${PYTHON_FILES}")
file(WRITE ${CMAKE_BINARY_DIR}/python/libraries.txt "${lines}\n")
add_library(wkv_python SHARED $<TARGET_OBJECTS:wkv_objects>)
target_link_libraries(wkv_python PRIVATE ${PYTHON_LIBRARIES} Threads::Threads m ${CMAKE_DL_LIBS})
target_link_options(wkv_python PRIVATE -Wl,--no-undefined -Wl,--exclude-libs,ALL)
set_target_properties(wkv_python PROPERTIES OUTPUT_NAME wkv LINKER_LANGUAGE C BUILD_RPATH "$ORIGIN"
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/python)
if(TARGET wkv_opencl)
  add_dependencies(wkv_python wkv_opencl)
endif()
