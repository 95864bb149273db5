/* bench_report.c - the report of `wkv bench`, as text and as JSON. */
#include "bench.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

double figure_median(const figure *f)
{
    const double *s = f->seconds;
    int n = f->repeats;
    return (s[n / 2] + s[(n - 1) / 2]) / 2;
}

/* ---- for people -------------------------------------------------------------------------------------------------- */

static void print_figure(const char *what, const figure *f)
{
    double t = figure_median(f);
    char label[32];
    snprintf(label, sizeof label, what, f->n);
    put_text("  %-17s %10.1f %10.1f %10.1f %8.1f %9.1f %6.0f %% of %-10s %5.0f %%\n", label, f->tokens / t,
             f->tokens / f->seconds[f->repeats - 1], f->tokens / f->seconds[0], f->work.read / t * 1e-9,
             f->work.flops / t * 1e-9, 100 * f->share, f->limit, 100 * f->dense);
}

static void print_machine(const wkv_roof *r, const wkv_roof *usual)
{
    char ahead[48] = "no prefetch";
    put_text("%s%-12s %10s %9s%s\n", bold(1), "The machine", "meanwhile", "at most", plain(1));
    if (!r->streams) { /* a device that measures itself, and multiplies in float32 */
        put_text("  memory   %11.1f %9.1f GB/s      %s\n", usual->read * 1e-9, r->read * 1e-9, r->fma_how);
        put_text("  float32  %11.1f %9.1f GFLOP/s\n\n", usual->fma * 1e-9, r->fma * 1e-9);
        return;
    }
    if (r->ahead) snprintf(ahead, sizeof ahead, "prefetch %d bytes ahead", r->ahead);
    put_text("  memory   %11.1f %9.1f GB/s      %d stream%s a thread, %s\n", usual->read * 1e-9, r->read * 1e-9,
             r->streams, r->streams == 1 ? "" : "s", ahead);
    put_text("  float32  %11.1f %9.1f GFLOP/s   %s\n", usual->fma * 1e-9, r->fma * 1e-9, r->fma_how);
    put_text("  int8     %11.1f %9.1f GOP/s     %s\n\n", usual->int8 * 1e-9, r->int8 * 1e-9, r->int8_how);
}

/* Where layers run, if not all on one device. */
static void print_stages(const wkv_context *c)
{
    char bytes[16];
    wkv_stage g;
    if (wkv_context_stage(c, 1, &g) < 1) return;
    for (int i = 0; wkv_context_stage(c, i, &g) > 0; i++)
        put_text("  layers %d to %d%s on %s, %s of weights\n", g.first, g.first + g.layers - 1,
                 i ? " and the head" : "", g.isa, as_bytes(bytes, (double)g.weight_bytes));
}

static json_t *stages_json(const wkv_context *c)
{
    json_t *list = json_array();
    wkv_stage g;
    for (int i = 0; wkv_context_stage(c, i, &g) > 0; i++)
        json_array_append_new(list, json_pack("{s:s s:s s:i s:i s:I}", "device", g.device, "isa", g.isa, "first_layer",
                                              g.first, "layers", g.layers, "weight_bytes", (json_int_t)g.weight_bytes));
    return list;
}

static void print_model(const bench *b)
{
    char resident[16], model[16], needed[16];
    size_t most;
    const size_t on_device = wkv_context_device_bytes(b->e.context, &most);
    put_text("%sThe model%s\n", bold(1), plain(1));
    put_text("  %s in %.1f ms, the first token took %.1f ms\n", b->synthetic ? "made" : "opened", b->load * 1e3,
             b->first * 1e3);
    put_text("  %s resident, %s of it for the model and one text, which need %s\n",
             as_bytes(resident, (double)b->resident), as_bytes(model, (double)(b->resident - b->before)),
             as_bytes(needed, (double)b->needed));
    print_stages(b->e.context);
    if (most)
        put_text("  %s allocated on the device, at most %s\n", as_bytes(model, (double)on_device),
                 as_bytes(needed, (double)most));
    if (b->decode.repeats)
        put_text("  a token reads %.1f MB of %.1f and waits at %.0f barriers; %.1f %% of the squared ReLUs are zero, "
                 "reading %s\n",
                 b->decode.work.read / b->decode.tokens * 1e-6, b->decode.work.bytes / b->decode.tokens * 1e-6,
                 (double)b->decode.barriers / b->decode.tokens, 100 * b->sparsity,
                 b->from_text ? "text" : "random ids");
    if (b->decode.traffic > 0)
        put_text("  the launches of a token read and write %.1f MB, as their arguments say\n",
                 b->decode.traffic / b->decode.tokens * 1e-6);
    put_text("\n");
}

/* On a device that measures itself: its two limits, in the pass that each is for. */
static void print_shares(const bench *b)
{
    if (b->decode.repeats) put_text("\n  decode reached %.1f %% of the bandwidth", 100 * b->decode.bandwidth);
    if (b->prefills)
        put_text("%s prefill %.1f %% of the float32 peak", b->decode.repeats ? "," : "\n ",
                 100 * b->prefill[b->prefills - 1].peak);
    if (b->decode.repeats || b->prefills) put_text("\n");
}

void bench_print(const bench *b)
{
    const wkv_model_info *m = b->e.about;
    char count[32];
    put_text("%s%s%s: RWKV-%s, %s parameters, %s; %d thread%s, %s\n\n", bold(1), m->path ? m->path : "built-in",
             plain(1), m->version, as_count(count, m->parameters), m->types, b->roof.threads,
             b->roof.threads == 1 ? "" : "s", wkv_context_isa(b->e.context));
    print_machine(&b->roof, &b->usual);
    print_model(b);
    put_text("%s%-19s %10s %10s %10s %8s %9s %-22s %s%s\n", bold(1), "Tokens per second", "median", "slowest",
             "fastest", "GB/s", "GFLOP/s", "  of the roof", "dense", plain(1));
    if (b->decode.repeats) print_figure("decode", &b->decode);
    for (int i = 0; i < b->prefills; i++) print_figure("prefill %d", &b->prefill[i]);
    for (int i = 0; i < b->batches; i++) print_figure(i ? "%d texts at once" : "%d text", &b->batch[i]);
    if (b->train.repeats) print_figure("train 2 x %d", &b->train);
    if (!b->roof.streams) print_shares(b);
}

/* ---- for programs ------------------------------------------------------------------------------------------------ */

static json_t *figure_json(const char *what, const figure *f)
{
    double t = figure_median(f);
    return json_pack("{s:i s:f s:f s:f s:i s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:s}", what, f->n, "tokens_per_s",
                     f->tokens / t, "slowest", f->tokens / f->seconds[f->repeats - 1], "fastest",
                     f->tokens / f->seconds[0], "repeats", f->repeats, "bytes_per_token", f->work.read / f->tokens,
                     "dense_bytes_per_token", f->work.bytes / f->tokens, "gbs", f->work.read / t * 1e-9, "gflops",
                     f->work.flops / t * 1e-9, "share_of_roof", f->share, "share_of_dense_roof", f->dense,
                     "share_of_bandwidth", f->bandwidth, "share_of_peak", f->peak, "traffic_per_token",
                     f->traffic / f->tokens, "barriers_per_token", (double)f->barriers / f->tokens, "roof", f->limit);
}

int bench_put_json(json_t *report)
{
    char *text = report ? json_dumps(report, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
    if (text) put_text("%s\n", text);
    free(text);
    json_decref(report);
    return text ? 0 : complain("the report cannot be written as JSON: a name is not UTF-8");
}

int bench_print_json(const bench *b)
{
    const wkv_model_info *m = b->e.about;
    const wkv_roof *r = &b->roof, *u = &b->usual;
    json_t *o = json_pack(
        "{s:s s:s? s:s s:s s:I s:i s:s s:f s:f s:i s:i s:f s:f s:f s:f s:s s:f s:f s:I s:I s:I s:s}", "wkv",
        wkv_version(), "model", m->path, "version", m->version, "types", m->types, "parameters",
        (json_int_t)m->parameters, "threads", r->threads, "isa", wkv_context_isa(b->e.context), "bandwidth_gbs",
        u->read * 1e-9, "bandwidth_most_gbs", r->read * 1e-9, "streams", r->streams, "prefetch_ahead", r->ahead,
        "fma_gflops", u->fma * 1e-9, "fma_most_gflops", r->fma * 1e-9, "int8_gops", u->int8 * 1e-9, "int8_most_gops",
        r->int8 * 1e-9, "int8_how", r->int8_how, "load_ms", b->load * 1e3, "first_token_ms", b->first * 1e3,
        "rss_bytes", (json_int_t)b->resident, "rss_before_bytes", (json_int_t)b->before, "needed_bytes",
        (json_int_t)b->needed, "reading", b->from_text ? "text" : "ids");
    size_t most;
    wkv_context_device_bytes(b->e.context, &most);
    if (o && most) json_object_set_new(o, "device_bytes", json_integer((json_int_t)most));
    if (o) json_object_set_new(o, "stages", stages_json(b->e.context));
    if (o && b->decode.repeats + b->batches) json_object_set_new(o, "relu2_zeros", json_real(b->sparsity));
    if (o && b->decode.repeats) json_object_set_new(o, "decode", figure_json("texts", &b->decode));
    json_t *prefill = json_array(), *batch = json_array();
    for (int i = 0; i < b->prefills; i++) json_array_append_new(prefill, figure_json("tokens", &b->prefill[i]));
    for (int i = 0; i < b->batches; i++) json_array_append_new(batch, figure_json("texts", &b->batch[i]));
    if (o && b->train.repeats) json_object_set_new(o, "train", figure_json("tokens", &b->train));
    json_object_set_new(o, "prefill", prefill);
    json_object_set_new(o, "batch", batch);
    return bench_put_json(o);
}
