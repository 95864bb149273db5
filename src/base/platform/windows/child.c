/* child.c - other programs on Windows. */
#include "base/platform/windows/windows.h"
#include "base/platform/child.h"
#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdlib.h>
#include <string.h>

/* Append an argument in quotes, as CommandLineToArgvW undoes them: a backslash counts only before a quote. */
static void quote(char **to, const char *argument)
{
    char *at = *to;
    size_t backslashes = 0;
    *at++ = '"';
    for (; *argument; argument++) {
        const size_t more = *argument == '"' ? backslashes + 1 : 0;
        memset(at, '\\', more);
        at += more;
        backslashes = *argument == '\\' ? backslashes + 1 : 0;
        *at++ = *argument;
    }
    memset(at, '\\', backslashes);
    at += backslashes;
    *at++ = '"';
    *at++ = ' ';
    *at = 0;
    *to = at;
}

static wchar_t *command_line(const char *const *argv)
{
    size_t n = 1;
    for (const char *const *a = argv; *a; a++) n += 2 * strlen(*a) + 3;
    char *all = malloc(n), *at = all;
    for (; all && *argv; argv++) quote(&at, *argv);
    wchar_t *wide = all ? wide_text(all) : NULL;
    free(all);
    return wide;
}

static HANDLE inherited(HANDLE h)
{
    HANDLE copy = INVALID_HANDLE_VALUE;
    DuplicateHandle(GetCurrentProcess(), h, GetCurrentProcess(), &copy, 0, TRUE, DUPLICATE_SAME_ACCESS);
    return copy;
}

static int start(child *c, wchar_t *line, int reads, int speaks)
{
    SECURITY_ATTRIBUTES passed = {.nLength = sizeof passed, .bInheritHandle = TRUE};
    HANDLE null = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &passed,
                              OPEN_EXISTING, 0, NULL);
    HANDLE from = INVALID_HANDLE_VALUE, to = null;
    if (reads && !CreatePipe(&from, &to, &passed, 0)) return set_errno();
    if (reads) SetHandleInformation(from, HANDLE_FLAG_INHERIT, 0);
    HANDLE errors = speaks ? inherited(GetStdHandle(STD_ERROR_HANDLE)) : null;
    STARTUPINFOW how = {
        .cb = sizeof how, .dwFlags = STARTF_USESTDHANDLES, .hStdInput = null, .hStdOutput = to, .hStdError = errors};
    PROCESS_INFORMATION made;
    const int failed = CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &how, &made) ? 0 : set_errno();
    if (reads) CloseHandle(to);
    if (speaks) CloseHandle(errors);
    CloseHandle(null);
    if (failed) {
        if (reads) CloseHandle(from);
        return -1;
    }
    CloseHandle(made.hThread);
    *c = (child){.process = (intptr_t)made.hProcess};
    if (reads) c->output = _fdopen(_open_osfhandle((intptr_t)from, _O_RDONLY | _O_BINARY), "rb");
    return 0;
}

int child_start(child *c, const char *const *argv, int reads, int speaks)
{
    wchar_t *line = command_line(argv);
    if (!line) return -1;
    int failed = start(c, line, reads, speaks);
    free(line);
    if (!failed || errno != ENOENT) return failed;
    *c = (child){0}; /* as a child that found no program */
    return 0;
}

int child_can_pause(void) { return 0; }

int child_start_shell(child *c, const char *command)
{
    (void)c, (void)command;
    errno = ENOSYS;
    return -1;
}

void child_pause(const child *c) { (void)c; }
void child_continue(const child *c) { (void)c; }
void child_end(const child *c) { TerminateProcess((HANDLE)c->process, 1); }

int child_wait(child *c, const volatile sig_atomic_t *ended)
{
    DWORD status;
    if (!c->process) return CHILD_MISSING;
    if (c->output) fclose(c->output);
    c->output = NULL;
    while (WaitForSingleObject((HANDLE)c->process, 100) == WAIT_TIMEOUT)
        if (*ended) child_end(c);
    const int known = GetExitCodeProcess((HANDLE)c->process, &status);
    CloseHandle((HANDLE)c->process);
    return known ? (int)status : CHILD_FAILED;
}
