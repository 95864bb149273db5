/* run.h - what a run is made of. */
#ifndef WKV_TRAIN_RUN_H
#define WKV_TRAIN_RUN_H

#include "base/utf8.h"
#include "train/checkpoint.h"
#include "train/choices.h"
#include "train/folder.h"
#include "train/history.h"
#include "train/source.h"

typedef struct {
    wkv_train_options o; /* with defaults, and with what a resumed run remembers  */
    tensors *from;       /* the checkpoint it goes on from, or NULL               */
    char *damaged;       /* the sentence about a newer one, or NULL               */
    char *data;          /* paths of the text, one a line                         */
    choices choices;     /* questions that are answered at every measurement     */
    char *valid_path, *eval_path, *vocab_path, *model_path, *reference_path, *lora_path, *state_path;
    wkv_tokenizer *vocab; /* NULL: token files without one                         */
    source source;
    int64_t held_bytes; /* of the held-out text; 0: not known */
    wkv_trainer *t;
    const wkv_communicator *communicator; /* who trains together; NULL: this process alone  */
    int own;                /* sequences of a step that this process computes */
    sample *now;            /* a step's                                       */
    history history;
    position at;
    int chosen; /* sizes or steps follow from the amount of text */
    wkv_train_plan plan;
    wkv_train_report report;
    double work, idle; /* seconds in steps, and in what comes between them */
    int64_t worked;    /* tokens of the steps of this process              */
    double saved;      /* when the last checkpoint was                     */
    double work_then;  /* work and worked at the last figures              */
    int64_t worked_then;
    char sample[2048];
} job;

/* Open everything that is read, from the beginning or from a checkpoint, and make the plan. job_end in any case. */
int job_begin(job *j, const wkv_train_options *o);
/* Open the folder and the output files in it: only in the process that leads, once the plan is accepted. */
int job_open(job *j);
void job_end(job *j);

/* The trained parameters, "final" or "best", to the folder of the run: the weights as NAME.safetensors or .pth;
 * adapters and states as lora.safetensors, lora.pth, state.pth, the best as best-lora.safetensors, best-state.pth. */
int job_save(const job *j, const char *name);

#endif
