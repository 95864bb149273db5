/* console.h - Windows: a test that calls one of these runs in a console of its own, without a window, so that Ctrl-C
 * reaches the test and the programs that it starts, and no other. A job ends them with the test. */
#ifndef WKV_TESTS_CONSOLE_H
#define WKV_TESTS_CONSOLE_H

#include <stdint.h>

void console_interrupt(void);        /* Ctrl-C; the test stays               */
void console_kill(intptr_t process); /* its exit status is then -1           */

#endif
