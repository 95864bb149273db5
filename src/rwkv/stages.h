/* stages.h - the layers of a context, divided between devices: as in pipeline parallelism, a stage is a run of
 * consecutive layers on one device. */
#ifndef WKV_RWKV_STAGES_H
#define WKV_RWKV_STAGES_H

#include "ops/device.h"
#include "rwkv/api.h"

typedef struct {
    cx cx; /* cx.first_layer: the first one */
    device *device;
    int end;        /* past the last layer; the last stage has the head, too */
    size_t weights; /* bytes of its weights on the device, without tables    */
} stage;

/* One stage; or two, the first of them on the CPU. Their scratch memory is for passes of at most these sizes. */
enum { MOST_STAGES = 2 };
typedef struct {
    stage list[MOST_STAGES];
    int n;
    int rows, spans, logits;
} stages;

static inline stage *stages_last(stages *s) { return &s->list[s->n - 1]; }

/* Open the devices, reserve memory, and copy the weights to devices with memory of their own. WKV_ENOMEM, before
 * anything is copied: with the number of layers that would fit. On an error nothing is open. */
int stages_open(stages *s, const wkv_model *m, const wkv_context_options *o);
void stages_close(stages *s);

/* The states of a pass of a stage: values of its layers' states, and where they begin in a whole state. */
size_t stage_state(const stage *g, const rwkv *m, size_t *at);
/* Whether a pass needs memory for states: for those on a device with memory of its own; or to restore them when a later
 * stage fails. */
int stages_copy_states(const stages *s, const stage *g);

#endif
