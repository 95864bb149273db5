/* console.c - the console of a test, on Windows. A file of its own: windows.h has names that are also wkv's. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <stdlib.h>
#include "console.h"

static BOOL WINAPI console_stays(DWORD event)
{
    (void)event;
    return TRUE;
}

static void console_again(void)
{
    STARTUPINFOW how = {.cb = sizeof how,
                        .dwFlags = STARTF_USESTDHANDLES,
                        .hStdInput = GetStdHandle(STD_INPUT_HANDLE),
                        .hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE),
                        .hStdError = GetStdHandle(STD_ERROR_HANDLE)};
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {.BasicLimitInformation.LimitFlags =
                                                       JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE};
    PROCESS_INFORMATION made;
    DWORD status = 1;
    HANDLE job = CreateJobObjectW(NULL, NULL);
    SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    if (!CreateProcessW(NULL, GetCommandLineW(), NULL, NULL, TRUE, CREATE_NO_WINDOW | CREATE_SUSPENDED, NULL, NULL,
                        &how, &made))
        exit(1);
    AssignProcessToJobObject(job, made.hProcess);
    ResumeThread(made.hThread);
    WaitForSingleObject(made.hProcess, INFINITE);
    GetExitCodeProcess(made.hProcess, &status);
    exit((int)status);
}

static void __attribute__((constructor)) console_begin(void)
{
    if (!getenv("WKV_TEST_CONSOLE")) {
        _putenv_s("WKV_TEST_CONSOLE", "1");
        console_again();
    }
    SetConsoleCtrlHandler(console_stays, TRUE);
}

void console_interrupt(void) { GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0); }
void console_kill(intptr_t process) { TerminateProcess((HANDLE)process, (UINT)-1); }
