/* curve_text.c - the summary of `wkv curve` on standard output. */
#include "curve.h"
#include "say.h"
#include <math.h>
#include <stdio.h>

static const char *interval(char out[64], const wkv_mean *m)
{
    if (m->n > 1)
        snprintf(out, 64, "%.3f (%.3f to %.3f)", m->mean, m->low, m->high);
    else
        snprintf(out, 64, "%.3f", m->mean);
    return out;
}

/* About one bin per octave, and the last. */
static void print_loss(const curve *v)
{
    char text[64], from[32], to[32];
    if (!v->n_loss) return;
    put_text("loss by position, nats, mean of %d streams of %s tokens (95 %% interval)\n", v->loss[0].loss.n,
             as_count(from, v->loss_length));
    for (int i = 0; i < v->n_loss; i++) {
        if (i % 3 && i != v->n_loss - 1) continue;
        const wkv_position_loss *b = &v->loss[i];
        put_text("  %9s to %-9s  %s\n", as_count(from, b->from), as_count(to, b->to - 1), interval(text, &b->loss));
    }
    if (v->beyond.n)
        put_text("  after token %s: %s nats more than in the last half before it\n", as_count(from, v->trained),
                 interval(text, &v->beyond));
}

static void print_time(const curve *v)
{
    char a[32], b[32], c[16], d[16];
    double low, high;
    if (!v->n_time) return;
    const double first = (double)v->time[v->first_time < v->n_time ? v->first_time : 0].from;
    const double last = (double)v->time[v->n_time - 1].to;
    put_text("time per token, one by one: %.4g ms, the fastest tenth of %s tokens; then medians (quartiles)\n",
             v->token_ms, as_count(a, (int64_t)last));
    for (int i = 0; i < 5; i++) {
        const wkv_position_time *t = &v->time[(v->n_time - 1) * i / 4];
        put_text("  at %9s  %.4g ms (%.4g to %.4g), %s resident\n", as_count(a, t->from), t->ms, t->low, t->high,
                 as_bytes(c, t->resident));
    }
    if (!v->has_trends) return;
    const double change = curve_change(&v->ratio, first, last, &low, &high);
    put_text("  the time per token changes by %+.2g %% (%+.2g to %+.2g) from token %s to %s\n", change, low, high,
             as_count(a, (int64_t)first), as_count(b, (int64_t)last));
    const double scale = last - first;
    put_text("  the memory changes by %.3g kB (%.3g to %.3g)\n", v->memory.slope * scale / 1e3,
             v->memory.low * scale / 1e3, v->memory.high * scale / 1e3);
    put_text("  the cumulative time grows as T^%.3f (%.3f to %.3f)\n", v->growth.slope, v->growth.low, v->growth.high);
    for (int k = 0; k < 2 && v->roof_ms > 0; k++) {
        wkv_transformer t;
        if (wkv_transformer_of(&t, v->e.model, k ? WKV_LLAMA : WKV_NEOX)) continue;
        const double at = curve_crossing(v, &t), cache = 2 * wkv_transformer_cache(&t, 1);
        put_text("  a %s of the same layers and width, computed: ", t.name);
        if (isfinite(at))
            put_text("slower from token %s on; ", as_count(a, (int64_t)at));
        else
            put_text("never slower; ");
        put_text("cache larger than the state of %s from token %s on\n", as_bytes(d, (double)v->e.about->state_bytes),
                 as_count(b, (int64_t)ceil((double)v->e.about->state_bytes / cache)));
    }
}

static void print_against(const curve *v)
{
    const against_lines *o = &v->other;
    char a[32], b[16];
    if (!o->n) return;
    put_text("--against: %.4g ms at %s, ", *o->ms, as_count(a, (int64_t)*o->position));
    put_text("%.4g ms and %s at %s\n", o->ms[o->n - 1], as_bytes(b, o->resident[o->n - 1]),
             as_count(a, (int64_t)o->position[o->n - 1]));
    if (!o->has_trend) return;
    wkv_mean at;
    curve_measured_crossing(&at, o);
    put_text(
        "  %+.3g ms per 1,000 tokens (%+.3g to %+.3g); %.3g times the model's time at the same moments at %s, "
        "%.3g times ",
        1e3 * o->ms_trend.slope, 1e3 * o->ms_trend.low, 1e3 * o->ms_trend.high, o->ms[0] / o->model[0],
        as_count(a, (int64_t)o->position[0]), o->ms[o->n - 1] / o->model[o->n - 1]);
    put_text("at %s\n", as_count(a, (int64_t)o->position[o->n - 1]));
    if (isfinite(at.mean)) put_text("  slower than the model from token %s on\n", as_count(a, (int64_t)at.mean));
}

static void print_sizes(const curve *v)
{
    char a[16], b[16];
    if (v->done_sizes) put_text("by model size: ms per token (quartiles), weights, state\n");
    for (int i = 0; i < v->done_sizes; i++) {
        const size_point *p = &v->size[i];
        put_text("  %-8s  %.4g ms (%.4g to %.4g), %s, %s\n", p->name, p->ms, p->low, p->high, as_bytes(a, p->bytes),
                 as_bytes(b, p->state));
    }
}

static void print_recall(const curve *v)
{
    char text[64], count[32];
    if (v->done_recall)
        put_text("recall of a number: nats (95 %% interval), share of texts in which it is preferred\n");
    for (int i = 0; i < v->done_recall; i++) {
        const recall_point *p = &v->recall[i];
        put_text("  after %7s  %s, %.2f of %d\n", as_count(count, p->distance), interval(text, &p->nll), p->first.mean,
                 p->first.n);
    }
}

void curve_print(const curve *v)
{
    put_text("%s\n", v->name);
    print_loss(v);
    print_time(v);
    print_against(v);
    print_sizes(v);
    print_recall(v);
}
