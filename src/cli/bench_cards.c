/* bench_cards.c - `wkv bench --only cards`: tokens per second that the bandwidth of published GPUs allows at decode,
 * calculated from the bytes of each published size. Nothing is run. */
#include "bench.h"

/* Bandwidth and memory as the vendors publish them: nvidia.com (GeForce RTX 4090), amd.com (Radeon RX 7900 XTX),
 * intel.com (Arc A770, 16 GB). */
static const struct {
    const char *name;
    double bandwidth, memory; /* GB/s, GB */
} cards[] = {{"RTX 4090", 1008, 24}, {"RX 7900 XTX", 960, 24}, {"Arc A770", 560, 16}};
enum { CARDS_LISTED = sizeof cards / sizeof *cards };

static const char *const types[] = {"f16", "q8", "q4"};

static void print_row(const char *size, const char *type, const wkv_sizes *s)
{
    put_text("  %-8s %-4s %10.1f %10.2f", size, type, s->token * 1e-6, (s->weights + s->state) * 1e-9);
    for (int i = 0; i < CARDS_LISTED; i++) {
        if (s->weights + s->state < cards[i].memory * 1e9)
            put_text(" %12.0f", cards[i].bandwidth * 1e9 / s->token);
        else
            put_text(" %12s", "too large");
    }
    put_text("\n");
}

static json_t *row_json(const char *size, const char *type, const wkv_sizes *s)
{
    json_t *most = json_object();
    for (int i = 0; i < CARDS_LISTED; i++)
        if (s->weights + s->state < cards[i].memory * 1e9)
            json_object_set_new(most, cards[i].name, json_real(cards[i].bandwidth * 1e9 / s->token));
    return json_pack("{s:s s:s s:f s:f s:f s:o}", "size", size, "type", type, "bytes_per_token", s->token,
                     "weight_bytes", s->weights, "state_bytes", s->state, "tokens_per_s_at_most", most);
}

int bench_cards(int as_json)
{
    json_t *rows = json_array();
    const char *name;
    if (!as_json) {
        put_text("%sTokens per second at most, one text: calculated, not run%s\n", bold(1), plain(1));
        put_text(
            "The bandwidth that the vendor publishes, over the bytes of a token: the weights without the embedding "
            "once,\nthe state twice.\n\n%s  %-8s %-4s %10s %10s",
            bold(1), "size", "type", "MB a token", "GB");
        for (int i = 0; i < CARDS_LISTED; i++) put_text(" %12s", cards[i].name);
        put_text("%s\n", plain(1));
    }
    for (int i = 0; (name = wkv_synthetic_name(i)); i++)
        for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
            wkv_sizes s;
            if (wkv_synthetic_sizes(&s, name, types[k])) {
                json_decref(rows);
                return complain_library();
            }
            if (as_json)
                json_array_append_new(rows, row_json(name, types[k], &s));
            else
                print_row(name, types[k], &s);
        }
    if (as_json)
        return bench_put_json(json_pack("{s:s s:s s:o}", "wkv", wkv_version(), "how", "calculated", "cards", rows));
    json_decref(rows);
    return 0;
}
