# Tests of a build for another processor: C tests and the program run under CMAKE_CROSSCOMPILING_EMULATOR. WKV is a
# script that runs the program in it; with WKV_EMULATOR a test starts itself again. tests/emulated.txt names the tests
# that are left out; the test left_out prints them. With the variable WKV_LONG those that take long run, too.
string(REPLACE ";" " " emulator "${CMAKE_CROSSCOMPILING_EMULATOR}")
function(emulated name command) # the script emulated/NAME
  set(script ${CMAKE_BINARY_DIR}/emulated/${name})
  file(WRITE ${script} "#!/bin/sh\nexec ${emulator} ${command} \"$@\"\n")
  file(CHMOD ${script} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endfunction()
foreach(program wkv wkv_scripted test_report bench_first_question)
  emulated(${program} ${CMAKE_BINARY_DIR}/${program})
endforeach()

# The Python package: libwkv.so, and Debian's Python for the processor (tools/foreign-python.sh)
file(CREATE_LINK ../python ${CMAKE_BINARY_DIR}/emulated/python SYMBOLIC)
set(root ${WKV_LIBRARIES_OF_HOST}/python/root)
emulated(python3 "-L ${root} ${root}/usr/bin/python3")
set_property(TEST test_python APPEND PROPERTY ENVIRONMENT PYTHON=${CMAKE_BINARY_DIR}/emulated/python3)

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
# RISC-V's vectors take qemu three times as long as its floating point: they are tested where instruction sets are
# compared with each other, and with the golden logits.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL riscv64)
  set_property(TEST ${tests} APPEND PROPERTY ENVIRONMENT "QEMU_CPU=rv64,v=false")
  set_property(TEST test_isa test_int8 test_candidates test_models
               APPEND PROPERTY ENVIRONMENT "QEMU_CPU=rv64,v=true,vext_spec=v1.0")
endif()
add_test(NAME left_out COMMAND ${CMAKE_COMMAND} -E cat ${CMAKE_BINARY_DIR}/emulated/left_out)
