/* wkv_bench.h - the hardware limits that a model's speed is compared with, the work that a pass takes, and models of
 * published sizes that need no file.
 *
 *     wkv_meter *meter;  wkv_roof roof;  wkv_work w;
 *     wkv_meter_new(&meter, 0);
 *     wkv_meter_search(meter, 1, &roof);                       // bytes and operations per second, at most
 *     wkv_work_of(&w, m, 1, 1, 1, NULL);                       // of one token read by one text, logits wanted
 *     double most = 1 / fmax(w.bytes / roof.read, w.flops / roof.fma); // tokens per second that float32 can reach here
 *
 * Conventions are those of wkv.h. */
#ifndef WKV_BENCH_H
#define WKV_BENCH_H

#include "wkv_study.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the machine ------------------------------------------------------------------------------------------------- */

typedef struct {
    int threads;
    double read;        /* bytes per second read from memory by all threads together                                  */
    int streams, ahead; /* how: streams that each thread walks at once; bytes that prefetches run ahead, 0: none      */
    double fma;         /* operations per second, a float32 multiply-add being two                                    */
    const char *fma_how; /* the instruction set, "avx512"                                                            */
    double int8; /* operations per second of dot products of bytes, a multiply-add being two                   */
    const char *int8_how; /* "AVX-512 VNNI", "AVX-VNNI", "AVX2", "portable C" */
} wkv_roof;

/* What measures them: threads, and a buffer larger than the caches, in memory from the beginning. */
typedef struct wkv_meter wkv_meter;

/* For that many threads (0: one per physical core), in the instruction set that WKV_ISA names, else the best. WKV_EARG,
 * WKV_EUNSUPPORTED, WKV_ENOMEM. */
WKV_API int wkv_meter_new(wkv_meter **out, int threads);
WKV_API void wkv_meter_free(wkv_meter *m);

/* Measure for about `seconds`. Each figure is the best ever seen, because a limit is what other programs on the machine
 * can only hide: searching again can only raise it. */
WKV_API void wkv_meter_search(wkv_meter *m, double seconds, wkv_roof *best);

/* What the machine does at this moment, in some ten milliseconds: once, in the way that the search found best. Where
 * other programs come and go, what was reached is to be compared with the moments before and after. */
WKV_API void wkv_meter_now(wkv_meter *m, wkv_roof *out);

/* ---- the work ---------------------------------------------------------------------------------------------------- */

typedef struct {
    double bytes; /* weights once, a row of the embedding for each token, states once                                */
    double read;  /* the same without the rows of ffn.value that are not read because they belong to zeros           */
    double flops; /* of the matrix products, a multiply-add being two; a few per cent more is done beside them       */
    double int8;  /* those of them that are dot products of bytes: their weights are stored in blocks                */
} wkv_work;

/* What one pass takes: `texts` texts that read `tokens` tokens each, with the logits of the last `logits` of each.
 * sparsity: the counts of wkv_measure_sparsity in such passes, layer after layer; NULL: no skipped inputs. */
WKV_API void wkv_work_of(wkv_work *out, const wkv_model *m, int texts, int tokens, int logits,
                         const wkv_sparsity *sparsity);

/* How often all threads of a context have waited for each other so far, modulo 2^32; one thread never does. */
WKV_API unsigned wkv_context_barriers(const wkv_context *c);

/* ---- version 4's recurrence -------------------------------------------------------------------------------------- */

/* Seconds that the recurrence of one text takes, forward and backward: token by token, and as a parallel scan. */
typedef struct {
    double forward, backward, scan_forward, scan_backward;
} wkv_scan_times;

/* Measure the recurrence of `tokens` tokens of `channels` channels on the CPU with so many threads (0: one per core):
 * the fastest of several runs, which take about `seconds` together. WKV_EARG: a count below 1 or above 2^20;
 * WKV_ENOMEM. */
WKV_API int wkv_scan_measure(wkv_scan_times *out, int tokens, int channels, int threads, double seconds);

/* ---- models of published sizes ----------------------------------------------------------------------------------- */

/* A model of the published size `shape`, "7:0.1B" to "7:13.3B" or "4:169M" to "4:14B", made in memory of random weights
 * in the types and the layout that wkv_model_options' `type` gives a model (NULL: "bf16"). Numbers stay sane, and as
 * many squared ReLUs are zero in each layer as is published for that size or one like it. It computes at the speed of a
 * trained model and says nothing. WKV_EARG for another shape or type, with the list; WKV_ENOMEM, before anything is
 * allocated, when there is no memory for the weights, for `states` states, and for a pass. */
WKV_API int wkv_model_synthetic(wkv_model **out, const char *shape, const char *type, int states);

/* The name of the i-th published size; NULL: there are fewer. */
WKV_API const char *wkv_synthetic_name(int i);

#ifdef __cplusplus
}
#endif
#endif
