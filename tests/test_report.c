/* Reports: pages, pictures and JSON from sound and from hostile input. */
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>
#include "models.h"
#include "svg.h"
#include "wkv_report.h"

#define PAGE "test_report.html"
static const double nan_ = NAN, infinite = INFINITY;
static const char hostile[] = "</title><script>alert(\"1\")</script>&amp; \x01\x7f \xff\xfe \xe2\x80\xae' \xc2\x85";

static wkv_report *begin(void)
{
    wkv_report *r = NULL;
    if (wkv_report_new(&r, "A report", "Its summary.")) FAILED("%s", wkv_error());
    return r;
}

static char *text_of(const char *path)
{
    size_t n = 0;
    char *text = read_file(path, &n);
    if (text)
        text[n] = 0;
    else
        FAILED("%s is missing", path);
    return text;
}

/* Write everything, check the pictures of the page and of the files, and free the report. */
static void check(wkv_report *r, int charts, const char *name)
{
    char *json = NULL;
    EXPECT_EQ(wkv_report_html(r, PAGE), 0);
    char *page = text_of(PAGE);
    if (page) {
        const int n = svg_check(page, name);
        EXPECT(n >= charts && n <= 2 * charts);
        EXPECT(!strstr(page, "http") && !strstr(page, " src") && !strstr(page, "url("));
        EXPECT(!strstr(page, "<script>alert"));
    }
    free(page);
    EXPECT_EQ(wkv_report_json(&json, r), 0);
    json_t *o = json ? json_loads(json, JSON_REJECT_DUPLICATES, NULL) : NULL;
    EXPECT(o);
    EXPECT_EQ(json_array_size(json_object_get(o, "charts")), charts);
    for (int i = 0; i < charts; i++) {
        char path[128];
        snprintf(path, sizeof path, "test_report.svg");
        EXPECT_EQ(wkv_report_svg(r, path), 0);
        if (charts > 1)
            snprintf(
                path, sizeof path, "test_report-%s.svg",
                json_string_value(json_object_get(json_array_get(json_object_get(o, "charts"), (size_t)i), "name")));
        char *svg = text_of(path);
        if (svg) {
            EXPECT_EQ(svg_check(svg, path), 1);
            EXPECT_HAS(svg, "xmlns=\"http://www.w3.org/2000/svg\"");
        }
        free(svg);
        unlink(path);
    }
    json_decref(o);
    free(json);
    unlink(PAGE);
    wkv_report_free(r);
}

static double noise(unsigned *seed) { return (double)((*seed = *seed * 1664525u + 1013904223u) >> 8) / (1 << 24); }

static void plots(void)
{
    enum { N = 60, LINES = 7 };
    static double x[N], y[LINES][N], low[LINES][N], high[LINES][N];
    static const char *const names[LINES] = {"built-in model", "RWKV-7 0.1B", "transformer", "f16", "q8",
                                             "q4mix",          NULL};
    wkv_series s[LINES];
    unsigned seed = 1;
    for (int k = 0; k < LINES; k++) {
        for (int i = 0; i < N; i++) {
            x[i] = pow(10, i / 10.0);
            y[k][i] = 2 + 0.02 * k + 3 / (1 + i) + 0.05 * noise(&seed);
            low[k][i] = y[k][i] - 0.1, high[k][i] = y[k][i] + 0.1;
        }
        s[k] = (wkv_series){.name = names[k], .n = N, .x = x, .y = y[k], .low = low[k], .high = high[k]};
    }
    s[3].mark = WKV_POINTS;
    s[5].mark = WKV_FIT;
    s[5].like = 2;
    const wkv_rule rules[] = {
        {"trained length", 4096, 0}, {"trained length of another model", 5000, 0}, {"entropy", 2.1, 1}};
    wkv_report *r = begin();
    for (int half = 0; half < 2; half++)
        for (int n = 1; n <= LINES; n += 2)
            for (int log = 0; log < 2; log++) {
                char name[32];
                snprintf(name, sizeof name, "plot-%d-%d-%d", half, n, log);
                EXPECT_EQ(
                    wkv_report_plot(r, &(wkv_plot){.figure = {name, "Loss by position", "Mean and its band.", half},
                                                   .x = {.label = "tokens before", .log = log},
                                                   .y = {.label = "loss (nats per token)", .log = log},
                                                   .series = s,
                                                   .n_series = n,
                                                   .rules = rules,
                                                   .n_rules = 3}),
                    0);
            }
    check(r, 16, "plots");
}

/* Values that have no place leave gaps, and none of them reaches the picture. */
static void nasty_plots(void)
{
    static const double all[] = {0, -1, nan_, 1e300, infinite, -infinite, 5, 1e-300, 1e99, -1e99, 1e38, nan_, 3, 4};
    static const char *const labels[14] = {hostile,
                                           "a label that is much longer than the picture is wide, so that it cannot be "
                                           "beside its point in any place of it at all",
                                           "\xe4\xb8\xad\xe6\x96\x87\xe6\xa0\x87\xe7\xad\xbe",
                                           NULL,
                                           "",
                                           "same",
                                           "same"};
    const wkv_axis axes[] = {{.label = "linear"},
                             {.label = "log", .log = 1},
                             {.label = hostile, .from_zero = 1},
                             {.label = "fixed", .low = 0, .high = 10},
                             {.label = "fixed log", .log = 1, .low = 1, .high = 10}};
    wkv_report *r = begin();
    int charts = 0;
    for (int a = 0; a < 5; a++)
        for (int n = 0; n <= 14; n = n < 3 ? n + 1 : 14 + (n == 14)) {
            char name[32];
            snprintf(name, sizeof name, "nasty-%d-%d", a, n);
            const wkv_series s[] = {
                {.name = hostile, .n = n, .x = all, .y = all, .low = all, .high = all},
                {.name = "points", .mark = WKV_POINTS, .n = n, .x = all, .y = all, .labels = labels},
                {.n = n, .mark = WKV_THIN, .x = all, .y = all, .shade = nan_},
                {.name =
                     "\xe4\xb8\xad\xe6\x96\x87 and a name that leaves no space for the lines of the plot at all, as it is",
                 .n = n,
                 .x = all,
                 .y = all,
                 .like = 99}};
            const wkv_rule rules[] = {{hostile, nan_, 0}, {hostile, 5, 0}, {hostile, 5, 1}, {NULL, -5, 0}};
            EXPECT_EQ(wkv_report_plot(r, &(wkv_plot){.figure = {name, hostile, hostile, n & 1},
                                                     .x = axes[a],
                                                     .y = axes[4 - a],
                                                     .series = s,
                                                     .n_series = 4,
                                                     .rules = rules,
                                                     .n_rules = 4,
                                                     .shades = {n ? hostile : NULL, "0", hostile}}),
                      0);
            charts++;
        }
    check(r, charts, "nasty plots");
}

/* 400 points with names in a small area: some have none. */
static void crowded_points(void)
{
    enum { N = 400 };
    static double x[N], y[N];
    static char text[N][16];
    static const char *labels[N];
    unsigned seed = 3;
    for (int i = 0; i < N; i++) {
        x[i] = noise(&seed), y[i] = 1000 * noise(&seed);
        snprintf(text[i], sizeof text[i], "head %d.%d", i / 12, i % 12);
        labels[i] = text[i];
    }
    wkv_report *r = begin();
    EXPECT_EQ(wkv_report_plot(
                  r, &(wkv_plot){.figure = {"points", "Many points", NULL, 0},
                                 .x = {.label = "x"},
                                 .y = {.label = "y"},
                                 .series =
                                     &(wkv_series){
                                         .name = "heads", .mark = WKV_POINTS, .n = N, .x = x, .y = y, .labels = labels},
                                 .n_series = 1}),
              0);
    check(r, 1, "crowded points");
}

/* A picture of decays: one thin line per channel. */
static void thin_lines(void)
{
    enum { N = 64, LINES = 96 };
    static double x[N], y[LINES][N];
    static wkv_series s[LINES];
    for (int k = 0; k < LINES; k++) {
        for (int i = 0; i < N; i++) x[i] = i, y[k][i] = pow(10, -4.0 * i / N * k / LINES);
        s[k] = (wkv_series){.mark = WKV_THIN, .n = N, .x = x, .y = y[k], .shade = (double)k / LINES};
    }
    wkv_report *r = begin();
    EXPECT_EQ(wkv_report_plot(r, &(wkv_plot){.figure = {"decay", "Decay of the channels", "Sorted in each layer.", 0},
                                             .x = {.label = "channel"},
                                             .y = {.label = "decay", .log = 1},
                                             .series = s,
                                             .n_series = LINES,
                                             .shades = {"layer", "0", "11"}}),
              0);
    check(r, 1, "thin lines");
}

static void bars(void)
{
    const char *const labels[] = {"RWKV-7 0.1B", hostile,
                                  "a label that is longer than its space beside the bars, and is shortened", NULL,
                                  "\xe4\xb8\xad\xe6\x96\x87"};
    const char *const series[] = {"before", hostile};
    const double values[] = {1, 2, nan_, 1e300, -3, 4, 0, 0, 123456.7, 1e-9};
    const double low[] = {0.5, nan_, 1, 1, -4, 3, 0, 0, 1e5, 0}, high[] = {1.5, 3, 1, 1, -2, infinite, 0, 0, 2e5, 1};
    wkv_report *r = begin();
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "bars-%d", i);
        EXPECT_EQ(wkv_report_bars(r, &(wkv_bars){.figure = {name, "Bars", NULL, i / 2},
                                                 .x = {.label = "tokens per second", .log = i & 1},
                                                 .labels = labels,
                                                 .n_groups = 5,
                                                 .series = series,
                                                 .n_series = 2,
                                                 .values = values,
                                                 .low = low,
                                                 .high = high}),
                  0);
    }
    EXPECT_EQ(wkv_report_bars(r, &(wkv_bars){.figure = {"bars-none", "Bars", NULL, 0},
                                             .labels = labels,
                                             .n_groups = 1,
                                             .n_series = 1,
                                             .values = &nan_}),
              0);
    check(r, 5, "bars");
}

static void maps(void)
{
    enum { ROWS = 48, COLUMNS = 100 };
    static double values[ROWS * COLUMNS];
    static const char *rows[ROWS], *columns[COLUMNS];
    static char row_text[ROWS][16];
    static const char *const words[] = {
        " the", "\n", hostile, "\xe4\xb8\xad\xe6\x96\x87", " state of a model", "", "\t", " ", "a", NULL};
    unsigned seed = 5;
    for (int i = 0; i < ROWS * COLUMNS; i++) values[i] = i % 97 ? noise(&seed) - 0.4 : i % 2 ? nan_ : infinite;
    for (int i = 0; i < ROWS; i++) snprintf(row_text[i], sizeof row_text[i], "layer %d", i), rows[i] = row_text[i];
    for (int i = 0; i < COLUMNS; i++) columns[i] = words[i % 10];
    static const int sizes[][2] = {{ROWS, COLUMNS}, {1, 1}, {3, 5}, {12, 12}, {48, 3}, {2, 1000}};
    static double many[2000];
    wkv_report *r = begin();
    int charts = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int k = 0; k < 3; k++) {
            char name[32];
            snprintf(name, sizeof name, "map-%d-%d", (int)i, k);
            const int big = sizes[i][1] > COLUMNS;
            EXPECT_EQ(wkv_report_map(r, &(wkv_map){.figure = {name, "Lens", "What each layer would say.", k == 1},
                                                   .x_label = "token",
                                                   .y_label = "layer",
                                                   .value_label = hostile,
                                                   .row_labels = k == 2 ? NULL : rows,
                                                   .column_labels = k == 2 || big ? NULL : columns,
                                                   .rows = sizes[i][0],
                                                   .columns = sizes[i][1],
                                                   .values = big ? many : values,
                                                   .diverging = k & 1}),
                      0);
            charts++;
        }
    EXPECT_EQ(
        wkv_report_map(r, &(wkv_map){.figure = {"map-nan", "Map", NULL, 0}, .rows = 1, .columns = 1, .values = &nan_}),
        0);
    check(r, charts + 1, "maps");
}

static void pages(void)
{
    const char *const columns[] = {"length", "time (s)", hostile};
    const char *const cells[] = {"1,000", "0.5", "a", "10,000", "5 to 6", NULL};
    const double x[] = {1, 2}, y[] = {3, nan_};
    wkv_report *r = begin();
    EXPECT_EQ(wkv_report_section(r, hostile), 0);
    EXPECT_EQ(wkv_report_text(r, hostile), 0);
    EXPECT_EQ(wkv_report_formula(r, "bytes(T) = 4 L C T"), 0);
    EXPECT_EQ(wkv_report_fact(
                  r, &(wkv_fact){.name = "slope", .unit = "%", .value = 0.5, .low = -1, .high = 2, .note = hostile}),
              0);
    EXPECT_EQ(wkv_report_fact(r, &(wkv_fact){.name = "unknown", .value = nan_}), 0);
    EXPECT_EQ(wkv_report_table(r, &(wkv_table){"times", hostile, columns, 3, cells, 2}), 0);
    EXPECT_EQ(wkv_report_command(r, "wkv curve -m 'a b'"), 0);
    EXPECT_EQ(wkv_report_plot(r, &(wkv_plot){.figure = {"a", "A", NULL, 1},
                                             .series = &(wkv_series){.n = 2, .x = x, .y = y},
                                             .n_series = 1}),
              0);
    EXPECT_EQ(wkv_report_plot(r, &(wkv_plot){.figure = {"b", "B", NULL, 1},
                                             .series = &(wkv_series){.n = 2, .x = x, .y = y},
                                             .n_series = 1}),
              0);
    char *json = NULL;
    EXPECT_EQ(wkv_report_json(&json, r), 0);
    json_t *o = json_loads(json ? json : "", 0, NULL), *fact = json_array_get(json_object_get(o, "facts"), 0);
    EXPECT_EQ(json_real_value(json_object_get(fact, "high")), 2);
    EXPECT(json_is_null(json_object_get(json_array_get(json_object_get(o, "facts"), 1), "value")));
    json_t *series = json_array_get(json_object_get(json_array_get(json_object_get(o, "charts"), 0), "series"), 0);
    EXPECT(json_is_null(json_array_get(json_object_get(series, "y"), 1)));
    EXPECT_EQ(json_real_value(json_array_get(json_object_get(series, "y"), 0)), 3);
    EXPECT_STR(json_string_value(json_object_get(o, "command")), "wkv curve -m 'a b'");
    EXPECT_STR(json_string_value(json_array_get(
                   json_array_get(json_object_get(json_array_get(json_object_get(o, "tables"), 0), "rows"), 1), 1)),
               "5 to 6");
    json_decref(o);
    free(json);
    EXPECT_EQ(wkv_report_html(r, PAGE), 0);
    char *page = text_of(PAGE);
    EXPECT_HAS(page, "<div class=\"row\">");
    EXPECT_HAS(page, "<td class=\"number\">5 to 6</td>");
    EXPECT_HAS(page, "prefers-color-scheme:dark");
    EXPECT_HAS(page, "@media print");
    free(page);
    check(r, 2, "a page");
}

/* A report without charts has no pictures to write, and a folder that is missing is an error. */
static void failures(void)
{
    wkv_report *r = begin();
    EXPECT_EQ(wkv_report_svg(r, "x.svg"), WKV_EARG);
    EXPECT_EQ(wkv_report_html(r, "test_report.none/x.html"), WKV_EIO);
    wkv_report_free(r);
    wkv_report_free(NULL);
}

int main(int n, char **files)
{
    for (int i = 1; i < n; i++) { /* test_report FILE...: only check these pictures, for tests of the commands */
        char *text = text_of(files[i]);
        if (text && !svg_check(text, files[i])) FAILED("%s has no picture", files[i]);
        free(text);
        if (test_bad) return 1;
    }
    if (n > 1) return 0;
    RUN(plots);
    RUN(nasty_plots);
    RUN(crowded_points);
    RUN(thin_lines);
    RUN(bars);
    RUN(maps);
    RUN(pages);
    RUN(failures);
    return DONE();
}
