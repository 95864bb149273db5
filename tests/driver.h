/* driver.h - for tests that load an OpenCL driver: LeakSanitizer reports what drivers and their compilers keep. */
#ifndef WKV_TESTS_DRIVER_H
#define WKV_TESTS_DRIVER_H

#ifdef __SANITIZE_ADDRESS__
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libpocl\nleak:libLLVM\nleak:libclang\n"; }
#endif

#endif
