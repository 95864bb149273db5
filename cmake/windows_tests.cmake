# Tests that need things which Windows or Wine does not have, with the reasons.
set(SKIPS
  "test_chat=it talks to the program through a terminal of POSIX"
  "test_file_posix=links, modes and FIFOs are those of POSIX"
  "test_kill=it ends processes through LD_PRELOAD"
  "test_opencl=OpenCL is left out"
  "test_opencl_layers=OpenCL is left out"
  "test_opencl_memory=OpenCL is left out"
  "test_opencl_models=OpenCL is left out"
  "test_opencl_train=OpenCL is left out"
  "test_passes=the limits of a process (setrlimit) are those of POSIX"
  "test_pull=wkv pull calls curl, which Wine does not have"
  "test_files=it is about links, FIFOs, rights and signals of POSIX"
  "test_opencl_command=OpenCL is left out"
  "test_session_command=test_kill makes its session"
  "test_mpi=Open MPI is left out"
  "test_compat=librwkv.so is a library of Linux"
  "test_packages=the packages are those of Linux"
  "test_deploy=it installs servers of Linux"
  "test_peers=its peers are programs of Linux"
  "test_checks=it reads the sources, as the tests of Linux have done"
  "test_docs=it reads the sources, as the tests of Linux have done"
  "test_language=it reads the sources, as the tests of Linux have done"
  "test_setup=it is about the machine that builds")

include(cmake/skips.cmake)
