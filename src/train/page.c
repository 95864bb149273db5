/* page.c - page with the curves of a run: one self-contained file with SVG. During the run it reloads itself in the
 * browser. */
#include "base/markup.h"
#include "base/number.h"
#include "train/history.h"
#include "base/platform/system.h"
#include <math.h>

enum { WIDE = 640, HIGH = 240, LEFT = 62, RIGHT = 24, TOP = 10, BOTTOM = 42, POINTS = 500 };

/* One curve: value(h, i) for its n points; negative infinity or NaN: no point. */
typedef struct {
    const char *name, *class;
    int n;
    double (*step)(const history *h, int i);
    double (*value)(const history *h, int i);
} curve;

typedef struct {
    double x0, x1, y0, y1;
    int logs; /* y is log10 */
} frame;

static double figures_step(const history *h, int i) { return h->f[i].step; }
static double loss_of(const history *h, int i) { return h->f[i].loss; }
static double smooth_of(const history *h, int i) { return h->f[i].smooth; }
static double lr_of(const history *h, int i) { return h->f[i].lr; }
static double norm_of(const history *h, int i)
{
    return log10(h->f[i].norm);
} /* peaks are up to 100 times the usual value */
static double speed_of(const history *h, int i) { return h->f[i].speed; }
static double valid_step(const history *h, int i) { return h->m[i].step; }
static double known(double x) { return x < 0 ? NAN : x; }
static double valid_of(const history *h, int i) { return known(h->m[i].loss); }
static double accuracy_of(const history *h, int i) { return known(h->m[i].accuracy); }
static double accuracy_norm_of(const history *h, int i) { return known(h->m[i].accuracy_norm); }

static double across(const frame *f, double x) { return LEFT + (x - f->x0) / (f->x1 - f->x0) * (WIDE - LEFT - RIGHT); }
static double down(const frame *f, double y)
{
    return HIGH - BOTTOM - (y - f->y0) / (f->y1 - f->y0) * (HIGH - TOP - BOTTOM);
}

/* Axis range of all curves; 0: nothing to show. */
static int frame_of(frame *f, const history *h, const curve *c, int n)
{
    *f = (frame){.x1 = 1, .y0 = INFINITY, .y1 = -INFINITY};
    for (int k = 0; k < n; k++)
        for (int i = 0; i < c[k].n; i++) {
            double x = c[k].step(h, i), y = c[k].value(h, i);
            if (!isfinite(y)) continue;
            f->x1 = fmax(f->x1, x);
            f->y0 = fmin(f->y0, y);
            f->y1 = fmax(f->y1, y);
        }
    if (!isfinite(f->y0)) return 0;
    double margin =
        fmax(0.04 * (f->y1 - f->y0), 1e-3 * fabs(f->y1) + 1e-12); /* a nearly constant curve is a line in the middle */
    f->y1 += margin;
    f->y0 = f->y0 >= 0 && f->y0 < margin ? 0 : f->y0 - margin;
    return 1;
}

static double two_digits(double x)
{
    const double unit = pow(10, floor(log10(x)) - 1);
    return rint(x / unit) * unit;
}

static void draw_axes(FILE *f, const frame *a)
{
    double dx = fmax(1, number_tick(a->x1 - a->x0, 5)), dy = fmax(a->logs ? 0.1 : 0, number_tick(a->y1 - a->y0, 5));
    int columns = (int)((a->x1 - a->x0) / dx) + 1, rows = (int)((a->y1 - a->y0) / dy) + 1;
    double left = ceil(a->x0 / dx), low = ceil(a->y0 / dy);
    char label[32];
    fprintf(f, "<g class=\"axis\">\n");
    for (int i = 0; i < rows && (low + i) * dy <= a->y1; i++) {
        double y = (low + i) * dy, at = down(a, y);
        number_grouped(label, a->logs ? two_digits(pow(10, y)) : y);
        fprintf(f, "<path d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", LEFT, at,
                WIDE - RIGHT, LEFT - 6, at + 4, label);
    }
    for (int i = 0; i < columns && (left + i) * dx <= a->x1; i++) {
        double x = (left + i) * dx, at = across(a, x);
        fprintf(f, "<path d=\"M%.1f %dV%d\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", at, TOP,
                HIGH - BOTTOM, at, HIGH - BOTTOM + 17, number_grouped(label, x));
    }
    fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">step</text></g>\n", (LEFT + WIDE - RIGHT) / 2, HIGH - 5);
}

/* Downsample to the visible resolution by means of neighbours. */
static void draw_curve(FILE *f, const frame *a, const history *h, const curve *c)
{
    int each = c->n / POINTS + 1, drawn = 0;
    fprintf(f, "<polyline class=\"%s\" points=\"", c->class);
    for (int i = 0; i < c->n; i += each) {
        double x = 0, y = 0;
        int k = 0;
        for (int j = i; j < i + each && j < c->n; j++)
            if (isfinite(c->value(h, j))) x += c->step(h, j), y += c->value(h, j), k++;
        if (k) fprintf(f, "%s%.1f,%.1f", drawn++ ? " " : "", across(a, x / k), down(a, y / k));
    }
    fprintf(f, "\"/>\n");
}

static void draw(FILE *f, const history *h, const char *title, int logs, const curve *c, int n)
{
    frame a;
    if (!frame_of(&a, h, c, n)) return;
    a.logs = logs;
    fprintf(f, "<figure><figcaption>%s", title);
    for (int k = 0; n > 1 && k < n; k++)
        if (c[k].n) fprintf(f, " <span class=\"%s\">%s</span>", c[k].class, c[k].name);
    fprintf(f, "</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", WIDE, HIGH, title);
    draw_axes(f, &a);
    for (int k = 0; k < n; k++)
        if (c[k].n) draw_curve(f, &a, h, &c[k]);
    fprintf(f, "</svg></figure>\n");
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static void put_time(FILE *f, double s)
{
    long t = s > 0 && s < 1e9 ? (long)(s + 0.5) : 0;
    fprintf(f, "%ld:%02ld:%02ld", t / 3600, t / 60 % 60, t % 60);
}

static void put_facts(FILE *f, const history *h, const wkv_train_plan *p, const wkv_train_report *r, int over)
{
    char a[32], b[32], c[32];
    fprintf(f, "<table>\n<tr><th>model<td>RWKV-%s, %d layers of %d, vocabulary %d, %.2f M parameters\n", p->version,
            p->layers, p->width, p->vocab, (double)p->parameters / 1e6);
    fprintf(f, "<tr><th>text<td>%s tokens, %s held out; %s tokens per step\n",
            number_grouped(a, (double)p->text_tokens), number_grouped(b, (double)p->held_tokens),
            number_grouped(c, (double)p->step_tokens));
    fprintf(f, "<tr><th>step<td>%s of %s (%.1f %%), epoch %.2f%s", number_grouped(a, (double)r->step),
            number_grouped(b, (double)r->steps), 100 * (double)r->step / (double)(r->steps ? r->steps : 1), r->epoch,
            over ? r->early_stopped     ? ", ended: no lower held-out loss"
                   : r->step < r->steps ? ", stopped"
                                        : ", done"
                 : "");
    if (!over) {
        fprintf(f, ", ");
        put_time(f, r->seconds_left);
        fprintf(f, " left");
    }
    fprintf(f, "\n<tr><th>loss<td>%.4f in the last step, smoothed %.4f", r->loss, r->smooth);
    const measurement m = h->n_m ? h->m[h->n_m - 1] : (measurement){0, -1, -1, -1, -1};
    if (m.loss >= 0) fprintf(f, "; held-out %.4f, perplexity %.4g", m.loss, exp(m.loss));
    if (m.bits >= 0) fprintf(f, " (%.4f bits per byte)", m.bits);
    if (m.accuracy >= 0)
        fprintf(f, "\n<tr><th>accuracy<td>%.4f of %d questions, %.4f by log-likelihood per character", m.accuracy,
                p->questions, m.accuracy_norm);
    fprintf(f,
            "\n<tr><th>learning rate<td>%.3g\n<tr><th>gradient norm<td>%.3g\n<tr><th>speed<td>%s tokens/s, mean "
            "since the start",
            r->lr, r->norm, number_grouped(a, rint(r->tokens_per_second)));
    if (r->share >= 0) fprintf(f, ", %.0f %% of the float32 peak of this machine", 100 * r->share);
    if (r->skipped)
        fprintf(f, "\n<tr><th>skipped<td>%lld steps with a gradient that was NaN or infinite", (long long)r->skipped);
    fprintf(f, "\n</table>\n");
}

static const char style[] =
    "body{font:15px/1.45 system-ui,sans-serif;margin:1.5em auto;max-width:1340px;padding:0 "
    "1em;color:#222;background:#fff}"
    "h1{font-size:1.2em}table{border-spacing:0}th{text-align:left;white-space:nowrap;font-weight:600;padding:0 1.2em 0 "
    "0;vertical-align:top}"
    ".curves{display:flex;flex-wrap:wrap;gap:1em 2em;margin-top:1em}figure{margin:0;flex:1 1 30em;min-width:20em}"
    "figcaption{font-weight:600}figcaption span{font-weight:400;margin-left:.8em}figcaption "
    "span::before{content:'\\2014 '}"
    "svg{width:100%;height:auto}.axis path{stroke:#8884;fill:none}.axis text{font-size:11px;fill:#888}"
    "polyline{fill:none;stroke-width:1.6;stroke-linejoin:round}.a{stroke:#1f6feb;color:#1f6feb}"
    ".b{stroke:#9bbcec;color:#7ba3dc;stroke-width:1}.c{stroke:#d1570c;color:#d1570c}"
    "pre{white-space:pre-wrap;background:#8881;padding:.8em;border-radius:4px}"
    "@media(max-width:1100px){.axis text{font-size:15px}}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181a1b}.b{stroke:#3c5f8f}}";

void page_write(FILE *f, const history *h, const wkv_train_plan *p, const wkv_train_report *r, int over)
{
    void *before = locale_begin();
    fprintf(f, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    if (!over) fprintf(f, "<meta http-equiv=\"refresh\" content=\"10\">\n");
    fprintf(f,
            "<meta name=\"viewport\" content=\"width=device-width\">\n<title>step %lld, loss "
            "%.3f</title>\n<style>%s</style></head>\n",
            (long long)r->step, r->smooth, style);
    fprintf(f, "<body><h1>wkv train</h1>\n");
    put_facts(f, h, p, r, over);
    fprintf(f, "<div class=\"curves\">\n");
    const curve loss[] = {{"mean since the last point", "b", h->n_f, figures_step, loss_of},
                          {"smoothed", "a", h->n_f, figures_step, smooth_of},
                          {"held out", "c", h->n_m, valid_step, valid_of}};
    draw(f, h, "loss", 0, loss, 3);
    const curve accuracy[] = {{"sum", "c", h->n_m, valid_step, accuracy_of},
                              {"per character", "a", h->n_m, valid_step, accuracy_norm_of}};
    draw(f, h, "accuracy by log-likelihood", 0, accuracy, 2);
    draw(f, h, "learning rate", 0, &(curve){"", "a", h->n_f, figures_step, lr_of}, 1);
    draw(f, h, "gradient norm", 1, &(curve){"", "a", h->n_f, figures_step, norm_of}, 1);
    draw(f, h, "tokens per second", 0, &(curve){"", "a", h->n_f, figures_step, speed_of}, 1);
    fprintf(f, "</div>\n");
    if (h->sample) {
        char step[32];
        fprintf(f, "<h1>sample after step %s, prompt in bold</h1>\n<pre><b>",
                number_grouped(step, (double)h->sample_step));
        markup_put(f, h->sample, (size_t)h->sample_prompt);
        fprintf(f, "</b>");
        markup_put(f, h->sample + h->sample_prompt, SIZE_MAX);
        fprintf(f, "</pre>\n");
    }
    fprintf(f, "</body></html>\n");
    locale_end(before);
}
