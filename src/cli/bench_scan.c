/* bench_scan.c - `wkv bench --only scan`: version 4's recurrence token by token and as a parallel scan. */
#include "bench.h"

enum { LENGTHS = 3, WIDTHS = 4 };
static const int lengths[LENGTHS] = {1024, 4096, 16384}, widths[WIDTHS] = {16, 32, 64, 256};

static json_t *row_json(int tokens, int channels, const wkv_scan_times *t)
{
    return json_pack("{s:i s:i s:f s:f s:f s:f}", "tokens", tokens, "channels", channels, "forward_ms",
                     t->forward * 1e3, "backward_ms", t->backward * 1e3, "scan_forward_ms", t->scan_forward * 1e3,
                     "scan_backward_ms", t->scan_backward * 1e3);
}

static void print_row(int tokens, int channels, const wkv_scan_times *t)
{
    put_text("  %6d %8d %12.3f %8.3f %7.2f x %12.3f %8.3f %7.2f x\n", tokens, channels, t->forward * 1e3,
             t->scan_forward * 1e3, t->forward / t->scan_forward, t->backward * 1e3, t->scan_backward * 1e3,
             t->backward / t->scan_backward);
}

static void print_head(void)
{
    put_text("%sThe recurrence of version 4, milliseconds, token by token and as a parallel scan%s\n\n", bold(1),
             plain(1));
    put_text("%s  %6s %8s %12s %8s %9s %12s %8s %9s%s\n", bold(1), "tokens", "channels", "forward", "scan", "speed",
             "backward", "scan", "speed", plain(1));
}

int bench_scan(int threads, int quick, int as_json)
{
    int n = quick ? 2 : LENGTHS, m = quick ? 2 : WIDTHS, status = 0;
    json_t *rows = json_array();
    if (!as_json) print_head();
    for (int i = 0; i < n && !status; i++)
        for (int j = 0; j < m && !status; j++) {
            wkv_scan_times t;
            if (interrupted)
                status = 130;
            else if (wkv_scan_measure(&t, lengths[i], widths[j], threads, quick ? 0.1 : 0.5))
                status = complain_library();
            else if (as_json)
                json_array_append_new(rows, row_json(lengths[i], widths[j], &t));
            else
                print_row(lengths[i], widths[j], &t);
        }
    if (as_json && !status) return bench_put_json(json_pack("{s:s s:o}", "wkv", wkv_version(), "scan", rows));
    json_decref(rows);
    return status;
}
