# Devices in libraries of their own, which the program loads when they are asked for (src/ops/plugin.h). Both sides have
# the hash of the interfaces that they share.
include(GNUInstallDirs)
set(SHARED_INTERFACES "${PROJECT_VERSION}")
foreach(header ops/plugin.h ops/device.h ops/ops.h format/layout.h format/dtype.h base/arena.h)
  file(SHA256 ${CMAKE_SOURCE_DIR}/src/${header} hash)
  string(APPEND SHARED_INTERFACES ${hash})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${header})
endforeach()
string(SHA256 SHARED_INTERFACES "${SHARED_INTERFACES}")
set_source_files_properties(src/cpu/plugin.c src/opencl/open.c PROPERTIES COMPILE_DEFINITIONS
  "WKV_BUILD=\"${SHARED_INTERFACES}\";PLUGIN_FOLDER=\"../${CMAKE_INSTALL_LIBDIR}/wkv\"")

if(OPENCL_FOUND AND NOT WKV_SANITIZE MATCHES thread) # drivers are not built for ThreadSanitizer
  file(GLOB OPENCL_SOURCES CONFIGURE_DEPENDS src/opencl/*.c)
  file(GLOB OPENCL_KERNELS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/opencl/kernels/*.cl)
  add_library(wkv_opencl MODULE ${OPENCL_SOURCES} src/opencl/kernels.S src/format/dtype.c src/format/codes.c src/format/layout.c
              src/base/cores.c ${PLATFORM_SOURCES})
  set_target_properties(wkv_opencl PROPERTIES PREFIX lib OUTPUT_NAME wkv-opencl LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  set_source_files_properties(src/opencl/kernels.S PROPERTIES
    COMPILE_OPTIONS "-Wa,-I${CMAKE_SOURCE_DIR}/src/opencl/kernels" OBJECT_DEPENDS "${OPENCL_KERNELS}")
  target_include_directories(wkv_opencl PRIVATE include src)
  target_link_libraries(wkv_opencl PRIVATE PkgConfig::OPENCL m)
  if(NOT WKV_SANITIZE AND NOT APPLE) # whose names come with the program
    target_link_options(wkv_opencl PRIVATE -Wl,--no-undefined)
  endif()
endif()
