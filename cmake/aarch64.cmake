# Toolchain: 64-bit Arm from another machine, with Debian's gcc-aarch64-linux-gnu, tests under qemu-user-static. The
# libraries that the formats need are seldom there for a foreign processor, so only the devices and their tests are built,
# and test_isa where two of them are (cmake/kernels.cmake).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_ASM_COMPILER aarch64-linux-gnu-gcc)
# -R: addresses are used again; without it qemu 7.2 keeps a table for each that was ever reserved, 100 MB a context
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -R 64G)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static) # threads of a program with shared libraries hang in qemu 7.2
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(WKV_KERNELS_ONLY ON CACHE BOOL "only the devices and their tests")
