/* wkv_tune.h - adapt a model: low-rank adapters (LoRA) or an initial state, learnt beside frozen weights; or all
 * weights.
 *
 *     wkv_tune_options o = {.model = "RWKV-x070-World-1.5B.gguf", .data = "answers.jsonl", .out = "run"};
 *     if (wkv_tune(&o)) { fputs(wkv_error(), stderr); exit(1); }
 *
 * leaves run/lora.safetensors, which wkv_model_open takes beside the model (wkv_model_options.lora) and wkv merge puts
 * into it.
 *
 * The frozen weights stay in the file's mapping in whatever type they have, f32 to 4 bits; memory is taken for what is
 * learnt (16 bytes a value) and for the activations of one layer. What is minimised is the mean cross entropy of the
 * tokens that are to be learnt: all of a text, of conversations and instructions only the answers. The same options
 * give the same bits whatever the number of threads.
 *
 * Conventions are those of wkv.h: 0 or a negative code with a sentence in wkv_error(); zero means the default. */
#ifndef WKV_TUNE_H
#define WKV_TUNE_H

#include "wkv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a run will be, told before its first step. */
typedef struct {
    int64_t parameters, learnt; /* of the model; values that are learnt */
    size_t learnt_bytes;        /* with their gradients and moments */
    int samples, held_samples;  /* texts to learn from, and held out */
    int64_t tokens, counted;    /* of them all; those that are to be learnt */
    int longest;                /* tokens of the longest */
    int cut, left_out;          /* samples whose end was left out; samples left out, as nothing in them counts */
    int64_t steps;
    double epochs;              /* times each sample is read in these steps                                           */
    int batch, warmup;          /* samples in a step; steps in which the learning rate rises                          */
    double lr;                  /* learning rate at first                                                             */
    size_t work_bytes;          /* activations of a step                                                              */
    size_t available_bytes;     /* memory of this machine that is free                                                */
    double tokens_per_second, seconds; /* by a short measurement                                                      */
    int passed_over;            /* entries of folders that are no data, ...                                           */
    const char *passed_over_first; /* ... and the name of the first one                                               */
} wkv_tune_plan;

/* A sample as the model will read it: ids[i] is to be learnt where counts[i] is not 0. */
typedef struct {
    const int32_t *ids;
    const uint8_t *counts;
    int n;
    const wkv_tokenizer *tokenizer;
} wkv_tune_sample;

typedef struct {
    int64_t step, steps;
    double loss;              /* of this step: nats per token that is learnt */
    double lr, norm;          /* learning rate; length of the gradient before it was clipped */
    double tokens_per_second; /* read, since the run began */
    double seconds_left;
    double valid_loss;        /* of the held-out samples, when it was measured after this step; negative when not */
} wkv_tune_report;

typedef struct {
    const char *model;        /* NULL: the built-in model */
    const char *method;       /* "lora" (NULL), "state", "lora+state", "full" */
    int rank;                 /* of adapters; 0: 16 */
    float alpha;              /* adapters count alpha / rank times; 0: twice the rank */
    /* weights that get one, words with commas between them: "att", "ffn" (all big matrices of either), "low-rank" (the
     * version's own small ones), or names, "att.key". NULL: "att,ffn" */
    const char *targets;
    wkv_model_options with;   /* an adapter, a state to go on from */

    const char *data;         /* a file or a folder. .jsonl, .json, .csv, .tsv: a sample in every object or row, in the
                                 spellings of docs/training.md ("Data"). Any other: one text, cut into pieces of
                                 `context` tokens. gzip and zstd are unpacked; files that are not text are refused by
                                 name                                                                                 */
    const char *fields;       /* names of the fields that samples have: "TEXT", "QUESTION,ANSWER" or
                                 "QUESTION,ANSWER,CONTEXT"; NULL: the known ones                                      */
    const char *valid;        /* held-out samples, the same; NULL: none */
    const char *vocab;        /* as wkv_tokenizer_open; NULL: the model's */
    const char *chat;         /* template of conversations, as wkv_template_find; NULL: the model's */
    const char *out;          /* folder, made when it is not there */

    int64_t steps;            /* 0: as many as `epochs` take */
    int epochs;               /* times every sample is learnt; 0: 3, or so many that there are 120 steps               */
    int batch;                /* samples in a step; 0: 8 */
    int micro_batch;          /* samples computed at once; 0: as many as have 512 tokens */
    int checkpointing; /* 1: layers are run twice, which needs less memory; -1: once; 0: by the memory there is */
    int context;              /* tokens read of a sample at most; 0: 1024, with infctx all */
    /* samples are read in chunks of so many tokens, through which the state is carried, so that memory does not grow
     * with their length; 0: at once */
    int infctx;
    /* 1: with infctx, the gradient is not passed on from a chunk to the one before: half the work, but what is learnt
     * does not look back further than a chunk */
    int cut;
    /* 0: 1e-3 for lora, 1 for state, 3e-5 for full; and a tenth of lr_init, for state a hundredth. From one to the
     * other along a cosine. In lora+state the state learns 1000 x as fast */
    float lr_init, lr_final;
    int warmup;               /* steps of rising learning rate; 0: a tenth of the steps, 10 at most; negative: none   */
    float beta1, beta2, eps;  /* 0: 0.9, 0.99, 1e-8 */
    float weight_decay;       /* 0: none */
    float clip;               /* longest gradient; 0: 1; negative: never clipped */
    uint64_t seed;            /* of the initial adapters and of the order of the samples */
    int threads;              /* 0: one per physical core */
    const char *device;       /* NULL: "cpu"; "reference" */

    const char *save_type;    /* of method "full": "bf16" (NULL) or "f32", both safetensors; "pth": bf16 in a .pth    */
    int save_every;           /* steps between savings; 0: at the end only */
    int valid_every;          /* steps between measurements of the held-out samples; 0: once an epoch */
    int (*plan)(void *user, const wkv_tune_plan *p);     /* before the first step; not 0: stop with WKV_ESTOPPED */
    int (*show)(void *user, const wkv_tune_sample *s);   /* then the first three samples; the same */
    int (*report)(void *user, const wkv_tune_report *r); /* after every step; not 0: save and stop with WKV_ESTOPPED */
    void *user;
} wkv_tune_options;

/* Read, learn, measure, save: OUT/lora.safetensors (f32, its alpha in the metadata) and OUT/lora.pth (bf16), both with
 * RWKV-PEFT's names; OUT/state.pth (blocks.N.att.time_state); or, of all weights, OUT/final.safetensors or
 * OUT/final.pth, with OUT/final.vocab.txt where the model has a vocabulary of its own; and OUT/tune.jsonl, a line of
 * figures for each step. WKV_EARG names the option that is off, a result of another run in OUT or an input that would
 * be replaced, or says that another process is at work in OUT; WKV_EIO, WKV_EFORMAT the file; WKV_EUNSUPPORTED: a state
 * of version 4; WKV_ESTOPPED when a callback asked for it, after saving the trained values, or five steps in a row
 * gave a loss or gradient that is NaN or infinite. */
WKV_API int wkv_tune(const wkv_tune_options *o);

#ifdef __cplusplus
}
#endif
#endif
