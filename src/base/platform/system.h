/* system.h - facts about the system and this process. */
#ifndef WKV_BASE_PLATFORM_SYSTEM_H
#define WKV_BASE_PLATFORM_SYSTEM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int system_random(void *to, size_t bytes); /* 0; -1: none, with errno */
long system_process(void);                 /* the number of this process */
int system_has_process(long number);       /* 0: there is none of this number */

/* ---- memory and processors --------------------------------------------------------------------------------------- */

size_t system_memory(void);           /* bytes of the machine; 0: unknown                          */
size_t system_memory_available(void); /* without swapping, limits of containers included           */
size_t system_memory_peak(void);      /* the most that was resident of this process                */
size_t system_memory_resident(void);  /* bytes of this process, pages of mapped files included     */
size_t system_cache(void);            /* bytes of the third level's cache; 0: unknown              */
int system_processors(void);          /* that this process may use at once, limits of containers included */
int system_cores(void);               /* the same, threads of a core counted once; of fast and slow cores the fast */

/* ---- this process ------------------------------------------------------------------------------------------------ */

/* Call first in main. Text is UTF-8 in arguments, paths and on the terminal; standard streams carry bytes as they are.
 * Returns the arguments; *argc is their number. */
char **system_begin(int *argc, char **argv);

/* The user's folder for this kind of files, without a slash at its end; 0: there is none, or no space. */
typedef enum { USER_DATA, USER_STATE, USER_CACHE } user_folder;
int system_folder(char *out, size_t capacity, user_folder kind);

/* A variable of the environment as UTF-8; NULL: not set. It stays valid. */
const char *system_variable(const char *name);
void system_set_variable(const char *name, const char *value); /* of this process */

int system_program(char *out, size_t capacity); /* path of the running program; 0: unknown */
void system_raise_files(void);                  /* allow as many open files as the system lets a process have */
void system_sleep(double seconds);

typedef intptr_t thread_clock;
int thread_clock_own(thread_clock *out); /* of the calling thread; 0, or -1 */
int64_t thread_clock_us(thread_clock c); /* microseconds of processor time */
void thread_clock_release(thread_clock c);
int64_t thread_processor_us(void); /* the same of the calling thread */

/* ---- libraries loaded at run time -------------------------------------------------------------------------------- */

extern const char library_extension[]; /* ".so" */
int library_can_open(void);            /* 0: a static program, which opens none */
void *library_open(const char *path);  /* NULL: library_error has the reason */
void *library_symbol(void *library, const char *name);
void library_close(void *library);
const char *library_error(void);
int library_own(char *out, size_t capacity, const void *code); /* path of the library with this code; 0: unknown */

/* ---- text -------------------------------------------------------------------------------------------------------- */

char *text_copy(const char *text, size_t most); /* at most that many bytes; freed by the caller. NULL: no memory */
ptrdiff_t text_line(char **line, size_t *capacity, FILE *f); /* getline(3) */

/* Between the two calls this thread's printf and strtod use the decimal point. */
void *locale_begin(void);
void locale_end(void *before);

#endif
