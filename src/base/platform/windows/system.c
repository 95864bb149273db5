/* system.c - this process on Windows: arguments, folders, clocks, libraries, text. */
#include "base/platform/windows/windows.h"
#include "base/platform/system.h"
#include <bcrypt.h>
#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <locale.h>
#include <pthread.h>
#include <shellapi.h>
#include <stdlib.h>
#include <string.h>

int system_random(void *to, size_t bytes)
{
    if (!BCryptGenRandom(NULL, to, (ULONG)bytes, BCRYPT_USE_SYSTEM_PREFERRED_RNG)) return 0;
    errno = EIO;
    return -1;
}

long system_process(void) { return (long)GetCurrentProcessId(); }

int system_has_process(long number)
{
    HANDLE h = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)number);
    if (!h) return GetLastError() != ERROR_INVALID_PARAMETER;
    const int runs = WaitForSingleObject(h, 0) == WAIT_TIMEOUT;
    CloseHandle(h);
    return runs;
}

/* ---- this process ------------------------------------------------------------------------------------------------ */

static UINT codes_before;

static void restore_codes(void) { SetConsoleOutputCP(codes_before); }

/* A console gets UTF-8, and the control sequences of terminals. */
static void begin_console(void)
{
    DWORD mode;
    for (int i = 0; i < 3; i++) _setmode(i, _O_BINARY);
    codes_before = GetConsoleOutputCP();
    if (codes_before && SetConsoleOutputCP(CP_UTF8)) atexit(restore_codes);
    static const DWORD streams[] = {STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    for (int i = 0; i < 2; i++) {
        HANDLE h = GetStdHandle(streams[i]);
        if (GetConsoleMode(h, &mode)) SetConsoleMode(h, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    }
    setvbuf(stderr, NULL, _IONBF, 0);
}

char **system_begin(int *argc, char **argv)
{
    int n;
    begin_console();
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &n);
    char **all = wide ? calloc((size_t)n + 1, sizeof *all) : NULL;
    for (int i = 0; all && i < n; i++)
        if (!(all[i] = narrow_text(wide[i]))) n = i;
    LocalFree(wide);
    if (!all) return argv;
    *argc = n;
    return all;
}

/* %LOCALAPPDATA%, unless a variable of the XDG Base Directory Specification names another folder. */
int system_folder(char *out, size_t capacity, user_folder kind)
{
    static const struct {
        const char *variable, *below;
    } folders[] = {[USER_DATA] = {"XDG_DATA_HOME", ""},
                   [USER_STATE] = {"XDG_STATE_HOME", ""},
                   [USER_CACHE] = {"XDG_CACHE_HOME", "/cache"}};
    const char *given = system_variable(folders[kind].variable), *local = system_variable("LOCALAPPDATA");
    int n = -1;
    if (given && path_is_absolute(given))
        n = snprintf(out, capacity, "%s", given);
    else if (local && *local)
        n = snprintf(out, capacity, "%s%s", local, folders[kind].below);
    return n >= 0 && (size_t)n < capacity;
}

/* A variable that was read stays as it was then. */
const char *system_variable(const char *name)
{
    typedef struct known {
        struct known *next;
        char *name, *value;
    } known;
    static known *all;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    wchar_t *wide = wide_text(name);
    const wchar_t *now = wide ? _wgetenv(wide) : NULL;
    char *value = now ? narrow_text(now) : NULL;
    free(wide);
    if (!value) return NULL;
    pthread_mutex_lock(&lock);
    known *k = all;
    while (k && (strcmp(k->name, name) || strcmp(k->value, value))) k = k->next;
    if (!k && (k = malloc(sizeof *k))) {
        *k = (known){all, strdup(name), strdup(value)};
        if (k->name && k->value)
            all = k;
        else
            k = NULL;
    }
    pthread_mutex_unlock(&lock);
    free(value);
    return k ? k->value : NULL;
}

void system_set_variable(const char *name, const char *value)
{
    wchar_t *wide_name = wide_text(name), *wide_value = wide_text(value);
    if (wide_name && wide_value) _wputenv_s(wide_name, wide_value);
    free(wide_name);
    free(wide_value);
}

int system_program(char *out, size_t capacity)
{
    wchar_t path[4096];
    const DWORD n = GetModuleFileNameW(NULL, path, 4096);
    char *narrow = n && n < 4096 ? narrow_text(path) : NULL;
    const int fits = narrow && snprintf(out, capacity, "%s", narrow) < (int)capacity;
    free(narrow);
    return fits;
}

void system_raise_files(void) { _setmaxstdio(2048); }
void system_sleep(double seconds) { Sleep((DWORD)(seconds * 1000 + 0.5)); }

int thread_clock_own(thread_clock *out)
{
    HANDLE h;
    if (!DuplicateHandle(GetCurrentProcess(), GetCurrentThread(), GetCurrentProcess(), &h, THREAD_QUERY_INFORMATION,
                         FALSE, 0))
        return set_errno();
    *out = (thread_clock)h;
    return 0;
}

static int64_t microseconds(FILETIME t) { return ((int64_t)t.dwHighDateTime << 32 | t.dwLowDateTime) / 10; }

int64_t thread_clock_us(thread_clock c)
{
    FILETIME begun, ended, kernel, user;
    if (!GetThreadTimes((HANDLE)c, &begun, &ended, &kernel, &user)) return 0;
    return microseconds(kernel) + microseconds(user);
}

void thread_clock_release(thread_clock c) { CloseHandle((HANDLE)c); }
int64_t thread_processor_us(void) { return thread_clock_us((thread_clock)GetCurrentThread()); }

/* ---- libraries --------------------------------------------------------------------------------------------------- */

const char library_extension[] = ".dll";
int library_can_open(void) { return 1; }

void *library_open(const char *path)
{
    wchar_t *wide = wide_path(path);
    HMODULE m = wide ? LoadLibraryExW(wide, NULL, LOAD_WITH_ALTERED_SEARCH_PATH) : NULL;
    if (!m) set_errno();
    free(wide);
    return m;
}

void *library_symbol(void *library, const char *name) { return (void *)(uintptr_t)GetProcAddress(library, name); }
void library_close(void *library) { FreeLibrary(library); }
const char *library_error(void) { return strerror(errno); }

int library_own(char *out, size_t capacity, const void *code)
{
    (void)code; /* the program is one file */
    return system_program(out, capacity);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

char *text_copy(const char *text, size_t most)
{
    const size_t n = strnlen(text, most);
    char *copy = malloc(n + 1);
    if (!copy) return NULL;
    memcpy(copy, text, n);
    copy[n] = 0;
    return copy;
}

ptrdiff_t text_line(char **line, size_t *capacity, FILE *f)
{
    size_t n = 0;
    for (int c; (c = getc(f)) != EOF;) {
        if (n + 2 > *capacity || !*line) {
            char *more = realloc(*line, *capacity = 2 * *capacity + 128);
            if (!more) return -1;
            *line = more;
        }
        (*line)[n++] = (char)c;
        if (c == '\n') break;
    }
    if (!n) return -1;
    (*line)[n] = 0;
    return (ptrdiff_t)n;
}

void *locale_begin(void)
{
    _configthreadlocale(_ENABLE_PER_THREAD_LOCALE);
    char *before = setlocale(LC_NUMERIC, NULL);
    before = before ? strdup(before) : NULL;
    setlocale(LC_NUMERIC, "C");
    return before;
}

void locale_end(void *before)
{
    if (before) setlocale(LC_NUMERIC, before);
    free(before);
}
