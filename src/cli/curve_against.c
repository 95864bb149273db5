/* curve_against.c - the measurements of another program: its lines "position ms bytes". */
#include "curve.h"
#include "say.h"
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Start `sh -c COMMAND` in a process group of its own, so that all of it can be ended; its output is *out. */
static pid_t start(const char *program, FILE **out)
{
    int ends[2];
    if (pipe(ends)) return -1;
    const pid_t child = fork();
    if (!child) {
        setpgid(0, 0);
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execl("/bin/sh", "sh", "-c", program, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    *out = child > 0 ? fdopen(ends[0], "r") : NULL;
    if (!*out) close(ends[0]);
    return child;
}

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

static int wait_for(pid_t child, const char *program, int ended)
{
    int result;
    if (ended) kill(-child, SIGTERM);
    while (waitpid(child, &result, 0) < 0)
        if (errno != EINTR) return complain("--against: %s", strerror(errno));
    if (ended || (WIFEXITED(result) && !WEXITSTATUS(result))) return 0;
    return complain("--against %s: the command failed with status %d", program,
                    WIFEXITED(result) ? WEXITSTATUS(result) : WTERMSIG(result));
}

/* The time of some tokens of the model while the other program is stopped. */
static int time_model(curve *v, pid_t child)
{
    wkv_position_time t;
    int n;
    const wkv_time_options o = {.tokens = 12, .bins = 1, .ids = v->ids, .n_ids = v->n_ids, .processor = v->processor};
    kill(-child, SIGSTOP);
    const int err = wkv_curve_time(&t, &n, v->e.context, v->e.state, &o);
    kill(-child, SIGCONT);
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
    FILE *f;
    progress bar;
    progress_begin(&bar, "against");
    const pid_t child = start(v->against, &f);
    if (child < 0 || !f) return complain("--against %s: %s", v->against, strerror(errno));
    int status = 0;
    for (int number = 1; !status && !interrupted && fgets(line, sizeof line, f); number++) {
        const int before = a->n;
        status = read_line(a, line, number, v->against);
        if (!status && a->n > before) status = time_model(v, child);
        if (a->n) progress_at(&bar, a->position[a->n - 1], v->tokens, "position %.0f", a->position[a->n - 1]);
    }
    progress_end(&bar);
    fclose(f);
    const int ended = status || interrupted, failed = wait_for(child, v->against, ended);
    fit_lines(a);
    if (!status && !failed && !interrupted && !a->n)
        return complain("--against %s: no line 'position ms bytes'", v->against);
    return status ? status : failed ? 1 : interrupted ? 130 : 0;
}
