/* begin.h - threads with a stack that is large enough on every system. */
#ifndef WKV_BASE_PLATFORM_BEGIN_H
#define WKV_BASE_PLATFORM_BEGIN_H

#include <pthread.h>

/* Bytes of a thread's stack, as Linux gives them. macOS gives 512 KB, and the grammar of a hostile schema takes more;
 * Windows gives what the program's file says, 2 MB. */
enum { THREAD_STACK = 8 << 20 };

int thread_begin(pthread_t *out, void *(*run)(void *), void *arg); /* 0, or an errno */

#endif
