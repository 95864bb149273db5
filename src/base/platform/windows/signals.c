/* signals.c - interruptions on Windows: the events of the console, and faults of mapped files. */
#include "base/platform/windows/windows.h"
#include "base/platform/signals.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const char *truncated_sentence;
static void (*on_interrupt)(int number);

static LONG WINAPI on_fault(EXCEPTION_POINTERS *fault)
{
    DWORD written;
    if (fault->ExceptionRecord->ExceptionCode != EXCEPTION_IN_PAGE_ERROR) return EXCEPTION_CONTINUE_SEARCH;
    WriteFile(GetStdHandle(STD_ERROR_HANDLE), truncated_sentence, (DWORD)strlen(truncated_sentence), &written, NULL);
    ExitProcess(1);
}

/* A closed pipe is an error of writing here; so is a full disk. No dialog is shown for a fault. */
void signals_begin(const char *truncated)
{
    truncated_sentence = truncated;
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    SetUnhandledExceptionFilter(on_fault);
}

static BOOL WINAPI on_event(DWORD event)
{
    on_interrupt(event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT ? SIGINT : SIGTERM);
    if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) Sleep(5000); /* the process ends when this returns */
    return TRUE;
}

void signals_on_interrupt(void (*fn)(int number))
{
    on_interrupt = fn;
    SetConsoleCtrlHandler(on_event, TRUE);
}

void signals_hold(signals_kept *before) { (void)before; }
void signals_restore(const signals_kept *before) { (void)before; }
