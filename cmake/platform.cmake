# The system: src/base/platform has one folder for each kind, with the same functions.
if(WIN32)
  set(PLATFORM windows)
else()
  set(PLATFORM posix)
endif()
file(GLOB PLATFORM_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/base/platform/*.c
     ${CMAKE_SOURCE_DIR}/src/base/platform/${PLATFORM}/*.c)
if(EMSCRIPTEN) # POSIX, but for memory and processors
  list(FILTER PLATFORM_SOURCES EXCLUDE REGEX "posix/(map|memory|pages|processor).c$")
  file(GLOB BROWSER_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/base/platform/browser/*.c)
  list(APPEND PLATFORM_SOURCES ${BROWSER_SOURCES})
endif()
