/* clock.h - monotonic time from an arbitrary origin. */
#ifndef WKV_BASE_CLOCK_H
#define WKV_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_ns(void);            /* nanoseconds */
double clock_seconds(void);        /* the same in seconds */
double clock_processor(void);      /* seconds of processor time that all threads of the process took */
double clock_processor_step(void); /* seconds between two values of it: nanoseconds on Linux, 16 ms on Windows */

#endif
