# Run at the end of an installation: a program linked with libwkv.so must find it. WKV_LIBRARIES is the folder it went
# to.
if(DEFINED ENV{DESTDIR} AND NOT "$ENV{DESTDIR}" STREQUAL "")
  message(STATUS "DESTDIR is set: the installer of the package runs ldconfig")
  return()
endif()
if(NOT CMAKE_HOST_SYSTEM_NAME STREQUAL "Linux")
  return()
endif()
find_program(LDCONFIG ldconfig PATHS /sbin /usr/sbin)
# as ldconfig -v names the folders it knows, "/usr/local/lib:" or "/usr/local/lib: (from ...)"
execute_process(COMMAND ${LDCONFIG} -N -X -v OUTPUT_VARIABLE folders ERROR_QUIET)
string(FIND "\n${folders}" "\n${WKV_LIBRARIES}:" known)
if(known EQUAL -1)
  message(STATUS "The dynamic linker does not look into ${WKV_LIBRARIES}. Programs that use libwkv need:\n"
    "     export LD_LIBRARY_PATH=${WKV_LIBRARIES} PKG_CONFIG_PATH=${WKV_LIBRARIES}/pkgconfig")
  return()
endif()
execute_process(COMMAND ${LDCONFIG} RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
if(failed)
  message(STATUS "Programs that use libwkv.so find it after:\n     sudo ldconfig")
else()
  message(STATUS "Ran ldconfig")
endif()
