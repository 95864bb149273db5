/* training.h - options, notes and the run that wkv train and wkv tune share. */
#ifndef WKV_CLI_TRAINING_H
#define WKV_CLI_TRAINING_H

#include "engine.h"
#include "losses.h"
#include "say.h"
#include "wkv_train.h"
#include <limits.h>

/* Option values. Not given: NAN for real numbers, -1 for choices. */
typedef struct {
    wkv_train_options set;
    texts data, add;
    int steps, hold, schedule, checkpointing, save_type, only_plan;
    float epochs, lr, lr_final, weight_decay, clip;
} training_options;
extern training_options training;
void training_defaults(void);

/* Option rows of both commands. */
#define TRAINING_SCHEDULE                                                                                              \
    {0, "schedule", OPT_CHOICE, "cosine|linear|exponential|constant|wsd", &training.schedule, 0, 0, "cosine",          \
     "learning rate schedule"},                                                                                        \
    {                                                                                                                  \
        0, "hold", OPT_COUNT, "N", &training.hold, 1, INT_MAX, "wsd: 80 % of the steps",                               \
            "steps at --lr before the decay (exponential, wsd)"                                                        \
    }

#define TRAINING_ADD_TOKEN                                                                                             \
    {                                                                                                                  \
        0, "add-token", OPT_TEXTS, "TEXT", &training.add, 0, 0, "",                                                    \
            "add this text as a token after the last id of the vocabulary; may be repeated. Requires training all "    \
            "weights; embedding and head get new rows where needed"                                                    \
    }

/* "Logs and checkpoints": plan, types, intervals. */
extern const group training_keeping;

typedef struct {
    progress bar;
    losses losses;
    int shown;     /* number of samples shown                                  */
    int masked;    /* the loss excludes some of their tokens (conversations)   */
    int questions; /* number of questions of --eval                            */
    int ids;       /* no vocabulary: tokens are ids without text               */
    int result;    /* the run has a result, and this process prints its path   */
} training_watch;

/* Train with the options given. `doing` labels the progress bar. Returns the exit status; 130: stopped and saved. */
int training_run(training_watch *w, const char *doing);

/* Print the memory that each method needs, with the model in bf16, q8 and q4. */
void training_put_memory(void);

/* Extension of the saved model: "safetensors" or "pth". */
const char *training_suffix(void);

#endif
