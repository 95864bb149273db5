/* wkv_train.h - train RWKV models of versions 4, 5.2, 6 and 7, from nothing or from a checkpoint; adapt a model by
 * low-rank adapters (LoRA) or an initial state beside its frozen weights, or by all weights.
 *
 *     const char *data[] = {"stories.jsonl", NULL};
 *     wkv_train_options o = {.data = data, .vocab = "stories.vocab.txt", .out = "run", .layers = 3, .width = 256,
 *                            .steps = 5000, .lr_init = 1e-3f};
 *     if (wkv_train(&o)) { fputs(wkv_error(), stderr); exit(1); }
 *
 * leaves run/final.safetensors (official names and shapes: every RWKV tool that reads safetensors reads it),
 * run/final.vocab.txt beside it, and the figures of the run as lines (train.jsonl), as a page with curves
 * (train.html) and for TensorBoard. A run that ended early, in whatever way, goes on from its last checkpoint:
 *
 *     wkv_train_options o = {.out = "run", .resume = 1};
 *
 * and ends in the same bytes as if it had not been interrupted.
 *
 * A model is adapted by samples:
 *
 *     const char *data[] = {"answers.jsonl", NULL};
 *     wkv_train_options o = {.init = "RWKV-x070-World-1.5B.gguf", .method = "lora", .samples = 1, .data = data,
 *                            .out = "run"};
 *
 * leaves run/lora.safetensors, which wkv_model_open takes beside the model (wkv_model_options.lora) and wkv merge
 * puts into it. The frozen weights stay in the file's mapping in whatever type they have, f32 to 4 bits; memory is
 * taken for what is trained (16 bytes a value) and for the activations of one layer. Of conversations and
 * instructions only the answers count in the loss.
 *
 * Underneath is the trainer, for programs that bring their own batches:
 *
 *     wkv_trainer *t;
 *     wkv_trainer_new(&t, &o);
 *     while (...) wkv_trainer_step(t, tokens, 8, 256, &loss);  // 8 sequences of 256 tokens and the next
 *     wkv_trainer_save(t, "mine.safetensors", "bf16");
 *     wkv_trainer_free(t);
 *
 * What is minimised is the mean cross entropy plus the official trainer's pull on the largest logit (L2Wrap, which
 * the reported loss leaves out; training on samples goes without it). The optimizer is AdamW with the official
 * groups: decay of weights on the big matrices only, twice the learning rate on the time decay (v4: three times on
 * time_first). Initial values are the official ones. All arithmetic is float32. The same options give the same bits
 * whatever the number of threads.
 *
 * Several processes, on one machine or many, train one model together when they can talk to each other (wkv_communicator).
 *
 * Conventions are those of wkv.h: 0 or a negative code with a sentence in wkv_error(); zero means the default. */
#ifndef WKV_TRAIN_H
#define WKV_TRAIN_H

#include "wkv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The i-th version of those that can be trained, "4" first; NULL: there are fewer. */
WKV_API const char *wkv_train_version(int i);

/* ---- figures ----------------------------------------------------------------------------------------------------- */

/* What a run will be, told before it begins. Times come from a short measurement. */
typedef struct {
    const char *version;
    int layers, width, vocab;
    int64_t parameters;
    int64_t steps, done;       /* of the optimizer; done before, of a run that is resumed */
    int64_t step_tokens;       /* tokens of a step; of samples in the mean */
    int64_t text_tokens, held_tokens; /* of the data, of the held-out text */
    int64_t trained;           /* values that are trained: of all weights, adapters, states */
    int samples, held_samples; /* of samples: how many, and how many held out; */
    int pairs;                 /* ... they are pairs of answers; */
    int64_t counted;           /* ... tokens that count in the loss; */
    int longest;               /* ... tokens of the longest; */
    int truncated, left_out;        /* ... without their end; left out, as nothing in them counts */
    double epochs;             /* how often the run reads the data */
    size_t weight_bytes;       /* parameters, gradients, moments */
    size_t work_bytes;         /* what a step keeps until its gradient is taken */
    size_t available_bytes;    /* memory of this machine that is free, before the trainer took any */
    int checkpointing;         /* layers are run twice to need less memory */
    double step_flops;         /* 6 x parameters (the embedding, which is only looked up, not counted) x tokens */
    double tokens_per_second, seconds;
    int processes;             /* that train together; memory is that of each */
    int chosen;                /* sizes, context, batch, learning rate or steps of a new model follow from the amount
                                  of text                                                                             */
    int head_size, context, batch; /* of the model; tokens of a sequence, sequences of a step                         */
    double lr;                 /* learning rate at first                                                              */
    int warmup;                /* steps in which it rises                                                             */
    int questions;             /* of o->eval                                                                          */
    const char *vocabulary;    /* its path or name; NULL: token files without one: no samples, no bits per byte       */
    int passed_over;           /* entries of folders that are no data, ...                                            */
    const char *passed_over_first; /* ... and the name of the first one                                               */
    const char *damaged;       /* the sentence about a newest checkpoint that is damaged, of a run that is resumed from
                                  an older one; NULL: none is                                                         */
} wkv_train_plan;

typedef struct {
    int64_t step, steps;       /* done so far, asked for */
    int64_t tokens;            /* trained on so far */
    double epoch;              /* how often the data was read */
    double loss;               /* of this step: nats per token; not finite when the step was skipped */
    double smooth;             /* mean of the losses, in which later ones weigh more                                  */
    double lr;                 /* learning rate of this step */
    double norm;               /* length of the whole gradient before it was clipped */
    int64_t skipped;           /* steps so far whose gradient was no number */
    double margin, preferred;  /* of pairs: by how much the chosen answer is ahead in the mean (of dpo beta x the change
                                  of the log-likelihoods' difference, of orpo of the log odds); the share in which it
                                  is; negative: there are no pairs */
    double tokens_per_second;  /* since the run began or was resumed, evaluation and saving left out */
    double share;              /* of o->peak; negative when that is not known */
    double seconds_left;
    double valid_loss;         /* of the held-out text, when it was measured after this step; negative when not */
    double valid_bits;         /* the same in bits per byte of text; negative without a vocabulary */
    double accuracy;           /* of o->eval, when it was measured: share of the questions whose right choice has the
                                  largest log-likelihood; negative when not                                           */
    double accuracy_norm;      /* the same by log-likelihood a character of the choice                                */
    int ended;                 /* measurements without a lowest loss after which the run ends here; 0: it goes on    */
    const char *sample;        /* text the model wrote after this step, NULL: none; ...                               */
    int sample_prompt;         /* ... its first bytes, which are of the text and not written by the model             */
} wkv_train_report;

/* A sample as the model will read it: ids[i] counts in the loss where counts[i] is not 0. Of pairs first the chosen
 * answer, then the rejected one. */
typedef struct {
    const int32_t *ids;
    const uint8_t *counts;
    int n;
    int pair; /* 1: the chosen answer of a pair; -1: the rejected one; 0: no pair */
    const wkv_tokenizer *tokenizer;
} wkv_train_sample;

/* ---- several processes ------------------------------------------------------------------------------------------- */

/* Processes that train one model together. Each has all weights, takes the gradient of its share of a step's sequences,
 * and steps with the sum over all; the result is that of one process with the same batch, within rounding. Each makes
 * the same calls with the same options, on the same text. They talk through these functions, which a program brings
 * (`wkv train` does, for MPI); all processes call them in the same order, `advance` apart. They report no failure: a
 * process that has lost the others ends, as with MPI. */
typedef struct {
    int rank, count;           /* this process, from 0, of so many */
    int neighbours;            /* how many of them are on this machine, itself included; 0: 1 */
    void *user;                /* given to each function */
    void (*add)(void *user, double *x, int n);              /* x becomes the sum over all, the same bits in each */
    /* begin: the sum over all, in process `to`, -1: in each. In others x is undefined. Nobody touches x until
     * `finish` */
    void (*reduce)(void *user, float *x, size_t n, int to);
    void (*copy)(void *user, void *x, size_t bytes, int from); /* begin: x becomes what it is in process `from` */
    void (*advance)(void *user);                            /* see to what was begun; called often while computing */
    void (*finish)(void *user);                             /* all that was begun is done */
} wkv_communicator;

/* ---- options ----------------------------------------------------------------------------------------------------- */

typedef struct {
    /* The model. With `init`, version and sizes are the checkpoint's and these are not looked at. */
    const char *init;          /* checkpoint to go on from, as wkv_model_open takes it; "built-in" too */
    const char *version;       /* "4", "5.2", "6", "7"; NULL: "7" */
    /* Sizes, steps, lr_init, context and batch of a new model that are zero are chosen by wkv_train for the amount of
     * text (docs/training.md, "Sizes by the amount of text"); the defaults given here are the trainer's. */
    int layers, width;         /* L, C; 0: 6 and 256 */
    int head_size;             /* N; divides the width; 0: 64. Version 4 has no heads */
    int ffn;                   /* F; 0: the version's own: 4 C, for 5.2 and 6 3.5 C down to a multiple of 32 */
    int vocab_size;            /* V; 0: the tokenizer's */

    /* The parameters to train. */
    /* "full": all weights; "lora", "state", "lora+state": adapters, an initial state, beside the frozen weights of
     * `init` (NULL: the built-in model); "pissa": adapters that begin as the principal singular vectors of their
     * weights, which lose these (arXiv 2404.02948); "miss": adapters of one matrix [rank, out], added to every shard of
     * `rank` inputs (MiSS, DiSHA, Bone; arXiv 2409.15371). NULL: "lora" with `samples`, else "full" */
    const char *method;
    int rank;                  /* of adapters; 0: 16, of miss 32 */
    float alpha;               /* adapters count alpha / rank times; 0: twice the rank, of pissa the rank; miss: none */
    /* weights that get one, words with commas between them: "att", "ffn" (all big matrices of either), "low-rank" (the
     * version's own small ones), or names, "att.key". NULL: "att,ffn" */
    const char *targets;
    /* parameters that are trained whole beside the frozen ones: words as for targets, of all parameters ("emb",
     * "att.w0", "ln1"), and "norm": of all norms, "time": all other vectors of the layers. Not with "full" */
    const char *train;
    const char *freeze;        /* the same words, with "full": parameters that keep their values; NULL: none */
    float lora_dropout;        /* of what each adapter reads, the kept values x 1 / (1 - it); 0: none */
    wkv_model_options with;    /* an adapter, a state to go on from */

    /* The sequences. */
    /* 0: one long text, cut into sequences of `context` tokens, all of which count in the loss. 1: each object of
     * JSON and row of a table is a sequence of its own, at most `context` tokens of it; of conversations and
     * instructions only the answers count; a plain text is cut into sequences of `context` tokens */
    int samples;
    /* "cross-entropy" (NULL); of samples that are pairs of a chosen and a rejected answer: "dpo" (arXiv 2305.18290),
     * which moves their likelihoods apart from where `reference` has them, or "orpo" (arXiv 2403.07691), which needs no
     * reference */
    const char *loss;
    float beta;            /* of dpo: how dear it is to leave the reference; lambda of orpo; 0: 0.1 */
    const char *reference; /* dpo: the model that is compared with; NULL: `init` without adapters and states */
    /* sequences are read in chunks of so many tokens, through which the state is carried, so that memory does not grow
     * with their length; 0: at once */
    int infctx;
    /* 1: with infctx, the gradient is not passed on from a chunk to the one before: half the work, but what is learnt
     * does not look back further than a chunk */
    int truncate;

    /* The optimizer. */
    int64_t steps;             /* 0: 1000; adapted by samples: three epochs, and 120 at least */
    /* of the learning rate from lr_init to lr_final: "cosine" (NULL), "linear", "exponential", "constant", "wsd": as it
     * is for a while, then in a straight line */
    const char *schedule;
    /* 0: 6e-4, and a tenth of lr_init. Adapted by samples: 1e-3 for lora, 1 for state (and a hundredth of it; in
     * lora+state the state learns 1000 x as fast), 3e-5 for full. Negative lr_final: 0 (a cosine is then a line) */
    float lr_init, lr_final;
    /* steps of rising learning rate: x (0.01 + 0.99 step / warmup), exponential 0.2 + 0.8; 0: 10, adapted by samples
     * a tenth of the steps at most; negative: none */
    int warmup;
    int64_t hold;              /* exponential, wsd: steps after the warm-up before it falls; 0: none; wsd: 0.8 of all */
    int64_t exit_tokens;       /* tokens after which lr_final is reached; 0: those of all steps */
    float beta1, beta2;        /* 0: 0.9, 0.99 */
    float eps;                 /* 0: 1e-18; adapted by samples 1e-8 */
    float weight_decay;        /* 0: 0.1, adapted by samples none; negative: none */
    float clip;                /* longest gradient; 0: 1; negative: never clipped */
    float dropout;             /* of what the two halves of each layer give; 0: none */
    uint64_t seed;             /* of the initial values, of the order of the data, of dropout */

    /* The work. */
    int context, batch;        /* T tokens a sequence, B sequences a step; 0: 512 and 8; of samples 1024, with infctx
                                  all */
    int micro_batch;           /* sequences computed at once, whose gradients add up; 0: as many as have 512 tokens */
    /* 1: layers are run twice, which needs less memory; -1: once; 0: by the memory there is. The same bits */
    int checkpointing;
    int threads;               /* 0: one per physical core */
    const char *device;        /* NULL: "cpu"; "reference" */
    /* compute the recurrence of version 4 as a parallel scan: other roundings (docs/models.md 2.3). WKV_EARG for other
     * versions */
    int scan;
    /* the processes that train together, of which `batch` is a multiple; NULL: only this one. The first one writes
     * files, and only its plan and report are called */
    const wkv_communicator *communicator;
    int shard_optimizer; /* with communicator: each process keeps the moments of its share of the weights only (ZeRO-1) */

    /* The run: wkv_train only. */
    const char *out;           /* folder, made when it is not there */
    /* go on from the last checkpoint in `out`; from the beginning where there is none yet. Options left at zero are the
     * run's own; others must be. More `steps` make the run longer where its steps so far had the learning rates of the
     * longer one: always with "constant", with "wsd" until it falls */
    int resume;
    const char *const *data;   /* files and folders, NULL behind the last. .txt: one document; .jsonl, .json, .csv,
                                  .tsv: one in every object or row, in the spellings of docs/training.md ("Data");
                                  .idx, .bin: tokens (binidx). gzip and zstd are unpacked; other kinds of file are
                                  refused by name                                                                     */
    const char *fields;        /* names of the fields of objects and rows: "TEXT", "QUESTION,ANSWER" or
                                  "QUESTION,ANSWER,CONTEXT"; NULL: the known ones                                     */
    double epochs;             /* instead of `steps`: times the data is read */
    const char *order;         /* "epochs" (NULL): shuffled, everything once an epoch; "magic": the official order */
    const char *valid;         /* held-out text, as `data`; NULL: from the end of the data, of samples none, ... */
    float valid_share;         /* ... this share; 0: a hundredth, in the order "magic" none; negative: none */
    /* as wkv_tokenizer_open; or a number: at most so many ids are made from the text, as wkv_vocabulary_train does.
     * NULL: the checkpoint's with `init`, else "2048". Token files need none, but then vocab_size */
    const char *vocab;
    /* texts that become tokens behind the vocabulary's last id, one a line; NULL: none. A checkpoint that has fewer
     * logits gets rows for them in embedding and head, each the mean of the others. Method full only. WKV_EARG: a word
     * that is there; WKV_EUNSUPPORTED: byte pair encoding, characters */
    const char *add_tokens;
    const char *chat;          /* template of conversations, as wkv_template_find; NULL: the model's */
    const char *save_type;     /* of final and best: "bf16" (NULL) or "f32", both safetensors; "pth": bf16 in a .pth  */
    int save_every; /* steps between checkpoints; 0: 1000; negative: at the end only. Else also every ten minutes */
    int keep;                  /* checkpoints kept, the last ones; 0: 2 */
    int log_every;             /* steps between figures; their loss is the mean; 0: 10, of samples 1 */
    int valid_every;           /* steps between measurements of the held-out text; 0: a quarter of all, at most 500;
                                  negative: at the end only                                                           */
    /* a file of multiple-choice questions (docs/training.md, "Questions that are answered as it goes"), answered at
     * every measurement; NULL: none. WKV_EARG without a vocabulary */
    const char *eval;
    int patience;              /* measurements in a row without a lowest loss after which the run ends, as behind its
                                  last step; 0: it does not. WKV_EARG without held-out text                           */
    int sample_every;          /* steps between samples, and one after the last; 0: as valid_every; negative: none    */
    double peak;               /* operations a second of this machine (wkv_roof.fma), for the share; 0: not known */
    int (*plan)(void *user, const wkv_train_plan *p);     /* before the first step; not 0: stop with WKV_ESTOPPED */
    int (*show)(void *user, const wkv_train_sample *s);   /* then the first three samples; the same */
    int (*report)(void *user, const wkv_train_report *r); /* after every step; not 0: save and stop with WKV_ESTOPPED */
    void *user;
} wkv_train_options;

/* ---- a whole run ------------------------------------------------------------------------------------------------- */

/* Tokenise, train, measure, save. In `out`: checkpoint-STEP.safetensors (all that a resumed run needs; of all
 * weights it opens as a model), at the end final.safetensors, best.safetensors (of the lowest loss on held-out text;
 * both .pth with save_type "pth"), train.jsonl, train.html, and event files. Beside frozen weights final and best
 * are lora.safetensors (f32, its alpha in the metadata) and lora.pth (bf16), both with RWKV-PEFT's names and the
 * parameters of `train`, state.pth (blocks.N.att.time_state), and best-lora.safetensors, best-state.pth. Files of
 * another run and inputs of this one are never replaced; `out` is not touched before the plan is accepted, and locked
 * from then on. A run with a damaged newest checkpoint resumes from the newest intact one (wkv_train_plan.damaged).
 * WKV_EARG names the option that is off, a run that is there already or at work in `out`, an input that would be
 * replaced, or the setting in which a resumed run differs; WKV_EIO, WKV_EFORMAT the file; WKV_ESTOPPED when plan or
 * report asked for it, after saving, or when five steps in a row gave a loss or gradient that is NaN or infinite. */
WKV_API int wkv_train(const wkv_train_options *o);

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* What a method takes to train a model, in bytes: weights, 16 for each trained value, activations. */
typedef struct {
    const char *method;        /* "state", "lora", "full" */
    int64_t trained;           /* values; 0: the model has none, as versions of no matrix in their state */
    size_t work_bytes;         /* of activations */
    size_t bytes[3];           /* of all, with the frozen weights in bf16, q8_0 and q4_0; 0: cannot be. Full trains f32
                                  weights, which are among its 16 bytes, and has bytes[0] only */
} wkv_train_memory;
enum { WKV_TRAIN_METHODS = 3 };

/* The memory that tuning o->init takes, with o->rank, targets, checkpointing, context, infctx and micro_batch. *rows:
 * the tokens computed at once that the activations are of; or NULL. Only the model's sizes are looked at: weights are
 * neither read nor computed with. Buffers of the program and of its threads, some MB, come on top. As
 * wkv_trainer_new. */
WKV_API int wkv_train_memory_needed(wkv_train_memory out[WKV_TRAIN_METHODS], int64_t *rows, const wkv_train_options *o);

/* ---- the trainer ------------------------------------------------------------------------------------------------- */

typedef struct wkv_trainer wkv_trainer;

/* A model with initial values (or those of o->init), its gradients and moments: 16 bytes a parameter, with
 * shard_optimizer 8 + 8 / communicator->count. Of the options the first three groups count; vocab_size is required without
 * init. */
WKV_API int wkv_trainer_new(wkv_trainer **out, const wkv_train_options *o);
WKV_API void wkv_trainer_free(wkv_trainer *t);

/* One step of the optimizer. tokens: `batch` rows of `length` + 1 ids; each of a row's first `length` is read, starting
 * from an empty state, and the one after it is what should have been predicted. loss: mean over all, or NULL. When the
 * loss or its gradient is no number, the step is skipped: it counts, and weights and moments stay as they were; *loss
 * is not finite. With communicator, tokens are those of this process, as many in each; a failure of one is a failure of all,
 * with its sentence. WKV_EARG: an id outside the vocabulary, a count below 1. WKV_ESTOPPED: five steps in a row were
 * skipped. */
WKV_API int wkv_trainer_step(wkv_trainer *t, const int32_t *tokens, int batch, int length, double *loss);

/* The loss alone, of these tokens and in this process; nothing is changed. */
WKV_API int wkv_trainer_loss(wkv_trainer *t, const int32_t *tokens, int batch, int length, double *loss);

/* Steps done, and the learning rate and the length of the gradient of the last one; how many were skipped. Pointers may
 * be NULL. */
WKV_API int64_t wkv_trainer_steps(const wkv_trainer *t, double *lr, double *norm, int64_t *skipped);

/* Values that are trained or, of all weights, frozen. */
WKV_API int64_t wkv_trainer_parameters(const wkv_trainer *t);

/* Write the weights with official names and shapes, as a .pth when `path` ends so, else as safetensors. type: "f32", or
 * "bf16" (NULL). */
WKV_API int wkv_trainer_save(const wkv_trainer *t, const char *path, const char *type);

/* ---- vocabularies ------------------------------------------------------------------------------------------------ */

typedef struct {
    int size;                  /* ids at most; 0: 2048. Id 0 ends a text, 1 to 256 are the single bytes */
    const char *const *always; /* words that must be in it, NULL behind the last; NULL: none */
    const char *chat;          /* template of conversations; NULL: plain */
    const char *fields;        /* as wkv_train_options.fields                                                         */
    int *passed_over;          /* becomes the number of entries of folders that are no data; NULL: not wanted         */
    int rounds;                /* at most so many exchanges of words; 0: 24; negative: none */
    int *made;                 /* becomes the number of ids that were made; NULL: not wanted                          */
    int (*report)(void *user, int round, double bytes_per_token); /* after each; not 0 stops: WKV_ESTOPPED */
    void *user;
} wkv_vocabulary_options;

/* Make a vocabulary of the words that make the text shortest when it is cut as wkv cuts it: from left to right, the
 * longest word first. Written to `path` in World's line format. data: as for training, but text only. The result
 * depends on the text and the options alone. WKV_EARG: no text, no words in it, or `path` is a file of it; WKV_EIO,
 * WKV_EFORMAT, WKV_ENOMEM. */
WKV_API int wkv_vocabulary_train(const char *path, const char *const *data, const wkv_vocabulary_options *options);

/* The string called "text" of a line of a .jsonl, as training reads it. *text belongs to the caller, who frees it;
 * NULL: the line holds only blanks. WKV_EFORMAT, WKV_ENOMEM. */
WKV_API int wkv_jsonl_text(char **text, size_t *bytes, const char *line, size_t length);

#ifdef __cplusplus
}
#endif

#endif
