# Tests that macOS leaves out. Tests that lack a program or a part of the build skip themselves.
set(SKIPS
  "test_kill=it ends processes through LD_PRELOAD and system calls of Linux"
  "test_passes=it forks under a limit of addresses, which macOS does not set"
  "test_packages=the packages are those of Linux"
  "test_deploy=it installs servers of Linux"
  "mutants=it replaces functions of the library by --wrap of GNU's linker")
include(cmake/skips.cmake)
