/* curve_against.c - the measurements of another program: its lines "position ms bytes". */
#include "curve.h"
#include "say.h"
#include "base/platform/child.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Empty lines and those that begin with # are skipped. */
static int read_line(against_lines *a, const char *line, int number, const char *program)
{
    char *end, *next;
    if (*line == '#' || *line == '\n' || !*line) return 0;
    const double position = strtod(line, &end), ms = strtod(end, &next), bytes = strtod(next, &end);
    if (end == next || next == line || !(position >= 0) || !(ms > 0) || !(bytes >= 0) ||
        !isfinite(position + ms + bytes) || *(end + strspn(end, " \t\r\n")))
        return complain("--against %s: line %d is '%.*s', expected 'position ms bytes'", program, number,
                        (int)strcspn(line, "\r\n"), line);
    if (a->n == MOST_AGAINST)
        return complain("--against %s: more than %d lines; print fewer positions", program, MOST_AGAINST);
    a->position[a->n] = position;
    a->ms[a->n] = ms;
    a->resident[a->n] = bytes;
    a->model[a->n++] = NAN;
    return 0;
}

static int wait_for(child *other, const char *program, int ended)
{
    if (ended) child_end(other);
    const int status = child_wait(other, &interrupted);
    if (ended || !status) return 0;
    return complain("--against %s: the command failed with status %d", program, abs(status));
}

/* The time of some tokens of the model while the other program is stopped. */
static int time_model(curve *v, const child *other)
{
    wkv_position_time t;
    int n;
    const wkv_time_options o = {.tokens = 12, .bins = 1, .ids = v->ids, .n_ids = v->n_ids, .processor = v->processor};
    child_pause(other);
    const int err = wkv_curve_time(&t, &n, v->e.context, v->e.state, &o);
    child_continue(other);
    if (err) return complain_library();
    v->other.model[v->other.n - 1] = t.fast;
    return 0;
}

static void fit_lines(against_lines *a)
{
    double ratio[MOST_AGAINST];
    for (int i = 0; i < a->n; i++) ratio[i] = a->ms[i] / a->model[i];
    a->has_trend =
        !wkv_trend_of(&a->ms_trend, a->position, a->ms, a->n) && !wkv_trend_of(&a->ratio, a->position, ratio, a->n);
}

int curve_against(curve *v)
{
    against_lines *a = &v->other;
    char line[256];
    child other;
    progress bar;
    progress_begin(&bar, "against");
    if (child_start_shell(&other, v->against)) return complain("--against %s: %s", v->against, strerror(errno));
    int status = 0;
    for (int number = 1; !status && !interrupted && fgets(line, sizeof line, other.output); number++) {
        const int before = a->n;
        status = read_line(a, line, number, v->against);
        if (!status && a->n > before) status = time_model(v, &other);
        if (a->n) progress_at(&bar, a->position[a->n - 1], v->tokens, "position %.0f", a->position[a->n - 1]);
    }
    progress_end(&bar);
    const int ended = status || interrupted, failed = wait_for(&other, v->against, ended);
    fit_lines(a);
    if (!status && !failed && !interrupted && !a->n)
        return complain("--against %s: no line 'position ms bytes'", v->against);
    return status ? status : failed ? 1 : interrupted ? 130 : 0;
}
