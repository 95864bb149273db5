/* machine.h - causes of slow computing, detected from /proc and /sys.
 *
 * Each check reads below `root` ("" on a real machine, a folder of files in tests) or takes its figures as arguments,
 * and adds a finding with its remedy, or nothing. A missing file means unknown and adds no finding. */
#ifndef WKV_CLI_MACHINE_H
#define WKV_CLI_MACHINE_H

#include <stddef.h>

enum { FINDINGS = 24 };
#define BUSY 0.15 /* share of the CPU time above which other programs matter */

typedef struct {
    const char *id; /* "smt", for programs */
    char found[400], remedy[400];
} finding;

typedef struct {
    finding at[FINDINGS];
    int n;
} findings;

typedef struct {
    char model[128]; /* "AMD EPYC"; "": not known */
    int cpus, cores; /* online; hardware threads of a core count once */
    int allowed;     /* CPUs this process may run on */
    int allowed_cores;
} processor;

void read_processor(processor *p, const char *root);
int has_flag(const char *root, const char *flag); /* a flag of the processor: "amx_int8" */

/* ---- processor --------------------------------------------------------------------------------------------------- */

void check_smt(findings *f, const processor *p);
void check_affinity(findings *f, const processor *p);
void check_quota(findings *f, const char *root, const processor *p); /* cgroups of versions 1 and 2 */
void check_governor(findings *f, const char *root);
/* chosen, int8: the kernels in use, named as in wkv_roof; forced: WKV_ISA, NULL: not set. */
void check_isa(findings *f, const char *root, const char *chosen, const char *int8, const char *forced);

/* ---- other programs ---------------------------------------------------------------------------------------------- */

typedef struct {
    double busy, stolen, all; /* ticks of all CPUs since the start; all 0: unknown */
} cpu_times;

void read_times(cpu_times *t, const char *root);
/* Compare two samples between which this program slept. Returns the busy share, 0 to 1. */
double check_busy(findings *f, const char *root, const cpu_times *before, const cpu_times *after, const processor *p);

/* ---- memory and disk --------------------------------------------------------------------------------------------- */

typedef struct {
    double total, swap_used; /* bytes */
} memory_use;

void read_memory(memory_use *m, const char *root);
void check_swap(findings *f, const memory_use *m);
void check_memory(findings *f, double need, double available); /* bytes of a model, and free */
void check_pages(findings *f, const char *root);               /* transparent huge pages */
/* path: the model; type: f_type of statfs(2); the device's numbers as stat(2) has them. */
void check_disk(findings *f, const char *root, const char *path, unsigned long type, unsigned major, unsigned minor);

/* ---- measured ---------------------------------------------------------------------------------------------------- */

/* Bytes and float32 operations per second of `threads` threads, operations of one thread alone (0: not measured). */
void check_limits(findings *f, const char *isa, int threads, double read, double fma, double fma_alone);
void check_build(findings *f, int optimized, const char *sanitizer); /* sanitizer NULL: none */

#endif
