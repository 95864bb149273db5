/* system.c - this process: arguments, folders, libraries, text. */
#define _GNU_SOURCE
#include "base/platform/system.h"
#include <dlfcn.h>
#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#ifdef __APPLE__
#include <xlocale.h> /* newlocale */
#endif
#include <unistd.h>

int system_random(void *to, size_t bytes) { return getentropy(to, bytes); } /* 256 at most */
long system_process(void) { return (long)getpid(); }
int system_has_process(long number) { return !kill((pid_t)number, 0) || errno != ESRCH; }

/* ---- this process ------------------------------------------------------------------------------------------------ */

char **system_begin(int *argc, char **argv)
{
    (void)argc;
    setlocale(LC_CTYPE, "");
    if (!strcmp(nl_langinfo(CODESET), "UTF-8")) return argv;           /* text is UTF-8 in every locale */
    if (!setlocale(LC_CTYPE, "C.UTF-8")) setlocale(LC_CTYPE, "UTF-8"); /* its name on macOS */
    return argv;
}

/* The folders of the XDG Base Directory Specification. */
int system_folder(char *out, size_t capacity, user_folder kind)
{
    static const struct {
        const char *variable, *below;
    } folders[] = {[USER_DATA] = {"XDG_DATA_HOME", ".local/share"},
                   [USER_STATE] = {"XDG_STATE_HOME", ".local/state"},
                   [USER_CACHE] = {"XDG_CACHE_HOME", ".cache"}};
    const char *given = getenv(folders[kind].variable), *home = getenv("HOME");
    int n = -1;
    if (given && *given == '/')
        n = snprintf(out, capacity, "%s", given);
    else if (home && *home)
        n = snprintf(out, capacity, "%s/%s", home, folders[kind].below);
    return n >= 0 && (size_t)n < capacity;
}

const char *system_variable(const char *name) { return getenv(name); }
void system_set_variable(const char *name, const char *value) { setenv(name, value, 1); }

void system_raise_files(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= l.rlim_max) return;
    l.rlim_cur = l.rlim_max;
    if (!setrlimit(RLIMIT_NOFILE, &l)) return;
#ifdef OPEN_MAX /* macOS refuses "no limit" */
    l.rlim_cur = OPEN_MAX;
    setrlimit(RLIMIT_NOFILE, &l);
#endif
}

void system_sleep(double seconds)
{
    const struct timespec t = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

int64_t thread_processor_us(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) ? 0 : (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- libraries --------------------------------------------------------------------------------------------------- */

const char library_extension[] = ".so";

int library_can_open(void)
{
    void *self = dlopen(NULL, RTLD_LAZY);
    if (self) dlclose(self);
    return self != NULL;
}

void *library_open(const char *path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }
void *library_symbol(void *library, const char *name) { return dlsym(library, name); }
void library_close(void *library) { dlclose(library); }
const char *library_error(void) { return dlerror(); }

int library_own(char *out, size_t capacity, const void *code)
{
    Dl_info us;
    if (!dladdr(code, &us) || !us.dli_fname) return 0;
    return snprintf(out, capacity, "%s", us.dli_fname) < (int)capacity;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

char *text_copy(const char *text, size_t most) { return strndup(text, most); }
ptrdiff_t text_line(char **line, size_t *capacity, FILE *f) { return getline(line, capacity, f); }

static locale_t c_locale; /* created once per process */

static void make_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

void *locale_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_locale);
    return uselocale(c_locale);
}

void locale_end(void *before) { uselocale(before); }
