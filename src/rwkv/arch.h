/* arch.h - one struct for each version of RWKV, with all that is particular to it; it is defined in rwkvN.c.
 *
 * Its table of slots names the tensors of a layer once: to read their sizes, to bind, initialise, train, quantize and
 * save them. Everything outside rwkvN.c asks the struct, and never which version it is. */
#ifndef WKV_RWKV_ARCH_H
#define WKV_RWKV_ARCH_H

#include "format/tensors.h"
#include "ops/ops.h"

typedef struct rwkv rwkv;

/* Axis sizes that a table of slots names; ranks, and the size E of DeepEmbed's matrices, E x E = EE, are read from the
 * file. */
typedef enum { D_1, D_C, D_V, D_F, D_H, D_N, D_R0, D_R1, D_R2, D_R3, D_5R0, D_E, D_EE, DIMS } axis_size;
enum { RANKS = 4 }; /* D_R0 ... D_R3 */

/* properties of a tensor, for the optimizer, for memory and for files */
enum {
    SLOT_MATRIX = 1,         /* used in place from the mapping; weight decay in training                    */
    SLOT_LOW_RANK = 2,       /* a small matrix stored [in, out]; in place, no weight decay                  */
    SLOT_LATE = 4,           /* layers >= 1 only (v7's v0, v1, v2; may be there in layer 0 and is not used) */
    SLOT_FAST2 = 8,          /* learning rate x 2 (decay)                                                   */
    SLOT_FAST3 = 16,         /* learning rate x 3 (v4's and v5.0's bonus)                                   */
    SLOT_111 = 32,           /* a vector that official files store as [1, 1, C]                             */
    SLOT_5 = 64,             /* official shape [5, R0, C] (v6's time_maa_w2): rows are the first two axes   */
    SLOT_TABLE = 128,        /* one row for each token of the vocabulary, read by row                       */
    SLOT_RESIDUAL = 256,     /* its product is added to the residual stream: kept more precise              */
    SLOT_INPUT_MAJOR = 512,  /* most inputs are zero: stored by input, so that those are skipped            */
    SLOT_KEEP_TYPE = 1024,   /* never quantized: errors of the decay and the mixes add up over a text       */
    SLOT_KEY = 2048          /* key of the time mix: rows are the attention width, its type the file's      */
};

/* Rules for initial values (docs/training.md 7), with up to three numbers a, b, c; formulas are in train/init.c. */
typedef enum {
    INIT_NONE, /* the version is not trained */
    INIT_CONSTANT,
    INIT_UNIFORM,
    INIT_ORTHOGONAL,
    INIT_ORTHOGONAL_TALL,
    INIT_MIX,
    INIT_MIX_PREVIOUS,
    INIT_MIX_FFN,
    INIT_DECAY,
    INIT_DECAY7,
    INIT_SLOPE,
    INIT_BONUS4,
    INIT_BONUS5,
    INIT_GROUP_SCALE,
    INITS
} init_kind;

typedef struct {
    const char *name;     /* after "blocks.N.", or the whole name */
    size_t at;            /* offset of its tensor in the layer's struct */
    axis_size rows, cols; /* official shape, squeezed: vectors are D_1 x D_C */
    int flags;
    init_kind init;
    double init_with[3];
    double synthetic[2];    /* a vector in bench/synthetic.c: values of the first and the last channel */
    const char *logarithm;  /* the name under which older files hold its logarithm, or NULL */
    /* the late tensor for which this one is written in layer 0, as llama.cpp expects it, or NULL */
    const char *stands_for;
} slot;

/* The layout in which official files store it. */
static inline weight_layout official_layout(const slot *s)
{
    return s->flags & SLOT_LOW_RANK ? LAYOUT_INPUT_MAJOR : LAYOUT_ROW_MAJOR;
}

/* ln2's bias in a synthetic model, which makes a chosen share of the squared ReLUs zero (bench/synthetic.c). */
#define SYNTHETIC_TILT 0.5

/* x plus the mixing of LN(x) in the layer whose struct is `layer`; `at` is the offset of the mixing's part of the
 * state. v_first: the value of layer 0, NULL there, which a version may set (7). embedded: the embedding after ln0
 * (7a). */
typedef tensor *time_mix_fn(cx *c, const rwkv *m, void *layer, tensor *x, tensor **v_first, int at);
typedef tensor *channel_mix_fn(cx *c, const rwkv *m, void *layer, tensor *x, tensor *embedded, int at);

typedef struct {
    const char *name;     /* "w"                                                */
    const char *gguf_key; /* ".attention.decay_lora_rank", after the architecture */
} low_rank;

/* Share of the squared ReLUs that is zero in each of n layers, from the first to the last. */
typedef struct {
    const float *at;
    int n;
} sparsity_curve;

/* The sizes of a published model. */
typedef struct {
    const char *name; /* "7:1.5B" */
    int layers, width, vocab, rank[RANKS];
    const sparsity_curve *sparsity[2]; /* the mean of the two applies */
    int64_t parameters;          /* as published: the sizes must amount to it */
} published_size;

typedef struct {
    const char *version; /* "7" */
    const slot *slots;
    int n_slots;
    size_t layer_size;

    /* Is a file of L layers and C channels of this version, when it is of none before it in ARCHS? By names and
     * shapes. */
    int (*detect)(const tensors *t, int L, int C);
    /* Low ranks and, where it is 0, the ffn width of a new model, from the width; NULL: the version is not trained. */
    void (*new_sizes)(int dim[DIMS]);

    int (*state_len)(const rwkv *m); /* reals of one layer's state; the last C are the channel mix's */
    void (*state_init)(const rwkv *m, real *layer);
    time_mix_fn *time_mix;
    channel_mix_fn *channel_mix;

    low_rank ranks[RANKS + 1];       /* of D_R0, D_R1, ...; ends with a NULL name                             */
    const char *gguf;                /* general.architecture, "rwkv7"                                         */
    const char *gguf_zero;           /* a key that llama.cpp reads and that is 0 in our files, or NULL        */
    const char *extra;               /* a part with no backward and no place in .gguf and .st files, or NULL  */
    int no_web_form;                 /* web-rwkv's files (.st) have no form of it                             */
    int answers_without_blank_line;  /* its World models were trained so: a blank line ends an answer         */
    const published_size *published; /* ends with a NULL name; or NULL                                        */
} arch;

/* All versions, in the order in which a file's is looked for: 4 is any that has the mark of no later one. */
#define ARCHS(X) X(arch7a) X(arch7) X(arch6) X(arch52) X(arch51) X(arch50) X(arch4)

#define DECLARE_ARCH(name) extern const arch name;
ARCHS(DECLARE_ARCH)
#undef DECLARE_ARCH

extern const arch *const archs[]; /* ends with NULL */

/* "7"; NULL: there is none. */
const arch *arch_find(const char *version);
/* The first slot that has an axis of this size; NULL: none has. */
const slot *arch_slot(const arch *a, axis_size size);
/* The sizes that a new model takes when only these are given; ffn 0: the version's own. */
void arch_sizes(int dim[DIMS], const arch *a, int width, int head_size, int ffn, int vocab);
/* The i-th of those that can be trained, 4 first; NULL: there are fewer. */
const arch *arch_trained(int i);
const char *arch_list_trained(char out[64]); /* "4, 5.2, 6 and 7" */

#endif
