/* training.h - what wkv train and wkv tune share: options, what is said of a plan and of steps, the processes of a
 * run. */
#ifndef WKV_CLI_TRAINING_H
#define WKV_CLI_TRAINING_H

#include "engine.h"
#include "losses.h"
#include "say.h"
#include "wkv_train.h"

/* What the options set; numbers that are not given are NAN, choices -1. */
typedef struct {
    wkv_train_options set;
    texts data;
    int steps, checkpointing, save_type, only_plan;
    float epochs, lr, lr_final, weight_decay, clip;
} training_options;
extern training_options training;
void training_defaults(void);

/* "Figures and files": plan, types, and how often what is written. */
extern const group training_keeping;

typedef struct {
    progress bar;
    losses losses;
    int shown;  /* samples                                        */
    int masked; /* some of their tokens are not in the loss: turns */
} training_watch;

/* Take over the options, and train. -1: done; -2: nothing is left to say, by this process or of a plan; else an exit
 * status, 130 when it was stopped and all of it saved. */
int training_run(training_watch *w, const char *doing);

/* The suffix of a saved model: "safetensors" or "pth". */
const char *training_suffix(void);

/* Ours is 0, the library's is below zero, where 0 means its default; NAN: not given. */
float training_none_or(float x);

#endif
