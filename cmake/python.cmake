# The library of the Python package (python/wheel.py), for machines without the other libraries: those with an archive
# are linked into it. nettle stays a file beside it, which its licence (LGPL) lets a user replace, unless there is only
# its archive (tools/libraries.sh). Windows: wkv.dll, with libwkv.dll.a to link programs to it. macOS: libwkv.dylib as it
# is.
if(WKV_SANITIZE) # which a Python without them cannot load
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
if(WIN32) # linked without being asked for
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libwinpthread.a OUTPUT_VARIABLE threads
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  get_filename_component(threads ${threads} REALPATH)
  list(APPEND PYTHON_FILES ${threads})
endif()
list(FILTER PYTHON_FILES INCLUDE REGEX "^/") # without m
list(REMOVE_DUPLICATES PYTHON_FILES)
string(REPLACE ";" "\n" lines "${PYTHON_FILES}")
file(WRITE ${CMAKE_BINARY_DIR}/python/libraries.txt "${lines}\n")
if(APPLE)
  add_custom_target(wkv_python DEPENDS wkv_shared)
  return()
endif()
add_library(wkv_python SHARED $<TARGET_OBJECTS:wkv_objects>)
target_link_libraries(wkv_python PRIVATE ${PYTHON_LIBRARIES} Threads::Threads m ${CMAKE_DL_LIBS})
set_target_properties(wkv_python PROPERTIES OUTPUT_NAME wkv LINKER_LANGUAGE C BUILD_RPATH "$ORIGIN"
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/python
                      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/python
                      ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/python)
if(WIN32) # exports the names of a list; without the time of the link
  set(EXPORTS "EXPORTS\n")
  file(GLOB HEADERS CONFIGURE_DEPENDS include/*.h)
  foreach(header ${HEADERS})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
    file(READ ${header} text)
    string(REGEX MATCHALL "WKV_API [^;(]*wkv_[a-z0-9_]+\\(" declarations "${text}")
    string(REGEX REPLACE "WKV_API [^;(]*(wkv_[a-z0-9_]+)\\(" "\\1" names "${declarations}")
    string(REPLACE ";" "\n" names "${names}")
    string(APPEND EXPORTS "${names}\n")
  endforeach()
  file(WRITE ${CMAKE_BINARY_DIR}/python/wkv.def "${EXPORTS}")
  target_sources(wkv_python PRIVATE ${CMAKE_BINARY_DIR}/python/wkv.def)
  target_link_options(wkv_python PRIVATE -static -s -Wl,--no-insert-timestamp)
  set_target_properties(wkv_python PROPERTIES PREFIX "")
else()
  target_link_options(wkv_python PRIVATE -Wl,--no-undefined -Wl,--exclude-libs,ALL)
endif()
if(TARGET wkv_opencl)
  add_dependencies(wkv_python wkv_opencl)
endif()
