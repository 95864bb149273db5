/* process.h - programs that a test starts, and the test itself as another process, on every system. */
#ifndef WKV_TESTS_PROCESS_H
#define WKV_TESTS_PROCESS_H

#ifdef _WIN32
#include "console.h"
#endif
#include "base/platform/child.h"
#include "base/platform/system.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The program under test: $WKV, or that in the current folder. */
static inline const char *process_program(void)
{
#ifdef _WIN32
    static const char own[] = "./wkv.exe";
#else
    static const char own[] = "./wkv";
#endif
    return getenv("WKV") ? getenv("WKV") : own;
}

/* Ask a program to end: SIGTERM, or Ctrl-C in the console of the test. */
static inline void process_ask_to_end(const child *c)
{
#ifdef _WIN32
    (void)c;
    console_interrupt();
#else
    child_end(c);
#endif
}

static inline void process_kill(const child *c)
{
#ifdef _WIN32
    console_kill(c->process);
#else
    kill((pid_t)c->process, SIGKILL);
#endif
}

/* Wait for its end, and print the rest of its output. The exit status; -1: it was killed. */
static inline int process_wait(child *c)
{
    static const volatile sig_atomic_t never;
    for (int byte; c->output && (byte = getc(c->output)) != EOF;) putchar(byte);
    const int status = child_wait(c, &never);
    return status < 0 ? -1 : status;
}

/* Start this test with these words as arguments; its output comes through c->output. $WKV_EMULATOR: a command, in words
 * without blanks, that runs programs of another processor. */
static inline int process_again(child *c, const char *const *words)
{
    static char program[4096], emulator[256];
    const char *argv[32];
    int n = 0;
    snprintf(emulator, sizeof emulator, "%s", getenv("WKV_EMULATOR") ? getenv("WKV_EMULATOR") : "");
    for (char *word = strtok(emulator, " "); word; word = strtok(NULL, " ")) argv[n++] = word;
    argv[n++] = program;
    while (*words) argv[n++] = *words++;
    argv[n] = NULL;
    return system_program(program, sizeof program) ? child_start(c, argv, 1, 1) : -1;
}

#endif
