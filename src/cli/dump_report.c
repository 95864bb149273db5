/* dump_report.c - the sites of a model as a list, and dumped arrays in figures. */
#include "dump.h"
#include "say.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int dump_shape(const dumped *v, int64_t shape[4])
{
    int dims = 0;
    if (!v->about.one_row) shape[dims++] = v->to - v->from;
    for (int k = 0; k < v->about.dims; k++) shape[dims++] = v->about.shape[k];
    return dims;
}

static json_t *summary(const dumped *v)
{
    const size_t n = dump_rows(v) * v->row;
    float low = INFINITY, high = -INFINITY;
    double sum = 0, squares = 0;
    int64_t sizes[4];
    int finite = 1;
    for (size_t i = 0; i < n; i++) {
        const double x = v->values[i];
        low = fminf(low, v->values[i]);
        high = fmaxf(high, v->values[i]);
        sum += x;
        squares += x * x;
        finite &= isfinite(v->values[i]) != 0;
    }
    json_t *shape = json_array(), *r = json_pack("{s:s}", "name", v->name);
    const int dims = dump_shape(v, sizes);
    for (int k = 0; k < dims; k++) json_array_append_new(shape, json_integer(sizes[k]));
    json_object_set_new(r, "shape", shape);
    json_object_set_new(r, "finite", json_boolean(finite));
    if (finite)
        json_object_update_new(r, json_pack("{s:f s:f s:f s:f}", "min", (double)low, "max", (double)high, "mean",
                                            sum / (double)n, "norm", sqrt(squares)));
    return r;
}

int dump_json(const dump *d, const char *file, int tokens)
{
    json_t *arrays = json_array(), *r = json_pack("{s:i s:s?}", "tokens", tokens, "file", file);
    for (int i = 0; i < d->n; i++) json_array_append_new(arrays, summary(&d->v[i]));
    json_object_set_new(r, "arrays", arrays);
    char *text = json_dumps(r, JSON_INDENT(2) | JSON_REAL_PRECISION(7));
    if (text) put_text("%s\n", text);
    free(text);
    json_decref(r);
    return text ? 0 : complain("the report cannot be written as JSON: a name is not UTF-8");
}

int dump_list(const wkv_model *m, const char *names)
{
    const int n = wkv_sites(m, names, NULL, 0);
    if (n < 0) return complain_library();
    wkv_site_info *all = malloc(sizeof *all * (size_t)n);
    if (!all) return complain("out of memory");
    wkv_sites(m, names, all, n);
    for (int s = 1; s < WKV_SITES; s++)
        for (int i = 0; i < n; i++) {
            if ((int)all[i].site != s) continue;
            int last = all[i].layer, j = i + 1;
            for (; j < n; j++)
                if ((int)all[j].site == s) {
                    if (all[j].layer != last + 1) break;
                    last++;
                }
            char name[64] = "";
            if (last > all[i].layer)
                snprintf(name, sizeof name, "blocks.%d-%d.", all[i].layer, last);
            else if (last >= 0)
                snprintf(name, sizeof name, "blocks.%d.", last);
            strcat(name, wkv_site_name(all[i].site));
            put_text("%-28s %s", name, all[i].one_row ? "one row of " : "");
            for (int k = 0; k < all[i].dims; k++) put_text("%s%lld", k ? " x " : "", (long long)all[i].shape[k]);
            put_text("\n");
            i = j - 1;
        }
    free(all);
    return 0;
}
