/* chart_json.c - the numbers of charts as JSON. */
#include "base/markup.h"
#include "study/report.h"
#include <math.h>
#include <stdlib.h>

#define FIGURE(kind_of, chart)                                                                                         \
    {"kind", json_string(kind_of)}, {"name", report_string((chart)->figure.name)},                                     \
        {"title", report_string((chart)->figure.title)},                                                               \
    {                                                                                                                  \
        "caption", report_string((chart)->figure.caption)                                                              \
    }

json_t *report_join(const report_member *m)
{
    json_t *o = json_object();
    int lost = !o;
    for (; m->key; m++) lost |= json_object_set_new(o, m->key, m->value);
    if (!lost) return o;
    json_decref(o);
    return NULL;
}

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
    return report_object({"label", report_string(a->label)}, {"log", json_boolean(a->log)});
}

static json_t *series_json(const wkv_series *s)
{
    static const char *const marks[] = {"line", "points", "fit", "thin"};
    return report_object({"name", report_string(s->name)}, {"mark", json_string(marks[s->mark])},
                         {"x", report_numbers(s->x, s->n)}, {"y", report_numbers(s->y, s->n)},
                         {"low", report_numbers(s->low, s->n)}, {"high", report_numbers(s->high, s->n)},
                         {"labels", report_strings(s->labels, s->n)});
}

static json_t *rule_json(const wkv_rule *r)
{
    return report_object({"label", report_string(r->label)}, {"at", report_number(r->at)},
                         {"axis", json_string(r->horizontal ? "y" : "x")});
}

static json_t *list_of(json_t *list, int lost)
{
    if (!lost) return list;
    json_decref(list);
    return NULL;
}

static json_t *all_series(const wkv_plot *p)
{
    json_t *list = json_array();
    int lost = !list;
    for (int i = 0; i < p->n_series; i++) lost |= json_array_append_new(list, series_json(&p->series[i]));
    return list_of(list, lost);
}

static json_t *all_rules(const wkv_plot *p)
{
    json_t *list = json_array();
    int lost = !list;
    for (int i = 0; i < p->n_rules; i++) lost |= json_array_append_new(list, rule_json(&p->rules[i]));
    return list_of(list, lost);
}

json_t *plot_json(const wkv_plot *p)
{
    return report_object(FIGURE("plot", p), {"x", axis_json(&p->x)}, {"y", axis_json(&p->y)}, {"series", all_series(p)},
                         {"rules", all_rules(p)});
}

json_t *bars_json(const wkv_bars *b)
{
    return report_object(FIGURE("bars", b), {"x", axis_json(&b->x)}, {"groups", report_strings(b->labels, b->n_groups)},
                         {"series", report_strings(b->series, b->n_series)},
                         {"values", report_rows(b->values, b->n_groups, b->n_series)},
                         {"low", report_rows(b->low, b->n_groups, b->n_series)},
                         {"high", report_rows(b->high, b->n_groups, b->n_series)});
}

json_t *map_json(const wkv_map *m)
{
    return report_object(FIGURE("map", m), {"x_label", report_string(m->x_label)},
                         {"y_label", report_string(m->y_label)}, {"value_label", report_string(m->value_label)},
                         {"row_labels", report_strings(m->row_labels, m->rows)},
                         {"column_labels", report_strings(m->column_labels, m->columns)},
                         {"values", report_rows(m->values, m->rows, m->columns)},
                         {"cell_labels", report_strings(m->cell_labels, m->rows * m->columns)});
}
