/* arch.h - one struct per version of RWKV, defined in rwkvN.c, with everything particular to the version.
 *
 * Its table of slots names the tensors of a layer once: to read their sizes, to bind, initialise, train, quantize and
 * save them. Code outside rwkvN.c reads the struct and never tests for a version. */
#ifndef WKV_RWKV_ARCH_H
#define WKV_RWKV_ARCH_H

#include "format/tensors.h"
#include "ops/ops.h"

typedef struct rwkv rwkv;

/* Axis sizes of slots. Ranks, and the size E of DeepEmbed's matrices, E x E = EE, are read from the file. */
typedef enum { D_1, D_C, D_V, D_F, D_H, D_N, D_R0, D_R1, D_R2, D_R3, D_5R0, D_E, D_EE, DIMS } axis_size;
enum { RANKS = 4 }; /* D_R0 ... D_R3 */

/* properties of a tensor, for the optimizer, for memory and for files */
enum {
    SLOT_MATRIX = 1,         /* used in place from the mapping; weight decay in training                  */
    SLOT_LOW_RANK = 2,       /* a small matrix stored [in, out]; in place, no weight decay                */
    SLOT_LATE = 4,           /* layers >= 1 only (v7's v0, v1, v2; ignored in layer 0)                    */
    SLOT_FAST2 = 8,          /* learning rate x 2 (decay)                                                 */
    SLOT_FAST3 = 16,         /* learning rate x 3 (v4's and v5.0's bonus)                                 */
    SLOT_111 = 32,           /* a vector that official files store as [1, 1, C]                           */
    SLOT_5 = 64,             /* official shape [5, R0, C] (v6's time_maa_w2): rows are the first two axes */
    SLOT_TABLE = 128,        /* one row per token of the vocabulary, read by row                          */
    SLOT_RESIDUAL = 256,     /* its product is added to the residual stream: kept more precise            */
    SLOT_INPUT_MAJOR = 512,  /* most inputs are zero: stored input-major, so that zero inputs are skipped */
    SLOT_KEEP_TYPE = 1024,   /* never quantized: errors of the decay and the mixes accumulate over a text */
    SLOT_KEY = 2048          /* key of the time mix: gives the attention width, and the type of the file  */
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
    const char *name;     /* after "blocks.N.", or the full name */
    size_t at;            /* offset of the tensor in the layer's struct */
    axis_size rows, cols; /* official shape, squeezed: vectors are D_1 x D_C */
    int flags;
    init_kind init;
    double init_with[3];
    double synthetic[2];    /* a vector in bench/synthetic.c: values of the first and the last channel */
    const char *logarithm;  /* the name of its logarithm in older files, or NULL */
    /* llama.cpp expects this late tensor in layer 0 too: written with the values of the slot's own; or NULL */
    const char *stands_for;
} slot;

/* The layout in official files. */
static inline weight_layout official_layout(const slot *s)
{
    return s->flags & SLOT_LOW_RANK ? LAYOUT_INPUT_MAJOR : LAYOUT_ROW_MAJOR;
}

/* ln2's bias in a synthetic model, which sets the activation sparsity (bench/synthetic.c). */
#define SYNTHETIC_TILT 0.5

/* x plus the mixing of LN(x) in layer `layer`; `at` is the offset of the mixing's state. v_first: the value of layer 0;
 * in layer 0 it is NULL, and version 7 sets it. embedded: the embedding after ln0 (7a). */
typedef tensor *time_mix_fn(cx *c, const rwkv *m, void *layer, tensor *x, tensor **v_first, int at);
typedef tensor *channel_mix_fn(cx *c, const rwkv *m, void *layer, tensor *x, tensor *embedded, int at);

/* Values of states that can be added: a token SHIFT, the matrices of HEADS; and SCALED sums, relative to the
 * exponential of the EXPONENT of the same channel. */
typedef enum { STATE_SHIFT, STATE_HEADS, STATE_SCALED, STATE_EXPONENT } state_kind;

/* A tensor of a layer's state. */
typedef struct {
    const char *name;  /* after "blocks.N."             */
    axis_size axes[3]; /* its shape, up to the first D_1 */
    state_kind kind;
} state_tensor;

typedef struct {
    const char *name;     /* "w"                                                  */
    const char *gguf_key; /* ".attention.decay_lora_rank", after the architecture */
} low_rank;

/* Activation sparsity (zeros among the squared ReLUs) of n layers, from the first to the last. */
typedef struct {
    const float *at;
    int n;
} sparsity_curve;

/* The sizes of a published model. */
typedef struct {
    const char *name; /* "7:1.5B" */
    int layers, width, vocab, rank[RANKS];
    const sparsity_curve *sparsity[2]; /* the model's is the mean of the two */
    int64_t parameters;          /* published number, which the sizes must give */
} published_size;

typedef struct {
    const char *version; /* "7" */
    const slot *slots;
    int n_slots;
    size_t layer_size;

    /* Whether names and shapes of a file of L layers and C channels are this version's, if those before it in ARCHS
     * have returned 0. */
    int (*detect)(const tensors *t, int L, int C);
    /* Low ranks and, where it is 0, the ffn width of a new model, from the width; NULL: the version is not trained. */
    void (*new_sizes)(int dim[DIMS]);

    const state_tensor *state; /* in the order of memory, the channel mix's last; ends with a NULL name */
    void (*state_init)(const rwkv *m, real *layer);
    time_mix_fn *time_mix;
    channel_mix_fn *channel_mix;
    uint32_t lacks;  /* a bit 1 << site for each site of a layer that it does not have (wkv_probe.h) */
    int one_decay;   /* the decay is one row for all tokens                                          */

    low_rank ranks[RANKS + 1];       /* of D_R0, D_R1, ...; ends with a NULL name                         */
    const char *gguf;                /* general.architecture, "rwkv7"                                     */
    const char *gguf_zero;           /* a key that llama.cpp reads and that is 0 in our files, or NULL    */
    const char *extra;               /* a module without backward, not storable in .gguf and .st, or NULL */
    int no_web_form;                 /* web-rwkv's files (.st) cannot store this version                  */
    int answers_without_blank_line;  /* its World models: a blank line ends an answer                     */
    const published_size *published; /* ends with a NULL name; or NULL                                    */
} arch;

/* All versions in the order of detection: 4 is the rest, without a mark of a later one. */
#define ARCHS(X) X(arch7a) X(arch7) X(arch6) X(arch52) X(arch51) X(arch50) X(arch4)

#define DECLARE_ARCH(name) extern const arch name;
ARCHS(DECLARE_ARCH)
#undef DECLARE_ARCH

extern const arch *const archs[]; /* ends with NULL */

/* "7"; NULL: unknown version. */
const arch *arch_find(const char *version);
/* The first slot that has an axis of this size; NULL: none has. */
const slot *arch_slot(const arch *a, axis_size size);
/* All sizes of a new model from the given ones; ffn 0: the version's default. */
void arch_sizes(int dim[DIMS], const arch *a, int width, int head_size, int ffn, int vocab);
/* The i-th trainable version, 4 first; NULL: there are fewer. */
const arch *arch_trained(int i);
const char *arch_list_trained(char out[64]); /* "4, 5.2, 6 and 7" */

#endif
