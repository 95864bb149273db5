/* test_api_study.c - wrong use of the studies of a model, as in test_api.c: probes, tracing, lenses, reports, curves,
 * tasks. */
#include <unistd.h>
#include "api.h"
#include "wkv_curve.h"
#include "wkv_lens.h"
#include "wkv_probe.h"
#include "wkv_report.h"
#include "wkv_task.h"
#include "wkv_trace.h"

static void ignore(void *user, const wkv_probed *p) { (void)user, (void)p; }

static void probes(void)
{
    wkv_site_info info[4];
    float *row = malloc(sizeof *row * 2 * (size_t)wkv_model_about(m)->width);
    REFUSED(wkv_sites(NULL, NULL, info, 4));
    REFUSED(wkv_sites(m, "no site", info, 4));
    REFUSED(wkv_sites(m, NULL, NULL, 4));
    REFUSED(wkv_sites(m, NULL, info, -1));
    EXPECT(!wkv_site_name((wkv_site)-1) && !wkv_site_name(WKV_SITE_NONE) && !wkv_site_name((wkv_site)1000));
    REFUSED(wkv_probe_add(NULL, "k", ignore, NULL));
    REFUSED(wkv_probe_add(c, "k", NULL, NULL));
    REFUSED(wkv_probe_add(c, "blocks.1000000.k", ignore, NULL));
    REFUSED(wkv_probe_add(c2, "g", ignore, NULL));
    wkv_probe_remove(NULL, ignore, NULL);
    wkv_probe_remove(c, NULL, NULL);
    wkv_probe_clear(NULL);
    REFUSED(wkv_embed(NULL, ids, 2, row));
    REFUSED(wkv_embed(c, NULL, 2, row));
    REFUSED(wkv_embed(c, ids, 0, row));
    REFUSED(wkv_embed(c, ids, 2, NULL));
    REFUSED(wkv_embed(c, (const int32_t[]){1, V}, 2, row));
    EXPECT_EQ(wkv_embed(c, ids, 2, row), 0);
    REFUSED(wkv_unembed(NULL, row, 2, logits));
    REFUSED(wkv_unembed(c, NULL, 2, logits));
    REFUSED(wkv_unembed(c, row, 0, logits));
    REFUSED(wkv_unembed(c, row, 2, NULL));
    REFUSED(wkv_eval_embeddings(NULL, s, row, 2, logits));
    REFUSED(wkv_eval_embeddings(c, NULL, row, 2, logits));
    REFUSED(wkv_eval_embeddings(c, s2, row, 2, logits));
    REFUSED(wkv_eval_embeddings(c, s, NULL, 2, logits));
    REFUSED(wkv_eval_embeddings(c, s, row, 0, logits));
    row[1] = infinite;
    REFUSED(wkv_eval_embeddings(c, s, row, 2, logits));
    free(row);
}

static void tracing(void)
{
    const wkv_trace_item sound = {.tokens = ids, .n = IDS, .from = 1, .to = 2, .answer = -1};
    wkv_trace_item bad = sound;
    wkv_trace_result r;
    wkv_trace_patch patch = {.kinds = 1, .layer = 0, .layer_end = 1, .token = 0, .token_end = 1};
    wkv_trace_score scores[2];
    const wkv_trace_options two = {.samples = 2};
    wkv_trace_effect *grid = calloc(wkv_trace_cells(m, &sound, &two), sizeof *grid);
    EXPECT_EQ(wkv_trace(&r, grid, NULL, c, &sound, &two), 0);
    REFUSED(wkv_trace(NULL, grid, NULL, c, &sound, &two));
    REFUSED(wkv_trace(&r, NULL, NULL, c, &sound, &two));
    REFUSED(wkv_trace(&r, grid, NULL, NULL, &sound, &two));
    REFUSED(wkv_trace(&r, grid, NULL, c, NULL, &two));
    REFUSED(wkv_trace(&r, grid, NULL, c, &sound, &(wkv_trace_options){.samples = -1}));
    REFUSED(wkv_trace(&r, grid, NULL, c, &sound, &(wkv_trace_options){.samples = 1 << 20}));
    REFUSED(wkv_trace(&r, grid, NULL, c, &sound, &(wkv_trace_options){.window = -1}));
    REFUSED(wkv_trace(&r, grid, NULL, c, &sound, &(wkv_trace_options){.kinds = 16}));
    REFUSED(wkv_trace(&r, grid, NULL, c, &sound, &(wkv_trace_options){.noise = nan_}));
    REFUSED(wkv_trace(&r, grid, NULL, c, &sound, &(wkv_trace_options){.sigma = infinite}));
    REFUSED(wkv_trace(&r, grid, NULL, c, &sound, &(wkv_trace_options){.sigma = -1}));
    const int ends[][2] = {{-1, 1}, {2, 2}, {2, 1}, {0, IDS + 1}};
    for (int i = 0; i < 4; i++) {
        bad.from = ends[i][0], bad.to = ends[i][1];
        REFUSED(wkv_trace(&r, grid, NULL, c, &bad, &two));
    }
    bad = sound;
    bad.answer = V;
    REFUSED(wkv_trace(&r, grid, NULL, c, &bad, &two));
    bad = sound;
    bad.tokens = NULL;
    REFUSED(wkv_trace(&r, grid, NULL, c, &bad, &two));
    bad = sound;
    bad.n = 0;
    REFUSED(wkv_trace(&r, grid, NULL, c, &bad, &two));
    EXPECT_EQ(wkv_trace_cells(NULL, &sound, NULL), 0);
    EXPECT_EQ(wkv_trace_cells(m, NULL, NULL), 0);
    EXPECT_EQ(wkv_trace_cells(m, &bad, NULL), 0);
    REFUSED(wkv_trace_patches(NULL, scores, c, &sound, &patch, 1, &two));
    REFUSED(wkv_trace_patches(&r, NULL, c, &sound, &patch, 1, &two));
    REFUSED(wkv_trace_patches(&r, scores, NULL, &sound, &patch, 1, &two));
    REFUSED(wkv_trace_patches(&r, scores, c, NULL, &patch, 1, &two));
    REFUSED(wkv_trace_patches(&r, scores, c, &sound, NULL, 1, &two));
    REFUSED(wkv_trace_patches(&r, scores, c, &sound, &patch, 0, &two));
    patch.token_end = IDS + 1;
    REFUSED(wkv_trace_patches(&r, scores, c, &sound, &patch, 1, &two));
    float sigma;
    REFUSED(wkv_trace_sigma(NULL, c, &sound, 1));
    REFUSED(wkv_trace_sigma(&sigma, NULL, &sound, 1));
    REFUSED(wkv_trace_sigma(&sigma, c, NULL, 1));
    REFUSED(wkv_trace_sigma(&sigma, c, &sound, 0));
    REFUSED(wkv_trace_sigma(&sigma, c, &(wkv_trace_item){.tokens = ids, .n = 2, .from = 1, .to = 3}, 1));
    int from, to;
    REFUSED(wkv_trace_find(NULL, &to, NULL, t, ids, IDS, "text", 0, 1));
    REFUSED(wkv_trace_find(&from, NULL, NULL, t, ids, IDS, "text", 0, 1));
    REFUSED(wkv_trace_find(&from, &to, NULL, NULL, ids, IDS, "text", 0, 1));
    REFUSED(wkv_trace_find(&from, &to, NULL, t, NULL, IDS, "text", 0, 1));
    REFUSED(wkv_trace_find(&from, &to, NULL, t, ids, IDS, NULL, 0, 1));
    REFUSED(wkv_trace_find(&from, &to, NULL, t, ids, IDS, "text", 0, 0));
    REFUSED(wkv_trace_find(&from, &to, NULL, t, ids, IDS, "text", 1000, 1));
    EXPECT(!wkv_trace_role_name((wkv_trace_role)-1) && !wkv_trace_role_name(WKV_ROLES));
    EXPECT(!wkv_trace_kind_name((wkv_trace_kind)-1) && !wkv_trace_kind_name(WKV_TRACE_KINDS));
    EXPECT_EQ(wkv_trace_role_of(NULL, 0), WKV_ROLE_BEFORE);
    NOTHING(wkv_trace_file, wkv_trace_file_open(&out, NULL));
    REFUSED(wkv_trace_file_open(NULL, "x.json"));
    wkv_trace_file_close(NULL);
    EXPECT_EQ(wkv_trace_file_count(NULL), 0);
    EXPECT(!wkv_trace_file_prompt(NULL, 0));
    free(grid);
}

static void lenses(void)
{
    const int L = wkv_model_about(m)->layers, H = wkv_model_about(m)->heads;
    const int32_t wrong[2] = {1, 1 << 30};
    float *x = malloc(sizeof *x * (size_t)(L * (H + 1) * IDS * IDS + 4096));
    wkv_half_life *half = malloc(sizeof *half * (size_t)(L * wkv_model_about(m)->width));
    wkv_lens_cell *cells = malloc(sizeof *cells * (size_t)((2 * L + 1) * IDS));
    wkv_prediction p[IDS];
    wkv_state_health health;
    int reach;
    EXPECT_EQ(wkv_decay_is_fixed(NULL), 0);
    REFUSED(wkv_decay(NULL, c, ids, IDS));
    REFUSED(wkv_decay(half, NULL, ids, IDS));
    REFUSED(wkv_decay(half, c, NULL, IDS));
    REFUSED(wkv_decay(half, c, ids, 0));
    REFUSED(wkv_decay(half, c, wrong, 2));
    REFUSED(wkv_lens(NULL, c, s, ids, IDS));
    REFUSED(wkv_lens(cells, NULL, s, ids, IDS));
    REFUSED(wkv_lens(cells, c, NULL, ids, IDS));
    REFUSED(wkv_lens(cells, c, s, NULL, IDS));
    REFUSED(wkv_lens(cells, c, s, ids, 0));
    REFUSED(wkv_lens(cells, c, s, wrong, 2));
    REFUSED(wkv_lens(cells, c, s2, ids, 2));
    REFUSED(wkv_attention(NULL, NULL, c, NULL, ids, IDS, NULL));
    REFUSED(wkv_attention(x, NULL, NULL, NULL, ids, IDS, NULL));
    REFUSED(wkv_attention(x, NULL, c, s2, ids, IDS, NULL));
    REFUSED(wkv_attention(x, NULL, c, NULL, NULL, IDS, NULL));
    REFUSED(wkv_attention(x, NULL, c, NULL, ids, 0, NULL));
    REFUSED(wkv_attention(x, NULL, c, NULL, wrong, 2, NULL));
    REFUSED(wkv_attention(x, x, c2, NULL, ids, 2, NULL)); /* version 4 */
    EXPECT(!wkv_cut_name((wkv_cut)-1) && !wkv_cut_name(WKV_CUTS));
    EXPECT_EQ(wkv_cut_reach(NULL, WKV_CUT_PAST), -1);
    EXPECT_EQ(wkv_cut_reach(m, WKV_CUTS), -1);
    REFUSED(wkv_influence(NULL, &reach, c, WKV_CUT_PAST, ids, IDS, 0, 1));
    REFUSED(wkv_influence(x, NULL, c, WKV_CUT_PAST, ids, IDS, 0, 1));
    REFUSED(wkv_influence(x, &reach, NULL, WKV_CUT_PAST, ids, IDS, 0, 1));
    REFUSED(wkv_influence(x, &reach, c, WKV_CUTS, ids, IDS, 0, 1));
    REFUSED(wkv_influence(x, &reach, c, WKV_CUT_PAST, NULL, IDS, 0, 1));
    REFUSED(wkv_influence(x, &reach, c, WKV_CUT_PAST, ids, IDS, IDS, 1));
    REFUSED(wkv_influence(x, &reach, c, WKV_CUT_PAST, ids, IDS, -1, 1));
    REFUSED(wkv_influence(x, &reach, c, WKV_CUT_PAST, ids, IDS, 0, -5));
    EXPECT(!wkv_knock_name((wkv_knock)-1) && !wkv_knock_name(WKV_KNOCKS));
    REFUSED(wkv_knock_out(NULL, c, WKV_KNOCK_STATE, 0, ids, IDS));
    REFUSED(wkv_knock_out(x, NULL, WKV_KNOCK_STATE, 0, ids, IDS));
    REFUSED(wkv_knock_out(x, c, WKV_KNOCKS, 0, ids, IDS));
    REFUSED(wkv_knock_out(x, c, WKV_KNOCK_STATE, L, ids, IDS));
    REFUSED(wkv_knock_out(x, c, WKV_KNOCK_STATE, -2, ids, IDS));
    REFUSED(wkv_knock_out(x, c, WKV_KNOCK_STATE, 0, NULL, IDS));
    REFUSED(wkv_knock_out(x, c, WKV_KNOCK_ATT_MEAN, 0, wrong, 2));
    REFUSED(wkv_knock_out(x, c, WKV_KNOCK_STATE, 0, ids, 1));
    REFUSED(wkv_state_spectrum(NULL, m, s, 0, 0));
    REFUSED(wkv_state_spectrum(x, NULL, s, 0, 0));
    REFUSED(wkv_state_spectrum(x, m, NULL, 0, 0));
    REFUSED(wkv_state_spectrum(x, m, s2, 0, 0));
    REFUSED(wkv_state_spectrum(x, m, s, L, 0));
    REFUSED(wkv_state_spectrum(x, m, s, 0, -1));
    REFUSED(wkv_state_spectrum(x, m, s, 0, H));
    EXPECT_EQ(wkv_effective_rank(NULL, 3), 0);
    REFUSED(wkv_state_examine(NULL, m, s, 0));
    REFUSED(wkv_state_examine(&health, NULL, s, 0));
    REFUSED(wkv_state_examine(&health, m, NULL, 0));
    REFUSED(wkv_state_examine(&health, m, s, -1));
    REFUSED(wkv_predictions(NULL, c, s, ids, IDS));
    REFUSED(wkv_predictions(p, NULL, s, ids, IDS));
    REFUSED(wkv_predictions(p, c, NULL, ids, IDS));
    REFUSED(wkv_predictions(p, c, s, NULL, IDS));
    REFUSED(wkv_predictions(p, c, s, ids, 1));
    REFUSED(wkv_predictions(p, c, s, wrong, 2));
    EXPECT(isnan(wkv_calibration(NULL, 3, NULL, 3)));
    const wkv_steering steering = {.line = ids, .n_line = 2, .text = ids, .n_text = 2};
    wkv_steering none = steering, foreign = steering;
    none.n_line = 0;
    foreign.text = wrong;
    REFUSED(wkv_steer(NULL, c, &steering));
    REFUSED(wkv_steer(x, NULL, &steering));
    REFUSED(wkv_steer(x, c, NULL));
    REFUSED(wkv_steer(x, c, &none));
    REFUSED(wkv_steer(x, c, &foreign));
    EXPECT_EQ(wkv_steer(x, c, &steering), 0);
    free(cells), free(half), free(x);
}

static void reports(void)
{
    wkv_report *r = NULL;
    const double x[] = {1, 2};
    const char *const texts[] = {"a", "b"};
    const wkv_figure figure = {.name = "a", .title = "A"}, bad = {.name = "a/b", .title = "A"}, none = {.name = "a"};
    REFUSED(wkv_report_new(NULL, "title", NULL));
    NOTHING(wkv_report, wkv_report_new(&out, NULL, NULL));
    EXPECT_EQ(wkv_report_new(&r, "title", NULL), 0);
    REFUSED(wkv_report_section(NULL, "a"));
    REFUSED(wkv_report_section(r, NULL));
    REFUSED(wkv_report_text(NULL, "a"));
    REFUSED(wkv_report_text(r, NULL));
    REFUSED(wkv_report_formula(NULL, "a"));
    REFUSED(wkv_report_formula(r, NULL));
    REFUSED(wkv_report_command(NULL, "a"));
    REFUSED(wkv_report_command(r, NULL));
    REFUSED(wkv_report_fact(NULL, &(wkv_fact){.name = "a"}));
    REFUSED(wkv_report_fact(r, NULL));
    REFUSED(wkv_report_fact(r, &(wkv_fact){.value = 1}));
    REFUSED(wkv_report_table(NULL, &(wkv_table){.columns = texts, .n_columns = 1}));
    REFUSED(wkv_report_table(r, NULL));
    REFUSED(wkv_report_table(r, &(wkv_table){.n_columns = 1}));
    REFUSED(wkv_report_table(r, &(wkv_table){.columns = texts, .n_columns = 0}));
    REFUSED(wkv_report_table(r, &(wkv_table){.columns = texts, .n_columns = 1, .n_rows = 1}));
    REFUSED(wkv_report_table(r, &(wkv_table){.columns = texts, .n_columns = 1, .n_rows = -1}));
    REFUSED(wkv_report_plot(NULL, &(wkv_plot){.figure = figure}));
    REFUSED(wkv_report_plot(r, NULL));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = bad}));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = none}));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = {.name = "", .title = "A"}}));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = figure, .n_series = 1}));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = figure, .n_rules = -1}));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = figure, .series = &(wkv_series){.n = 1, .x = x}, .n_series = 1}));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = figure, .series = &(wkv_series){.n = -1}, .n_series = 1}));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = figure, .series = &(wkv_series){.mark = 9}, .n_series = 1}));
    REFUSED(wkv_report_bars(NULL, &(wkv_bars){.figure = figure}));
    REFUSED(wkv_report_bars(r, NULL));
    REFUSED(wkv_report_bars(r, &(wkv_bars){.figure = bad}));
    REFUSED(wkv_report_bars(r, &(wkv_bars){.figure = figure, .labels = texts, .n_groups = 1, .n_series = 1}));
    REFUSED(wkv_report_bars(r, &(wkv_bars){.figure = figure, .values = x, .n_groups = 1, .n_series = 1}));
    REFUSED(wkv_report_bars(r, &(wkv_bars){.figure = figure, .values = x, .labels = texts, .n_groups = 1}));
    REFUSED(wkv_report_map(NULL, &(wkv_map){.figure = figure}));
    REFUSED(wkv_report_map(r, NULL));
    REFUSED(wkv_report_map(r, &(wkv_map){.figure = bad}));
    REFUSED(wkv_report_map(r, &(wkv_map){.figure = figure, .rows = 1, .columns = 1}));
    REFUSED(wkv_report_map(r, &(wkv_map){.figure = figure, .values = x, .rows = 1 << 16, .columns = 1 << 16}));
    REFUSED(wkv_report_map(r, &(wkv_map){.figure = figure, .values = x, .rows = 0, .columns = 1}));
    REFUSED(wkv_report_html(NULL, "x.html"));
    REFUSED(wkv_report_html(r, NULL));
    REFUSED(wkv_report_svg(NULL, "x.svg"));
    REFUSED(wkv_report_svg(r, NULL));
    REFUSED(wkv_report_svg(r, "x.svg"));
    REFUSED(wkv_report_svg_path(NULL, r, "x.svg", 0));
    NOTHING(char, wkv_report_svg_path(&out, NULL, "x.svg", 0));
    NOTHING(char, wkv_report_svg_path(&out, r, NULL, 0));
    REFUSED(wkv_report_json(NULL, r));
    NOTHING(char, wkv_report_json(&out, NULL));
    wkv_report_free(r);
    wkv_report_free(NULL);
}

static void curves(void)
{
    const double x[] = {1, 2, 3}, same[] = {1, 1, 1}, odd[] = {1, 2, NAN};
    wkv_mean mean;
    wkv_trend trend;
    wkv_transformer shape;
    wkv_position_loss loss[WKV_LOSS_BINS];
    wkv_position_time time;
    int n;
    const wkv_loss_options by_loss = {.ids = ids, .n_ids = IDS, .length = 2};
    const wkv_time_options by_time = {.ids = ids, .n_ids = IDS, .tokens = 2, .bins = 1};
    REFUSED(wkv_mean_of(NULL, x, 3));
    REFUSED(wkv_mean_of(&mean, NULL, 3));
    REFUSED(wkv_mean_of(&mean, x, -1));
    REFUSED(wkv_trend_of(NULL, x, x, 3));
    REFUSED(wkv_trend_of(&trend, NULL, x, 3));
    REFUSED(wkv_trend_of(&trend, x, NULL, 3));
    REFUSED(wkv_trend_of(&trend, x, x, 2));
    REFUSED(wkv_trend_of(&trend, same, x, 3));
    REFUSED(wkv_trend_of(&trend, x, odd, 3));
    REFUSED(wkv_curve_loss(NULL, &n, c, m, &by_loss));
    REFUSED(wkv_curve_loss(loss, NULL, c, m, &by_loss));
    REFUSED(wkv_curve_loss(loss, &n, NULL, m, &by_loss));
    REFUSED(wkv_curve_loss(loss, &n, c, NULL, &by_loss));
    REFUSED(wkv_curve_loss(loss, &n, c, m, NULL));
    REFUSED(wkv_curve_loss(loss, &n, c, m, &(wkv_loss_options){.n_ids = IDS, .length = 2}));
    REFUSED(wkv_curve_loss(loss, &n, c, m, &(wkv_loss_options){.ids = ids, .n_ids = IDS, .length = IDS}));
    REFUSED(wkv_curve_loss(loss, &n, c, m, &(wkv_loss_options){.ids = ids, .n_ids = IDS, .length = 0}));
    REFUSED(wkv_curve_loss(loss, &n, c, m, &(wkv_loss_options){.ids = ids, .n_ids = IDS, .length = 2, .streams = -1}));
    REFUSED(wkv_curve_time(NULL, &n, c, s, &by_time));
    REFUSED(wkv_curve_time(&time, NULL, c, s, &by_time));
    REFUSED(wkv_curve_time(&time, &n, NULL, s, &by_time));
    REFUSED(wkv_curve_time(&time, &n, c, NULL, &by_time));
    REFUSED(wkv_curve_time(&time, &n, c, s, NULL));
    REFUSED(wkv_curve_time(&time, &n, c, s2, &by_time));
    REFUSED(wkv_curve_time(&time, &n, c, s,
                           &(wkv_time_options){.ids = ids, .n_ids = IDS, .tokens = 2, .bins = 1, .control = s}));
    REFUSED(wkv_curve_time(&time, &n, c, s, &(wkv_time_options){.n_ids = IDS, .tokens = 2, .bins = 1}));
    REFUSED(wkv_curve_time(&time, &n, c, s, &(wkv_time_options){.ids = ids, .n_ids = IDS, .tokens = 2, .bins = 3}));
    REFUSED(wkv_curve_time(&time, &n, c, s, &(wkv_time_options){.ids = ids, .tokens = 2, .bins = 1}));
    REFUSED(wkv_transformer_of(NULL, m, WKV_NEOX));
    REFUSED(wkv_transformer_of(&shape, NULL, WKV_NEOX));
    REFUSED(wkv_transformer_of(&shape, m, (wkv_transformer_kind)7));
    EXPECT(isnan(wkv_transformer_cache(NULL, 1)) && isnan(wkv_transformer_flops(NULL, 1)));
    EXPECT(isnan(wkv_transformer_read(NULL, 1, 1, 1)));
}

static void evaluating(void)
{
    wkv_task *task;
    wkv_metric metrics[WKV_METRICS];
    wkv_line line;
    const int lengths[] = {300, 0}, depths[] = {0, -1}, deep[] = {101, -1}, backwards[] = {-5, 0};
    const double x[] = {1, 2, 3};
    char lambada[] = "/tmp/wkv-api-XXXXXX.jsonl";
    FILE *f = fdopen(mkstemps(lambada, 6), "w");
    fputs("{\"text\": \"a red fox\"}\n", f);
    fclose(f);
    REFUSED(wkv_task_open(NULL, "lambada", NULL));
    NOTHING(wkv_task, wkv_task_open(&out, NULL, NULL));
    NOTHING(wkv_task, wkv_task_open(&out, "none", NULL));
    NOTHING(wkv_task, wkv_task_open(&out, "lambada", "none"));
    EXPECT(!wkv_task_about(NULL) && !wkv_task_name(-1) && !wkv_task_name(1000));
    EXPECT(!wkv_task_rule_name(-1) && !wkv_task_rule_name(1000));
    wkv_task_close(NULL);
    EXPECT_EQ(wkv_task_open(&task, "lambada", NULL), 0);
    REFUSED(wkv_items_read(NULL, task, lambada, m, t, NULL));
    NOTHING(wkv_items, wkv_items_read(&out, NULL, lambada, m, t, NULL));
    NOTHING(wkv_items, wkv_items_read(&out, task, NULL, m, t, NULL));
    NOTHING(wkv_items, wkv_items_read(&out, task, lambada, NULL, t, NULL));
    NOTHING(wkv_items, wkv_items_read(&out, task, lambada, m, NULL, NULL));
    NOTHING(wkv_items, wkv_items_read(&out, task, lambada, m, t, &(wkv_items_options){.shots = -1}));
    NOTHING(wkv_items, wkv_items_read(&out, task, lambada, m, t, &(wkv_items_options){.limit = -1}));
    NOTHING(wkv_items, wkv_items_read(&out, task, lambada, m, t, &(wkv_items_options){.skip = 5}));
    NOTHING(wkv_items, wkv_items_read(&out, task, lambada, other, t, NULL)); /* ids beyond its vocabulary */
    REFUSED(wkv_items_texts(NULL, lambada, m, t, 0, 0, 0));
    NOTHING(wkv_items, wkv_items_texts(&out, NULL, m, t, 0, 0, 0));
    NOTHING(wkv_items, wkv_items_texts(&out, lambada, NULL, t, 0, 0, 0));
    NOTHING(wkv_items, wkv_items_texts(&out, lambada, m, NULL, 0, 0, 0));
    NOTHING(wkv_items, wkv_items_texts(&out, lambada, m, t, 1, 0, 0));
    NOTHING(wkv_items, wkv_items_texts(&out, lambada, m, t, 8, 8, 0));
    NOTHING(wkv_items, wkv_items_texts(&out, lambada, m, t, -1, 0, 0));
    REFUSED(wkv_items_needles(NULL, m, t, &(wkv_needle_options){.lengths = lengths, .depths = depths}));
    NOTHING(wkv_items, wkv_items_needles(&out, NULL, t, &(wkv_needle_options){.lengths = lengths, .depths = depths}));
    NOTHING(wkv_items, wkv_items_needles(&out, m, NULL, &(wkv_needle_options){.lengths = lengths, .depths = depths}));
    NOTHING(wkv_items, wkv_items_needles(&out, m, t, NULL));
    NOTHING(wkv_items, wkv_items_needles(&out, m, t, &(wkv_needle_options){.depths = depths}));
    NOTHING(wkv_items, wkv_items_needles(&out, m, t, &(wkv_needle_options){.lengths = lengths, .depths = deep}));
    NOTHING(wkv_items, wkv_items_needles(&out, m, t, &(wkv_needle_options){.lengths = backwards, .depths = depths}));
    NOTHING(wkv_items,
            wkv_items_needles(&out, m, t, &(wkv_needle_options){.lengths = lengths, .depths = depths, .keys = 65}));
    wkv_items *items;
    EXPECT_EQ(wkv_items_read(&items, task, lambada, m, t, NULL), 0);
    REFUSED(wkv_items_score(NULL, c, NULL));
    REFUSED(wkv_items_score(items, NULL, NULL));
    REFUSED(wkv_items_score(items, c2, NULL));
    REFUSED(wkv_items_score(items, c, &(wkv_score_options){.batch = -1}));
    REFUSED(wkv_items_score(items, c, &(wkv_score_options){.begin = s2}));
    REFUSED(wkv_items_score(items, c, &(wkv_score_options){.communicator = &(wkv_communicator){.count = 2}}));
    REFUSED(wkv_items_metrics(NULL, NULL, metrics));
    REFUSED(wkv_items_metrics(items, NULL, NULL));
    EXPECT_EQ(wkv_items_metrics(items, "none", metrics), 0);
    EXPECT(wkv_items_count(NULL) == 0 && !wkv_items_at(NULL, 0) && !wkv_items_at(items, -1) && !wkv_items_at(items, 1));
    EXPECT(!wkv_items_group(NULL, 0) && !wkv_items_group(items, -1) && !wkv_items_group(items, 0));
    EXPECT(isnan(wkv_item_metric(NULL, "acc")) && isnan(wkv_item_metric(wkv_items_at(items, 0), NULL)));
    EXPECT(isnan(wkv_mcnemar(-1, 2)));
    EXPECT(!wkv_published(-1) && !wkv_published(100000));
    REFUSED(wkv_fit_line(NULL, x, x, 3));
    REFUSED(wkv_fit_line(&line, NULL, x, 3));
    REFUSED(wkv_fit_line(&line, x, NULL, 3));
    REFUSED(wkv_fit_line(&line, x, x, 2));
    wkv_items_free(items);
    wkv_items_free(NULL);
    wkv_task_close(task);
    remove(lambada);
}

int main(void)
{
    if (api_begin()) return 1;
    RUN(probes);
    RUN(tracing);
    RUN(lenses);
    RUN(reports);
    RUN(curves);
    RUN(evaluating);
    api_end();
    return DONE();
}
