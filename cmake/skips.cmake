# Tests that a system leaves out: SKIPS is a list of NAME=REASON. The sum has a line for each.

# skipped(<name> <out>): the reason, or empty
function(skipped name out)
  foreach(skip ${SKIPS})
    if(skip MATCHES "^${name}=(.*)$")
      set(${out} "${CMAKE_MATCH_1}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(${out} "" PARENT_SCOPE)
endfunction()

function(add_skipped_test name reason)
  add_test(NAME ${name} COMMAND sh -c "echo 'skip ${reason}'; echo '0 passed, 0 failed'")
endfunction()
