/* wkv_bench.h - hardware limits, the work of a pass, and synthetic models of published sizes, to measure a model's
 * speed against its roofline.
 *
 *     wkv_meter *meter;  wkv_roof roof;  wkv_work w;
 *     wkv_meter_new(&meter, 0);
 *     wkv_meter_search(meter, 1, &roof);                       // bytes and operations per second, at most
 *     wkv_work_of(&w, m, 1, 1, 1, NULL);                       // one token of one text, with logits
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
    double read;         /* bytes per second read from memory by all threads together */
    int streams, ahead;  /* the best access pattern: parallel streams per thread; prefetch distance in bytes, 0: none */
    double fma;          /* float32 operations per second, a multiply-add is two */
    const char *fma_how; /* the instruction set, "avx512" */
    double int8;         /* int8 dot product operations per second, a multiply-add is two */
    const char *int8_how; /* "AVX-512 VNNI", "AVX-VNNI", "AVX2", "portable C" */
} wkv_roof;

/* The measuring threads and a buffer larger than the caches, resident from the start. */
typedef struct wkv_meter wkv_meter;

/* threads: 0: one per physical core. The instruction set is WKV_ISA's, else the best. WKV_EARG, WKV_EUNSUPPORTED,
 * WKV_ENOMEM. */
WKV_API int wkv_meter_new(wkv_meter **out, int threads);
WKV_API void wkv_meter_free(wkv_meter *m);

/* If the device of a context has memory of its own, measure it from now on in place of the processor; the context stays
 * open as long as the meter. Its int8 limit is the float32 limit, in which it multiplies. WKV_ENOMEM,
 * WKV_EUNSUPPORTED. */
WKV_API int wkv_meter_use(wkv_meter *m, const wkv_context *c);

/* Measure for about `seconds`. Each figure is the best seen so far, because other programs can only lower a
 * measurement: searching again can only raise it. */
WKV_API void wkv_meter_search(wkv_meter *m, double seconds, wkv_roof *best);

/* Measure the current limits once, in about ten milliseconds, with the best access pattern of the search. On a machine
 * shared with other programs, compare a speed with the measurements before and after it. */
WKV_API void wkv_meter_now(wkv_meter *m, wkv_roof *out);

/* ---- the work ---------------------------------------------------------------------------------------------------- */

typedef struct {
    double bytes; /* weights once, a row of the embedding for each token, states once */
    double read;  /* the same without the rows of ffn.value that are skipped because their inputs are zero */
    double flops; /* of the matrix products, a multiply-add is two; the rest of a pass adds a few per cent */
    double int8;  /* the part in int8 dot products, for block-quantized weights */
} wkv_work;

/* The work of one pass: `texts` texts read `tokens` tokens each, with logits for the last `logits` of each. sparsity:
 * the counts of wkv_measure_sparsity in such passes, layer after layer; NULL: no skipped inputs. */
WKV_API void wkv_work_of(wkv_work *out, const wkv_model *m, int texts, int tokens, int logits,
                         const wkv_sparsity *sparsity);

/* Bytes that the launches of a context on a device with memory of its own have read and written there so far, as their
 * arguments say; 0 on the processor. */
WKV_API double wkv_context_traffic(const wkv_context *c);

/* Number of barriers of a context's threads so far, modulo 2^32; one thread has none. */
WKV_API unsigned wkv_context_barriers(const wkv_context *c);

/* ---- version 4's recurrence -------------------------------------------------------------------------------------- */

/* Seconds of the recurrence of one text, forward and backward: token by token, and as a parallel scan. */
typedef struct {
    double forward, backward, scan_forward, scan_backward;
} wkv_scan_times;

/* Measure the recurrence of `tokens` tokens and `channels` channels on the CPU (threads 0: one per core): the fastest
 * of several runs, about `seconds` in total. WKV_EARG: a count below 1 or above 2^20; WKV_ENOMEM. */
WKV_API int wkv_scan_measure(wkv_scan_times *out, int tokens, int channels, int threads, double seconds);

/* ---- models of published sizes ----------------------------------------------------------------------------------- */

/* Create a model of the published size `shape`, "7:0.1B" to "7:13.3B" or "4:169M" to "4:14B", with random weights in
 * the types and layout of wkv_model_options' `type` (NULL: "bf16"). Activations stay in a normal range, and the
 * activation sparsity of each layer is the published one for that size or a similar one, so that it runs at the speed
 * of a trained model. WKV_EARG: another shape or type, with the list; WKV_ENOMEM, before any allocation: not enough
 * memory for the weights, `states` states and a pass. */
WKV_API int wkv_model_synthetic(wkv_model **out, const char *shape, const char *type, int states);

/* Bytes of a published size on a device with memory of its own, where the embedding is not, in the types and layout of
 * wkv_model_synthetic. WKV_EARG, WKV_ENOMEM. */
typedef struct {
    double weights; /* matrices and vectors                                       */
    double state;   /* of one text                                                */
    double token;   /* read and written for a token: weights, and the state twice */
} wkv_sizes;
WKV_API int wkv_synthetic_sizes(wkv_sizes *out, const char *shape, const char *type);

/* The name of the i-th published size; NULL past the last. */
WKV_API const char *wkv_synthetic_name(int i);

#ifdef __cplusplus
}
#endif
#endif
