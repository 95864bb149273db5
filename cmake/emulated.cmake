# Tests of a build for another processor: C tests and the program run under CMAKE_CROSSCOMPILING_EMULATOR. WKV is a
# script that runs the program in it; with WKV_EMULATOR a test starts itself again. tests/emulated.txt names the tests
# that are left out; the test left_out prints them. With the variable WKV_LONG those that take long run, too.
foreach(program wkv wkv_scripted test_report bench_first_question)
  string(REPLACE ";" " " emulator "${CMAKE_CROSSCOMPILING_EMULATOR}")
  file(WRITE ${CMAKE_BINARY_DIR}/emulated/${program} "#!/bin/sh\nexec ${emulator} ${CMAKE_BINARY_DIR}/${program} \"$@\"\n")
  file(CHMOD ${CMAKE_BINARY_DIR}/emulated/${program}
       PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endforeach()

file(CREATE_LINK ../python ${CMAKE_BINARY_DIR}/emulated/python SYMBOLIC) # libwkv.so of the Python package
set_property(TEST test_python APPEND PROPERTY ENVIRONMENT PYTHON=${WKV_LIBRARIES_OF_HOST}/python/python3)

set(LEFT_OUT "")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/emulated.txt)
file(STRINGS ${CMAKE_SOURCE_DIR}/tests/emulated.txt rows REGEX "^[a-z]")
foreach(row ${rows})
  string(REGEX REPLACE " *\\| *" ";" row "${row}")
  list(GET row 0 test)
  list(GET row 1 processors)
  list(GET row 2 reason)
  if(processors STREQUAL "long")
    string(APPEND reason " (WKV_LONG=1 runs it)")
  endif()
  if(" ${processors} " MATCHES " (all|${CMAKE_SYSTEM_PROCESSOR}) "
     OR (processors STREQUAL "long" AND NOT DEFINED ENV{WKV_LONG}))
    string(APPEND LEFT_OUT "skip ${test}: ${reason}\n")
    if(TEST ${test}) # some are not built
      set_tests_properties(${test} PROPERTIES DISABLED TRUE)
    endif()
  endif()
endforeach()
file(WRITE ${CMAKE_BINARY_DIR}/emulated/left_out "${LEFT_OUT}")
get_property(tests DIRECTORY PROPERTY TESTS)
foreach(test ${tests})
  set_tests_properties(${test} PROPERTIES TIMEOUT 3600)
  set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT WKV=${CMAKE_BINARY_DIR}/emulated/wkv "WKV_EMULATOR=${emulator}")
endforeach()
add_test(NAME left_out COMMAND ${CMAKE_COMMAND} -E cat ${CMAKE_BINARY_DIR}/emulated/left_out)
