# The system: src/base/platform has one folder for each kind, with the same functions.
if(WIN32)
  set(PLATFORM windows)
else()
  set(PLATFORM posix)
endif()
file(GLOB PLATFORM_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/base/platform/*.c
     ${CMAKE_SOURCE_DIR}/src/base/platform/${PLATFORM}/*.c)
