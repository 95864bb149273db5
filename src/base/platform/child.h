/* child.h - other programs, started from this one. */
#ifndef WKV_BASE_PLATFORM_CHILD_H
#define WKV_BASE_PLATFORM_CHILD_H

#include <signal.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
    intptr_t process;
    FILE *output; /* its standard output; NULL: discarded */
} child;

enum { CHILD_MISSING = 127, CHILD_FAILED = 126 }; /* exit statuses: no such program; it could not be started */

/* Start a program found in PATH, without a shell and without input. `reads`: its output comes through c->output.
 * `speaks`: its errors appear on our standard error. 0, or -1 with errno. */
int child_start(child *c, const char *const *argv, int reads, int speaks);
/* Start a command of the shell, with its output in c->output; it is stopped together with its children. */
int child_start_shell(child *c, const char *command);
int child_can_pause(void); /* 0: the system cannot pause other programs; child_start_shell fails */
void child_pause(const child *c);
void child_continue(const child *c);
void child_end(const child *c); /* ask it to end */
/* Wait for its end; once *ended is set, it is asked to end. Returns its exit status, or minus the signal that ended
 * it. */
int child_wait(child *c, const volatile sig_atomic_t *ended);

#endif
