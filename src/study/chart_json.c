/* chart_json.c - the numbers of charts as JSON. */
#include "base/markup.h"
#include "study/report.h"
#include <math.h>
#include <stdlib.h>

json_t *report_string(const char *text)
{
    if (!text) return json_null();
    stream s;
    FILE *f = stream_open(&s);
    if (f) markup_clean(f, text);
    if (stream_close(f, &s, "a text")) return NULL;
    json_t *value = json_string(s.text ? s.text : "");
    free(s.text);
    return value;
}

json_t *report_number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

json_t *report_numbers(const double *x, int n)
{
    if (!x) return json_null();
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        if (json_array_append_new(list, report_number(x[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *report_strings(const char *const *texts, int n)
{
    if (!texts) return json_null();
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        if (json_array_append_new(list, report_string(texts[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *report_rows(const double *x, int rows, int columns)
{
    if (!x) return json_null();
    json_t *list = json_array();
    for (int i = 0; i < rows; i++)
        if (json_array_append_new(list, report_numbers(x + (size_t)i * (size_t)columns, columns))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *axis_json(const wkv_axis *a)
{
    return json_pack("{s:o, s:b}", "label", report_string(a->label), "log", a->log);
}

static json_t *figure_json(const char *kind, const wkv_figure *f)
{
    return json_pack("{s:s, s:o, s:o, s:o}", "kind", kind, "name", report_string(f->name), "title",
                     report_string(f->title), "caption", report_string(f->caption));
}

static json_t *series_json(const wkv_series *s)
{
    static const char *const marks[] = {"line", "points", "fit", "thin"};
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "name", report_string(s->name), "mark", marks[s->mark], "x",
                     report_numbers(s->x, s->n), "y", report_numbers(s->y, s->n), "low", report_numbers(s->low, s->n),
                     "high", report_numbers(s->high, s->n), "labels", report_strings(s->labels, s->n));
}

/* An object with more members; NULL without memory. */
static json_t *joined(json_t *o, json_t *more)
{
    const int failed = !o || !more || json_object_update(o, more);
    json_decref(more);
    if (!failed) return o;
    json_decref(o);
    return NULL;
}

json_t *plot_json(const wkv_plot *p)
{
    json_t *series = json_array(), *rules = json_array();
    int lost = 0;
    for (int i = 0; i < p->n_series; i++) lost |= json_array_append_new(series, series_json(&p->series[i]));
    for (int i = 0; i < p->n_rules; i++)
        lost |= json_array_append_new(rules, json_pack("{s:o, s:o, s:s}", "label", report_string(p->rules[i].label),
                                                       "at", report_number(p->rules[i].at), "axis",
                                                       p->rules[i].horizontal ? "y" : "x"));
    json_t *o = joined(figure_json("plot", &p->figure), json_pack("{s:o, s:o, s:o, s:o}", "x", axis_json(&p->x), "y",
                                                                  axis_json(&p->y), "series", series, "rules", rules));
    if (!lost) return o;
    json_decref(o);
    return NULL;
}

json_t *bars_json(const wkv_bars *b)
{
    return joined(figure_json("bars", &b->figure),
                  json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "x", axis_json(&b->x), "groups",
                            report_strings(b->labels, b->n_groups), "series", report_strings(b->series, b->n_series),
                            "values", report_rows(b->values, b->n_groups, b->n_series), "low",
                            report_rows(b->low, b->n_groups, b->n_series), "high",
                            report_rows(b->high, b->n_groups, b->n_series)));
}

json_t *map_json(const wkv_map *m)
{
    return joined(figure_json("map", &m->figure),
                  json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "x_label", report_string(m->x_label), "y_label",
                            report_string(m->y_label), "value_label", report_string(m->value_label), "row_labels",
                            report_strings(m->row_labels, m->rows), "column_labels",
                            report_strings(m->column_labels, m->columns), "values",
                            report_rows(m->values, m->rows, m->columns), "cell_labels",
                            report_strings(m->cell_labels, m->rows * m->columns)));
}
