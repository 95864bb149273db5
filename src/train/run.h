/* run.h - the state of a run. */
#ifndef WKV_TRAIN_RUN_H
#define WKV_TRAIN_RUN_H

#include "base/utf8.h"
#include "train/checkpoint.h"
#include "train/choices.h"
#include "train/folder.h"
#include "train/history.h"
#include "train/source.h"

typedef struct {
    wkv_train_options o; /* with defaults, and with the settings of a resumed run */
    tensors *from;       /* checkpoint to resume from, or NULL                    */
    char *damaged;       /* error of a damaged newer one, or NULL                 */
    char *data;          /* paths of the text, one per line                       */
    choices choices;     /* questions to answer at every evaluation              */
    char *valid_path, *eval_path, *vocab_path, *model_path, *reference_path, *lora_path, *state_path;
    wkv_tokenizer *vocab; /* NULL: token files without one                         */
    source source;
    int64_t held_bytes; /* of the held-out text; 0: unknown   */
    wkv_trainer *t;
    const wkv_communicator *communicator; /* NULL: a single process                         */
    int own;                /* sequences per step in this process             */
    sample *now;            /* samples of this step                           */
    history history;
    position at;
    int chosen; /* sizes or steps follow from the amount of text */
    wkv_train_plan plan;
    wkv_train_report report;
    double work, idle; /* seconds in steps, and between steps              */
    int64_t worked;    /* tokens of the steps of this process              */
    double saved;      /* time of the last checkpoint                      */
    double work_then;  /* work and worked at the last log line             */
    int64_t worked_then;
    char sample[2048];
} job;

/* Open all inputs, start or resume, and make the plan. Call job_end in any case. */
int job_begin(job *j, const wkv_train_options *o);
/* Open the output folder and files: in process 0 only, after the plan is accepted. */
int job_open(job *j);
void job_end(job *j);

/* Save the trained parameters as "final" or "best": all weights as NAME.safetensors or .pth; adapters and states as
 * lora.safetensors, lora.pth, state.pth, and best-lora.safetensors, best-state.pth. */
int job_save(const job *j, const char *name);

#endif
