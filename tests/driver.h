/* driver.h - the tests of the OpenCL device under AddressSanitizer: PoCL and the compiler in it keep memory to the end,
 * and unload code before it, so that the stacks of their leaks cannot be told from others. Leaks are not looked for. */
#ifndef WKV_TESTS_DRIVER_H
#define WKV_TESTS_DRIVER_H

const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }

#endif
