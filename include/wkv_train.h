/* wkv_train.h - train RWKV models of versions 4, 5.2, 6 and 7, new or from a checkpoint; fine-tune a model with
 * adapters (LoRA, PiSSA, MiSS), an initial state, or all weights.
 *
 *     const char *data[] = {"stories.jsonl", NULL};
 *     wkv_train_options o = {.data = data, .vocab = "stories.vocab.txt", .out = "run", .layers = 3, .width = 256,
 *                            .steps = 5000, .lr_init = 1e-3f};
 *     if (wkv_train(&o)) { fputs(wkv_error(), stderr); exit(1); }
 *
 * writes run/final.safetensors (official names and shapes: every RWKV tool that reads safetensors can load it),
 * run/final.vocab.txt, and the metrics of the run as a log (train.jsonl), a page with curves (train.html) and events
 * for TensorBoard. An interrupted run, even after a crash, resumes from its last checkpoint:
 *
 *     wkv_train_options o = {.out = "run", .resume = 1};
 *
 * The result has the same bytes as that of an uninterrupted run.
 *
 * Fine-tuning reads samples:
 *
 *     const char *data[] = {"answers.jsonl", NULL};
 *     wkv_train_options o = {.init = "RWKV-x070-World-1.5B.gguf", .method = "lora", .samples = 1, .data = data,
 *                            .out = "run"};
 *
 * writes run/lora.safetensors, which wkv_model_open loads with the model (wkv_model_options.lora) and wkv merge merges
 * into it. The frozen weights stay memory-mapped in their data type, f32 to 4 bits; memory is needed for the trained
 * values (16 bytes each) and the activations of one layer. The loss includes only the answers of conversations and
 * instructions.
 *
 * The trainer below is for programs with their own batches:
 *
 *     wkv_trainer *t;
 *     wkv_trainer_new(&t, &o);
 *     while (...) wkv_trainer_step(t, tokens, 8, 256, &loss);  // 8 sequences of 256 tokens and the next
 *     wkv_trainer_save(t, "mine.safetensors", "bf16");
 *     wkv_trainer_free(t);
 *
 * The objective is the mean cross entropy plus L2Wrap, the official trainer's penalty on the largest logit (not part
 * of the reported loss, not used with samples). The optimizer is AdamW with the official groups: weight decay on the
 * big matrices only, twice the learning rate on the time decay (v4: three times on time_first). Initial values are the
 * official ones. All arithmetic is float32. The same options give the same bits with any number of threads.
 *
 * Several processes, on one machine or many, can train one model together (wkv_communicator).
 *
 * Conventions are those of wkv.h: functions return 0 or a negative code with a message in wkv_error(); a zero option
 * means its default. */
#ifndef WKV_TRAIN_H
#define WKV_TRAIN_H

#include "wkv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The i-th version that can be trained, "4" first; NULL: i is too large. */
WKV_API const char *wkv_train_version(int i);

/* ---- plan, report, samples --------------------------------------------------------------------------------------- */

/* The plan of a run, before its first step. A short measurement estimates the times. */
typedef struct {
    const char *version;
    int layers, width, vocab;
    int64_t parameters;
    int64_t steps, done;              /* optimizer steps in total; steps done before a resume */
    int64_t step_tokens;              /* tokens per step; the mean for samples */
    int64_t text_tokens, held_tokens; /* tokens of the data, of the held-out text */
    int64_t trained;                  /* trained values: all weights, adapters, states */
    int samples, held_samples;        /* number of training and held-out samples; */
    int pairs;                        /* ... 1: they are preference pairs; */
    int64_t loss_tokens;              /* ... tokens included in the loss; */
    int longest;                      /* ... tokens of the longest; */
    int truncated, skipped; /* ... truncated to the context; skipped, because no token is included in the loss */
    double epochs;          /* passes of the run over the data */
    size_t weight_bytes;    /* parameters, gradients, moments */
    size_t work_bytes;      /* activations that a step keeps for backward */
    size_t available_bytes; /* free memory of this machine before the trainer allocated any */
    int checkpointing;      /* 1: activations are recomputed to save memory */
    double step_flops;      /* 6 x parameters (without the embedding, a lookup) x tokens */
    double tokens_per_second, seconds;
    int processes;                 /* number of processes; the memory figures are per process */
    int auto_sized;                /* 1: sizes, context, batch, learning rate or steps of a new model follow from the
                                  amount of text */
    int head_size, context, batch; /* head size; tokens per sequence; sequences per step                              */
    double lr;                 /* initial learning rate                                                               */
    int warmup;                /* steps of learning rate warmup                                                       */
    int questions;             /* number of questions in o->eval                                                      */
    const char *vocabulary;    /* path or name; NULL: token files without one, so no text samples, no bits per byte   */
    int skipped_entries;       /* entries of folders that are not data and are skipped, ... */
    const char *skipped_first; /* ... and the name of the first one                                               */
    const char *damaged;       /* resumed from an older checkpoint: the error of the newest one; else NULL            */
} wkv_train_plan;

typedef struct {
    int64_t step, steps;      /* steps done; total */
    int64_t tokens;           /* tokens trained on so far */
    double epoch;             /* passes over the data so far */
    double loss;              /* loss of this step, nats per token; NaN or infinite: the step was skipped */
    double smooth;            /* exponential moving average of the loss                                              */
    double lr;                /* learning rate of this step */
    double norm;              /* gradient norm before clipping */
    int64_t skipped;          /* steps so far with a gradient that was NaN or infinite */
    double margin, preferred; /* pairs: mean margin of the chosen answer (dpo: beta x the change of the difference of
                                  log-likelihoods; orpo: difference of the log odds); share of pairs with a positive
                                  margin, negative without pairs */
    double tokens_per_second; /* since the start or resume, without evaluation and saving */
    double share;             /* of o->peak; negative: peak unknown */
    double seconds_left;
    double valid_loss;    /* held-out loss if evaluated after this step; else negative */
    double valid_bits;    /* the same in bits per byte of text; negative without a vocabulary */
    double accuracy;      /* share of the questions of o->eval with the largest log-likelihood on the right choice,
                                  if evaluated; else negative                                                         */
    double accuracy_norm; /* the same with the log-likelihood per character of the choice                        */
    int early_stopped;    /* early stopping: evaluations without a new lowest loss; 0: the run continues         */
    const char *sample;   /* text generated after this step; NULL: none; ...                                     */
    int sample_prompt;    /* ... number of its first bytes that are the prompt                                   */
} wkv_train_report;

/* A sample as the model reads it: ids[i] is included in the loss if counts[i] is not 0. The chosen answer of a
 * pair precedes the rejected one. */
typedef struct {
    const int32_t *ids;
    const uint8_t *counts;
    int n;
    int pair; /* 1: the chosen answer of a pair; -1: the rejected one; 0: not a pair */
    const wkv_tokenizer *tokenizer;
} wkv_train_sample;

/* ---- several processes ------------------------------------------------------------------------------------------- */

/* Data-parallel training of one model. Each process holds all weights, computes the gradient of its share of the
 * step's sequences, and updates with the sum over all processes; the result equals that of one process with the same
 * batch up to rounding. All processes make the same calls with the same options on the same text. The program provides
 * these functions (src/cli/mpirun.c: MPI); all processes call them in the same order, except `progress`. The functions
 * return no errors: a process that loses the others aborts, as with MPI. */
typedef struct {
    int rank, count; /* this process, from 0; number of processes */
    int local_count; /* number of processes on this machine, including this one; 0: 1 */
    void *user;      /* passed to each function */
    /* all-reduce: sum in x, the same bits in each process */
    void (*allreduce)(void *user, double *x, int n);
    /* start a non-blocking sum of x, to process `to`, or to all if -1; x is undefined elsewhere. Nobody accesses x
     * until `wait_all` */
    void (*reduce)(void *user, float *x, size_t n, int to);
    /* start a non-blocking broadcast of x from process `from` */
    void (*broadcast)(void *user, void *x, size_t bytes, int from);
    void (*progress)(void *user); /* make progress; called often during computation */
    void (*wait_all)(void *user); /* wait for all operations started */
} wkv_communicator;

/* ---- options ----------------------------------------------------------------------------------------------------- */

typedef struct {
    /* The model. With `init`, version and sizes are those of the checkpoint and these fields are ignored. */
    const char *init;    /* checkpoint to continue from, as for wkv_model_open; "built-in" too */
    const char *version; /* "4", "5.2", "6", "7"; NULL: "7" */
    /* For a new model, wkv_train chooses sizes, steps, lr_init, context and batch that are zero from the amount of text
     * (docs/training.md 5); the defaults stated here are those of wkv_trainer_new. */
    int layers, width; /* L, C; 0: 6 and 256 */
    int head_size;     /* N, must divide the width; 0: 64. Version 4 has no heads */
    int ffn;           /* F; 0: 4 C; versions 5.2 and 6: 3.5 C rounded down to a multiple of 32 */
    int vocab_size;    /* V; 0: the tokenizer's */

    /* The trained parameters. */
    /* "full": all weights; "lora", "state", "lora+state": adapters, an initial state, with the weights of `init`
     * frozen (NULL: the built-in model); "pissa": adapters initialized with the principal singular vectors of their
     * weights, which are subtracted from the weights (arXiv 2404.02948); "miss": one matrix [rank, out] per weight,
     * added to every shard of `rank` inputs (MiSS, DiSHA, Bone; arXiv 2409.15371). NULL: "lora" with
     * `samples`, else "full" */
    const char *method;
    int rank;    /* rank of the adapters; 0: 16; miss: 32 */
    float alpha; /* adapters are scaled by alpha / rank; 0: twice the rank; pissa: rank; miss: unused */
    /* weights that get an adapter, comma-separated: "att", "ffn" (the big matrices of each), "low-rank" (the small
     * matrices of the version), or names, "att.key". NULL: "att,ffn" */
    const char *targets;
    /* parameters to train in addition to adapters and states: words as for targets, but of all parameters ("emb",
     * "att.w0", "ln1"), and "norm": all norms, "time": all other vectors of the layers; "blocks.3.ffn": in layer 3
     * only. With "full" these are the only ones that are trained; NULL: all */
    const char *train;
    const char *freeze;     /* with "full": parameters to freeze, the same words; NULL: none */
    float lora_dropout;     /* dropout of the adapter inputs (kept values x 1 / (1 - p)); 0: none */
    wkv_model_options with; /* an adapter, a state to continue from */

    /* The sequences. */
    /* 0: one long text, split into sequences of `context` tokens, all included in the loss. 1: each object of JSON and
     * row of a table is a sequence, truncated to `context` tokens; the loss includes only the answers of conversations
     * and instructions; a plain text is split into sequences of `context` tokens */
    int samples;
    /* "cross-entropy" (NULL); for pairs of a chosen and a rejected answer: "dpo" (arXiv 2305.18290), relative to
     * `reference`, or "orpo" (arXiv 2403.07691), without a reference */
    const char *loss;
    float beta;            /* beta of dpo, lambda of orpo; 0: 0.1 */
    const char *reference; /* dpo: the reference model; NULL: `init` without adapters and states */
    /* process sequences in chunks of so many tokens and carry the state, so that memory does not grow with their
     * length; 0: whole sequences */
    int infctx;
    /* 1: with infctx, truncated BPTT: no gradient from a chunk to the previous one. Half the work, but no dependency
     * longer than a chunk is trained */
    int truncate;

    /* The optimizer. */
    int64_t steps; /* 0: 1000; samples: three epochs, and at least 120 */
    /* schedule of the learning rate from lr_init to lr_final: "cosine" (NULL), "linear", "exponential", "constant",
     * "wsd" (warmup, stable, linear decay) */
    const char *schedule;
    /* 0: 6e-4, and a tenth of lr_init. Samples: 1e-3 for lora, 1 for state (lr_final a hundredth of it; in lora+state
     * the state has 1000 x the learning rate), 3e-5 for full. Negative lr_final: 0 (a cosine is then linear) */
    float lr_init, lr_final;
    /* steps of warmup: learning rate x (0.01 + 0.99 step / warmup), exponential: 0.2 + 0.8; 0: 10, samples: at most a
     * tenth of the steps; negative: none */
    int warmup;
    int64_t hold;        /* exponential, wsd: steps at lr_init after warmup; 0: none; wsd: 0.8 of all */
    int64_t exit_tokens; /* tokens after which lr_final is reached; 0: those of all steps */
    float beta1, beta2;  /* 0: 0.9, 0.99 */
    float eps;           /* 0: 1e-18; samples: 1e-8 */
    float weight_decay;  /* 0: 0.1, samples: none; negative: none */
    float clip;          /* maximum gradient norm; 0: 1; negative: no clipping */
    float dropout;       /* dropout after the time mix and the channel mix of each layer; 0: none */
    uint64_t seed;       /* for initial values, order of the data, dropout */

    /* The work. */
    int context, batch; /* T tokens per sequence, B sequences per step; 0: 512 and 8; samples: T 1024, no limit
                                  with infctx */
    int micro_batch;    /* sequences computed at once (gradient accumulation); 0: as many as have 512 tokens */
    /* activation recomputation (gradient checkpointing), the same bits: 1: on; -1: off; 0: from the free memory */
    int checkpointing;
    int threads;        /* 0: one per physical core */
    const char *device; /* as in wkv_context_options */
    /* compute the recurrence of version 4 as a parallel scan, which rounds differently (docs/models.md 2.3). WKV_EARG
     * for other versions */
    int scan;
    /* the processes that train together; their number must divide `batch`; NULL: only this one. Process 0 writes the
     * files, and only its plan and report are called */
    const wkv_communicator *communicator;
    int shard_optimizer; /* with communicator: shard the moments over the processes (ZeRO-1) */

    /* The run: wkv_train only. */
    const char *out; /* output folder, created if missing */
    /* resume from the last checkpoint in `out`, or start if there is none. Options left at zero keep the values of the
     * run; others must equal them. More `steps` extend the run if its steps so far had the learning rates of the
     * longer one: always with "constant", with "wsd" until the decay begins */
    int resume;
    const char *const *data; /* files and folders, NULL-terminated. .txt: one document; .jsonl, .json, .csv, .tsv: one
                                  per object or row, with the fields of docs/training.md 4; .idx, .bin: tokens (binidx).
                                  gzip and zstd are unpacked; other file types are refused by name                    */
    const char *fields;      /* names of the fields of objects and rows: "TEXT", "QUESTION,ANSWER" or
                                  "QUESTION,ANSWER,CONTEXT"; NULL: the known ones                                     */
    double epochs;           /* passes over the data, instead of `steps` */
    const char *order;       /* "epochs" (NULL): shuffled, each sequence once per epoch; "magic": official order */
    const char *valid;       /* held-out text, as `data`; NULL: the end of the data (samples: none), ... */
    float valid_share;       /* ... this share; 0: 0.01, with order "magic" none; negative: none */
    /* as for wkv_tokenizer_open; or a number: build a vocabulary of at most so many ids from the text, as
     * wkv_vocabulary_train. NULL: the checkpoint's with `init`, else "2048". Token files need only vocab_size */
    const char *vocab;
    /* texts to add as tokens after the last id of the vocabulary, one per line; NULL: none. A checkpoint with too few
     * logits gets new rows in embedding and head, each the mean of the others. Method full only. WKV_EARG: the
     * vocabulary has the token already; WKV_EUNSUPPORTED: byte pair encoding, characters */
    const char *add_tokens;
    const char *chat;      /* chat template, as for wkv_template_find; NULL: the model's */
    const char *save_type; /* format of final and best: "bf16" (NULL), "f32": safetensors; "pth": bf16 in a .pth  */
    int save_every;        /* steps between checkpoints, and every ten minutes; 0: 1000; negative: at the end only */
    int keep;              /* number of checkpoints to keep; 0: 2 */
    int log_every;         /* steps between log lines, which give the mean loss; 0: 10, samples: 1 */
    int valid_every;       /* steps between evaluations of the held-out text; 0: a quarter of all, at most 500;
                                  negative: at the end only                                                           */
    /* file of multiple-choice questions (docs/training.md 2) to answer at every evaluation; NULL: none. WKV_EARG
     * without a vocabulary */
    const char *eval;
    int patience;     /* early stopping: the run ends normally after so many evaluations without a new lowest
                                  held-out loss; 0: never. WKV_EARG without held-out text                             */
    int sample_every; /* steps between text samples, and one at the end; 0: as valid_every; negative: none   */
    double peak;      /* peak operations per second of this machine (wkv_roof.fma) for share; 0: unknown */
    int (*plan)(void *user, const wkv_train_plan *p);     /* before the first step; not 0: stop with WKV_ESTOPPED */
    int (*show)(void *user, const wkv_train_sample *s);   /* then for the first three samples; the same */
    int (*report)(void *user, const wkv_train_report *r); /* after every step; not 0: save and stop with WKV_ESTOPPED */
    void *user;
} wkv_train_options;

/* ---- a whole run ------------------------------------------------------------------------------------------------- */

/* Tokenize, train, evaluate, save. Files in `out`: checkpoint-STEP.safetensors (everything a resumed run needs; with
 * "full" it also opens as a model); at the end final.safetensors, and best.safetensors, with the lowest held-out loss
 * (.pth with save_type "pth"); train.jsonl, train.html, and event files. With frozen weights, final and best are
 * instead lora.safetensors (f32, alpha in the metadata) and lora.pth (bf16), both with RWKV-PEFT's names and the
 * parameters of `train`; state.pth (blocks.N.att.time_state); and best-lora.safetensors, best-state.pth. Files of
 * another run and inputs of this one are never replaced; `out` is written only after the plan is accepted, and locked
 * from then on. A run with a damaged newest checkpoint resumes from the newest intact one (wkv_train_plan.damaged).
 * WKV_EARG names a wrong option, another run in `out`, an input that would be replaced, or a setting that a resumed
 * run changes; WKV_EIO, WKV_EFORMAT name the file; WKV_ESTOPPED: plan or report stopped the run, after saving, or five
 * steps in a row gave a loss or gradient that is NaN or infinite. */
WKV_API int wkv_train(const wkv_train_options *o);

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Memory that a method needs to train a model, in bytes: weights, 16 per trained value, activations. */
typedef struct {
    const char *method; /* "state", "lora", "full" */
    int64_t trained;    /* trained values; 0: the version has no matrix state */
    size_t work_bytes;  /* activations */
    size_t bytes[3];    /* total, with the frozen weights in bf16, q8_0 and q4_0; 0: impossible. Full trains f32
                                  weights, part of its 16 bytes, and sets bytes[0] only */
} wkv_train_memory;
enum { WKV_TRAIN_METHODS = 3 };

/* Memory that tuning o->init needs, with o->rank, targets, checkpointing, context, infctx and micro_batch. *rows (may
 * be NULL): the number of tokens computed at once. Reads only the sizes of the model: no weights are read, nothing is
 * computed. Buffers of the program and its threads, a few MB, are not included. Errors as wkv_trainer_new. */
WKV_API int wkv_train_memory_needed(wkv_train_memory out[WKV_TRAIN_METHODS], int64_t *rows, const wkv_train_options *o);

/* ---- the trainer ------------------------------------------------------------------------------------------------- */

typedef struct wkv_trainer wkv_trainer;

/* Create a model with initial values (or those of o->init), its gradients and moments: 16 bytes per parameter, with
 * shard_optimizer 8 + 8 / communicator->count. Reads all options before "The run"; vocab_size is required without
 * init. */
WKV_API int wkv_trainer_new(wkv_trainer **out, const wkv_train_options *o);
WKV_API void wkv_trainer_free(wkv_trainer *t);

/* One optimizer step. tokens: [batch][length + 1] ids; each row starts from an empty state, its first `length` tokens
 * are the input, its last `length` the targets. *loss (may be NULL): mean over all tokens. If the loss or its gradient
 * is NaN or infinite, the step is skipped: it is counted, weights and moments are unchanged, and *loss is not finite.
 * With communicator, tokens are those of this process, the same number in each; an error of one process is returned in
 * all, with its message. WKV_EARG: an id outside the vocabulary, batch or length below 1. WKV_ESTOPPED: five steps in a
 * row were skipped. */
WKV_API int wkv_trainer_step(wkv_trainer *t, const int32_t *tokens, int batch, int length, double *loss);

/* The loss of these tokens, in this process only; changes nothing. */
WKV_API int wkv_trainer_loss(wkv_trainer *t, const int32_t *tokens, int batch, int length, double *loss);

/* Number of steps done; learning rate and gradient norm of the last one; number of skipped steps. Pointers may be
 * NULL. */
WKV_API int64_t wkv_trainer_steps(const wkv_trainer *t, double *lr, double *norm, int64_t *skipped);

/* Number of trained values; with "full", frozen ones included. */
WKV_API int64_t wkv_trainer_parameters(const wkv_trainer *t);

/* Write the weights with official names and shapes: as .pth if `path` has that extension, else as safetensors. type:
 * "f32" or "bf16" (NULL). */
WKV_API int wkv_trainer_save(const wkv_trainer *t, const char *path, const char *type);

/* ---- vocabularies ------------------------------------------------------------------------------------------------ */

typedef struct {
    int size;                  /* maximum number of ids; 0: 2048. Id 0 is the end of text, 1 to 256 the single bytes */
    const char *const *always; /* tokens to include in any case, NULL-terminated; NULL: none */
    const char *chat;          /* chat template; NULL: plain */
    const char *fields;        /* as wkv_train_options.fields                                                         */
    int *skipped_entries;      /* out: entries of folders that are not data and were skipped; may be NULL             */
    int rounds;                /* maximum rounds of replacing tokens; 0: 24; negative: none */
    int *made;                 /* out: number of ids; may be NULL                                                     */
    int (*report)(void *user, int round, double bytes_per_token); /* after each round; not 0: stop with WKV_ESTOPPED */
    void *user;
} wkv_vocabulary_options;

/* Build the vocabulary that encodes the text in the fewest tokens under greedy longest-match encoding, and write it to
 * `path` in the format of the World vocabulary. data: as for training, text only. The result depends only on text and
 * options. WKV_EARG: no text, no words in it, or `path` is one of its files; WKV_EIO, WKV_EFORMAT, WKV_ENOMEM. */
WKV_API int wkv_vocabulary_train(const char *path, const char *const *data, const wkv_vocabulary_options *options);

/* The string "text" of a line of a .jsonl, as training reads it. The caller frees *text; NULL: the line is blank.
 * WKV_EFORMAT, WKV_ENOMEM. */
WKV_API int wkv_jsonl_text(char **text, size_t *bytes, const char *line, size_t length);

#ifdef __cplusplus
}
#endif

#endif
