/* wkv_probe.h - values inside a model that a program reads or changes while the model runs: probes at named sites.
 *
 *     static void steer(void *user, const wkv_probed *p)
 *     {
 *         for (int t = 0; t < p->rows; t++)
 *             for (int i = 0; i < p->cols; i++) p->values[t * p->cols + i] += ((const float *)user)[i];
 *     }
 *     wkv_probe_add(c, "blocks.5.resid_post", steer, direction);
 *     wkv_eval(c, s, ids, n, logits); // and each further evaluation of the context: a chat, a session, a score
 *     wkv_probe_clear(c);
 *
 * A probe that changes nothing leaves logits and states the same to the bit, in every version, and a context without
 * probes runs as if this header did not exist. A layer with a probe runs the separate operations where the value
 * exists; other layers stay fused. docs/probes.md has examples. Conventions are those of wkv.h. */
#ifndef WKV_PROBE_H
#define WKV_PROBE_H

#include "wkv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- sites ------------------------------------------------------------------------------------------------------- */

/* The values of one token, by the letters of docs/models.md: C channels, H heads of N, F ffn width. Names are those
 * after WKV_SITE_, in lower case. */
typedef enum {
    WKV_SITE_NONE,
    WKV_SITE_EMBED,      /* [C] the embedding before ln0; of the model, not of a layer                              */
    WKV_SITE_RESID_PRE,  /* [C] the residual stream before the time mix; in layer 0 the embedding after ln0         */
    WKV_SITE_RESID_MID,  /* [C] between time mix and channel mix: resid_pre + att_out                               */
    WKV_SITE_RESID_POST, /* [C] after the channel mix: resid_mid + ffn_out                                          */
    WKV_SITE_ATT_OUT,    /* [C] output of the time mix, to be added to the residual stream                          */
    WKV_SITE_FFN_OUT,    /* [C] output of the channel mix, to be added; versions 4 to 6: after its gate             */
    WKV_SITE_R,          /* [C] receptance; version 4: after its sigmoid                                            */
    WKV_SITE_W,          /* [C] decay, the factor of the state; version 4: its logarithm. Versions 4 and 5 have one
                            row of it for all tokens                                                                */
    WKV_SITE_K,          /* [C] key; version 7: before it is scaled by k_k and k_a                                  */
    WKV_SITE_V,          /* [C] value; version 7: after the mixture with layer 0's, and layer 0's is read by all    */
    WKV_SITE_A,          /* [C] in-context learning rate, in (0, 1); version 7                                      */
    WKV_SITE_G,          /* [C] gate, after its activation function; versions 5.1 to 7                              */
    WKV_SITE_WKV,        /* [C] read-out of the state by r, before norm, bonus of version 7, and gate; version 4:
                            before r                                                                                */
    WKV_SITE_STATE,      /* [H][N key][N value] the wkv state after the token; version 4: [3][C], aa, bb, pp        */
    WKV_SITE_FFN_ACT,    /* [F] squared ReLU of the channel mix, as ffn.value reads it                              */
    WKV_SITES
} wkv_site;

WKV_API const char *wkv_site_name(wkv_site site); /* "resid_pre"; NULL: no site */

typedef struct {
    wkv_site site;
    int layer;        /* -1: of the model (embed)                                                  */
    int one_row;      /* 1: one row for all tokens, because it depends on weights only (w of versions 4 and 5) */
    int dims;
    int64_t shape[3]; /* of one token's values                                                     */
} wkv_site_info;

/* The sites of a model that `names` selects, in the order in which they are reached, each once. Returns their number
 * for any `cap`; writes the first `cap`. names: a list with commas or blanks, NULL: all sites. Each name is
 *
 *     resid_post             in every layer
 *     blocks.3.k             in layer 3
 *     blocks.0-5.k           in layers 0 to 5
 *     blocks.*.k             in every layer
 *     blocks.3               all sites of layer 3
 *     embed
 *
 * or a name of TransformerLens in the same forms: hook_embed, hook_resid_pre, hook_resid_mid, hook_resid_post,
 * hook_attn_out (att_out), hook_mlp_out (ffn_out), attn.hook_q (r), attn.hook_k, attn.hook_v, mlp.hook_post (ffn_act).
 * WKV_EARG: an unknown name, a layer that the model does not have, a site that its version does not have. */
WKV_API int wkv_sites(const wkv_model *m, const char *names, wkv_site_info *out, int cap);

/* ---- probes ------------------------------------------------------------------------------------------------------ */

/* The origin of a row. sequence: its index in the call (wkv_eval: 0; wkv_score: of the text; a batcher: of the session
 * among the active ones). token: its index in the tokens of that call (wkv_score: of the text; a batcher: of the
 * session). */
typedef struct {
    int sequence, token;
} wkv_row;

typedef struct {
    wkv_site site;
    int layer;          /* -1: of the model (embed)                                                              */
    int rows, cols;     /* cols: all values of a token; rows: tokens that are computed together, at most 512; of the
                           state one                                                                             */
    float *values;      /* rows x cols; valid during the call, which may change them                             */
    const wkv_row *of;  /* the origin of each row; NULL: the one row is for all tokens (wkv_site_info.one_row)   */
} wkv_probed;

/* Called on the evaluating thread, layer after layer, for each pass of at most 512 tokens; changed values are computed
 * with from there on: a state from the next token on, and it is in the wkv_state after the evaluation. The function
 * calls nothing that takes the context. */
typedef void wkv_probe_fn(void *user, const wkv_probed *p);

/* Call fn at these sites (wkv_sites) in every evaluation of the context: wkv_eval, wkv_eval_batch, wkv_eval_embeddings,
 * wkv_score, sessions. Probes of one site run in the order in which they were added, each with the values that the one
 * before left. States and logits of an evaluation with changed values are no longer those of the text: a prefix cache
 * or a store would keep them as such. WKV_EARG, WKV_ENOMEM. */
WKV_API int wkv_probe_add(wkv_context *c, const char *names, wkv_probe_fn *fn, void *user);
/* Remove the probes with this function and argument. */
WKV_API void wkv_probe_remove(wkv_context *c, wkv_probe_fn *fn, void *user);
WKV_API void wkv_probe_clear(wkv_context *c); /* remove all */

/* ---- embeddings -------------------------------------------------------------------------------------------------- */

/* The embeddings of n ids, n x C, as evaluation reads them. WKV_EARG: an id outside the vocabulary. */
WKV_API int wkv_embed(wkv_context *c, const int32_t *ids, int n, float *rows);

/* The logits of n rows of the residual stream (n x C, a resid site of any layer), by ln_out and the head: n x V. The
 * rows of the last layer's resid_post give the model's logits, the same bits. */
WKV_API int wkv_unembed(wkv_context *c, const float *rows, int n, float *logits);

/* wkv_eval with n rows (n x C) in place of the embeddings of tokens: soft prompts, features of another encoder. The
 * rows of wkv_embed give the same bits as their ids. wkv_sequence.embeddings does the same in a batch. WKV_EARG: a
 * value is NaN or infinite; version 7a, which reads tables by id: set tokens and embeddings of a wkv_sequence. */
WKV_API int wkv_eval_embeddings(wkv_context *c, wkv_state *s, const float *rows, int n, float *logits);

#ifdef __cplusplus
}
#endif
#endif
