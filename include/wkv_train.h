/* wkv_train.h - train RWKV models of versions 4, 5.2, 6 and 7, from nothing or from a checkpoint.
 *
 *     wkv_train_options o = {.data = "stories.jsonl", .vocab = "stories.vocab.txt", .out = "run", .layers = 3, .width = 256,
 *                            .steps = 5000, .lr_init = 1e-3f};
 *     if (wkv_train(&o)) { fputs(wkv_error(), stderr); exit(1); }
 *
 * leaves run/final.safetensors (official names and shapes: every RWKV tool that reads safetensors reads it),
 * run/final.vocab.txt beside it, and run/train.jsonl, one line of figures per report.
 *
 * Underneath is the trainer, for programs that bring their own batches:
 *
 *     wkv_trainer *t;
 *     wkv_trainer_new(&t, &o);
 *     while (...) wkv_trainer_step(t, tokens, 8, 256, &loss);    // 8 sequences of 256 tokens, and the one that follows each
 *     wkv_trainer_save(t, "mine.safetensors", "bf16");
 *     wkv_trainer_free(t);
 *
 * What is minimised is the mean cross entropy plus the official trainer's pull on the largest logit (L2Wrap, which the
 * reported loss leaves out). The optimizer is AdamW with the official groups: decay of weights on the big matrices only,
 * twice the learning rate on the time decay (v4: three times on time_first). Initial values are the official ones. All
 * arithmetic is float32. The same options give the same bits whatever the number of threads.
 *
 * Conventions are those of wkv.h: 0 or a negative code with a sentence in wkv_error(); zero means the default. */
#ifndef WKV_TRAIN_H
#define WKV_TRAIN_H

#include "wkv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- figures -------------------------------------------------------------------------------------------------------- */

typedef struct {
    int64_t step, steps;       /* done so far, asked for                                                               */
    int64_t tokens;            /* trained on so far                                                                    */
    double loss;               /* of this step: nats per token                                                         */
    double lr;                 /* learning rate of this step                                                           */
    double norm;               /* length of the whole gradient before it was clipped                                   */
    double tokens_per_second;  /* since the run began, evaluation and saving left out                                  */
    double valid_loss;         /* of the held-out text, when it was measured after this step; negative when not        */
    double valid_bits;         /* the same in bits per byte of text                                                    */
} wkv_train_report;

/* ---- options -------------------------------------------------------------------------------------------------------- */

typedef struct {
    /* The model. With `init`, version and sizes are the checkpoint's and these are not looked at. */
    const char *init;          /* checkpoint to go on from, any format wkv_model_open takes                            */
    const char *version;       /* "4", "5.2", "6", "7"; NULL: "7"                                                      */
    int layers, width;         /* L, C; 0: 6 and 256                                                                   */
    int head_size;             /* N; divides the width; 0: 64. Version 4 has no heads                                  */
    int ffn;                   /* F; 0: the version's own: 4 C, for 5.2 and 6 3.5 C down to a multiple of 32           */
    int vocab_size;            /* V; 0: the tokenizer's                                                                */

    /* The optimizer. */
    int64_t steps;             /* 0: 1000                                                                              */
    float lr_init, lr_final;   /* 0: 6e-4, and a tenth of lr_init. From one to the other along a cosine; negative
                                  lr_final: in a straight line to 0                                                    */
    int warmup;                /* steps of rising learning rate: x (0.01 + 0.99 step / warmup); 0: 10; negative: none  */
    float beta1, beta2;        /* 0: 0.9, 0.99                                                                         */
    float eps;                 /* 0: 1e-18                                                                             */
    float weight_decay;        /* 0: 0.1; negative: none                                                               */
    float clip;                /* longest gradient; 0: 1; negative: never clipped                                      */
    uint64_t seed;             /* of the initial values and of the order of the data                                   */

    /* The work. */
    int context, batch;        /* T tokens a sequence, B sequences a step; 0: 512 and 8                                */
    int threads;               /* 0: one per physical core                                                             */
    const char *device;        /* NULL: "cpu"; "reference"                                                             */

    /* The run: wkv_train only. */
    const char *data;          /* .txt: one document; .jsonl: field "text" of every line is a document                 */
    const char *valid;         /* held-out text, the same; NULL: the last hundredth of `data`                          */
    const char *vocab;         /* as wkv_tokenizer_open; NULL with `init`: the checkpoint's                            */
    const char *out;           /* folder, made when it is not there                                                    */
    const char *save_type;     /* "f32", or "bf16" (NULL) as official files                                            */
    int log_every;             /* steps a line of train.jsonl; its loss is their mean; 0: 10                           */
    int valid_every;           /* steps between measurements of the held-out text; 0: 500; negative: at the end only   */
    int save_every;            /* steps between savings of final.safetensors; 0: 1000; negative: at the end only       */
    int (*report)(void *user, const wkv_train_report *r); /* after every step; not 0: save and stop with WKV_ESTOPPED  */
    void *user;
} wkv_train_options;

/* ---- a whole run ---------------------------------------------------------------------------------------------------- */

/* Tokenise, train, measure, save. WKV_EARG names the option that is off; WKV_EIO, WKV_EFORMAT the file; WKV_ESTOPPED when
 * report asked for it, after saving, or when the loss is no longer a number, leaving what was saved before. */
WKV_API int wkv_train(const wkv_train_options *o);

/* ---- the trainer ---------------------------------------------------------------------------------------------------- */

typedef struct wkv_trainer wkv_trainer;

/* A model with initial values (or those of o->init), its gradients and moments: 16 bytes a parameter. Of the options the
 * first three groups count; vocab_size is required without init. */
WKV_API int wkv_trainer_new(wkv_trainer **out, const wkv_train_options *o);
WKV_API void wkv_trainer_free(wkv_trainer *t);

/* One step of the optimizer. tokens: `batch` rows of `length` + 1 ids; each of a row's first `length` is read, starting
 * from an empty state, and the one after it is what should have been predicted. loss: mean over all, or NULL.
 * WKV_EARG: an id outside the vocabulary, a count below 1. WKV_ESTOPPED: the loss or its gradient is no longer a
 * number; the weights are as before. */
WKV_API int wkv_trainer_step(wkv_trainer *t, const int32_t *tokens, int batch, int length, double *loss);

/* The loss alone; nothing is changed. */
WKV_API int wkv_trainer_loss(wkv_trainer *t, const int32_t *tokens, int batch, int length, double *loss);

/* Steps done, and the learning rate and the length of the gradient of the last one. Pointers may be NULL. */
WKV_API int64_t wkv_trainer_steps(const wkv_trainer *t, double *lr, double *norm);

/* Parameters of the model. */
WKV_API int64_t wkv_trainer_parameters(const wkv_trainer *t);

/* Write the weights as a safetensors file with official names and shapes. type: "f32", or "bf16" (NULL). */
WKV_API int wkv_trainer_save(const wkv_trainer *t, const char *path, const char *type);

#ifdef __cplusplus
}
#endif

#endif
