/* cmd_doctor.c - `wkv doctor`: causes of slowness on this machine. */
#include "bench.h"
#include "commands.h"
#include "machine.h"
#include "models.h"
#include "base/platform/entry.h"
#include "base/platform/system.h"
#include <stdlib.h>
#include <string.h>

static int as_json;

static const option options[] = {
    {0, "json", OPT_SWITCH, NULL, &as_json, 0, 0, "", "write the report as JSON"},
};
static const group own = GROUP("Report", options);
static const option model_options[] = {
    {'m', "model", OPT_TEXT, "MODEL", &engine_model, 0, 0, "", "a model to check too: memory, disk, maximum speed"},
};
static const group about_model = GROUP("Model", model_options);
static const group *const groups[] = {&about_model, &own, &general_group, NULL};

typedef struct {
    processor cpu;
    memory_use memory;
    double available; /* bytes */
    wkv_roof roof;
    double alone; /* float32 operations per second of one thread; 0: not measured */
    double busy;  /* share of the CPU time that other programs use */
    int amx;
    double need, speed; /* with a model: bytes of its weights, maximum tokens per second */
    findings found;
} examination;

#if defined __SANITIZE_ADDRESS__
#define SANITIZER "AddressSanitizer"
#elif defined __SANITIZE_THREAD__
#define SANITIZER "ThreadSanitizer"
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZER "AddressSanitizer"
#elif __has_feature(thread_sanitizer)
#define SANITIZER "ThreadSanitizer"
#endif
#endif
#ifndef SANITIZER
#define SANITIZER NULL
#endif
#ifdef __OPTIMIZE__
enum { OPTIMIZED = 1 };
#else
enum { OPTIMIZED = 0 };
#endif

static void watch_others(examination *x)
{
    cpu_times before, after;
    read_times(&before, "");
    system_sleep(0.5);
    read_times(&after, "");
    x->busy = check_busy(&x->found, "", &before, &after, &x->cpu);
}

/* Each meter has its own buffer, so one is freed before the other is created. */
static int measure(examination *x)
{
    wkv_meter *meter;
    wkv_roof one;
    if (wkv_meter_new(&meter, 0)) return complain_library();
    wkv_meter_search(meter, 0.3, &x->roof);
    wkv_meter_free(meter);
    if (x->roof.threads < 2 || x->busy > BUSY) return 0; /* busy threads would look like a shared core */
    if (wkv_meter_new(&meter, 1)) return complain_library();
    wkv_meter_search(meter, 0.1, &one);
    wkv_meter_free(meter);
    x->alone = one.fma;
    return 0;
}

static void judge_disk(examination *x, const char *path)
{
    unsigned long type;
    unsigned major, minor;
    if (!entry_disk(path, &type, &major, &minor)) check_disk(&x->found, "", path, type, major, minor);
}

static int judge_model(examination *x)
{
    wkv_model *m;
    int status = model_open(&m, engine_model, &(wkv_model_options){.as_stored = 1});
    if (status) return status;
    wkv_work work;
    wkv_work_of(&work, m, 1, 1, 1, NULL);
    x->need = (double)wkv_model_bytes(m, NULL);
    x->speed = x->roof.read / work.bytes;
    check_memory(&x->found, x->need, x->available + (double)wkv_memory_resident());
    judge_disk(x, wkv_model_about(m)->path);
    wkv_model_close(m);
    return 0;
}

static int examine(examination *x)
{
    const char *isa;
    findings *f = &x->found;
    read_processor(&x->cpu, "");
    read_memory(&x->memory, "");
    x->available = (double)wkv_memory_available();
    x->amx = has_flag("", "amx_int8");
    watch_others(x);
    int status = measure(x);
    if (status) return status;
    isa = x->roof.fma_how;
    check_smt(f, &x->cpu);
    check_affinity(f, &x->cpu);
    check_quota(f, "", &x->cpu);
    check_governor(f, "");
    check_isa(f, "", isa, x->roof.int8_how, getenv("WKV_ISA"));
    if (x->busy <= BUSY) check_limits(f, isa, x->roof.threads, x->roof.read, x->roof.fma, x->alone);
    check_swap(f, &x->memory);
    check_pages(f, "");
    check_build(f, OPTIMIZED, SANITIZER);
    return engine_model ? judge_model(x) : 0;
}

/* ---- the report -------------------------------------------------------------------------------------------------- */

static void print_text(const examination *x)
{
    const wkv_roof *r = &x->roof;
    const findings *f = &x->found;
    char a[16], b[16];
    put_text("%sThe machine%s\n", bold(1), plain(1));
    put_text("  processor  %s, %d CPU%s on %d core%s, %d thread%s\n", *x->cpu.model ? x->cpu.model : "not known",
             x->cpu.cpus, x->cpu.cpus == 1 ? "" : "s", x->cpu.cores, x->cpu.cores == 1 ? "" : "s", r->threads,
             r->threads == 1 ? "" : "s");
    put_text("  kernels    %s, int8 by %s%s\n", r->fma_how, r->int8_how,
             x->amx ? "; AMX is present but unused by this version" : "");
    put_text("  memory     %s free of %s, read at %.1f GB/s\n", as_bytes(a, x->available), as_bytes(b, x->memory.total),
             r->read * 1e-9);
    put_text("  float32    %.0f GFLOP/s\n", r->fma * 1e-9);
    if (x->need > 0)
        put_text("  model      %s of weights, %.1f tokens/s at most, by the bandwidth\n", as_bytes(a, x->need),
                 x->speed);
    put_text("\n");
    if (!f->n) {
        put_text("%sno cause of slowness found%s\n", *bold(1) ? "\033[32m" : "", plain(1));
        return;
    }
    put_text("%sFindings%s\n", bold(1), plain(1));
    for (int i = 0; i < f->n; i++) put_text("  %d. %s\n     remedy: %s\n", i + 1, f->at[i].found, f->at[i].remedy);
}

static int print_json(const examination *x)
{
    const wkv_roof *r = &x->roof;
    json_t *list = json_array();
    for (int i = 0; i < x->found.n; i++) {
        const finding *one = &x->found.at[i];
        json_array_append_new(list,
                              json_pack("{s:s s:s s:s}", "id", one->id, "found", one->found, "remedy", one->remedy));
    }
    json_t *o =
        json_pack("{s:s s:s s:i s:i s:i s:s s:s s:b s:f s:f s:f s:f s:o}", "wkv", wkv_version(), "processor",
                  x->cpu.model, "cpus", x->cpu.cpus, "cores", x->cpu.cores, "threads", r->threads, "isa", r->fma_how,
                  "int8_how", r->int8_how, "amx", x->amx, "bandwidth_gbs", r->read * 1e-9, "fma_gflops", r->fma * 1e-9,
                  "memory_available_bytes", x->available, "busy_share", x->busy, "findings", list);
    if (o && x->need > 0) {
        json_object_set_new(o, "weight_bytes", json_real(x->need));
        json_object_set_new(o, "tokens_per_s_at_most", json_real(x->speed));
    }
    return bench_put_json(o);
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    examination x = {0};
    int status = examine(&x);
    if (status) return status;
    if (as_json) return print_json(&x);
    print_text(&x);
    return 0;
}

const command cmd_doctor = {
    .name = "doctor",
    .operands = "[MODEL]",
    .most = 0,
    .model = &engine_model,
    .summary = "find the causes of slowness on this machine",
    .about = "Measure memory bandwidth and arithmetic for a second; check the processor, its clock, other programs, "
             "containers' limits, swap, huge pages and this build; list each cause of slowness with its remedy. With a "
             "model: check that it fits into memory, and its disk.\n\n"
             "The exit status is 0 with or without findings; --json prints them for programs.",
    .examples = "wkv doctor  # the machine\n"
                "wkv doctor -m MODEL.pth  # and a model on it",
    .groups = groups,
    .run = run,
};
