/* thinning.c - drop the least valuable places, a group of equal distance from the end at a time. */
#include "session/thinning.h"
#include <limits.h>
#include <string.h>

/* The binary logarithm of the distance from the end. */
static int octave(int distance)
{
    int o = 0;
    while (distance >>= 1) o++;
    return o;
}

/* The distance that a text without place i would have from one kept neighbour to the other. */
static int gap(const char *drop, const place *places, int n, int end, int i)
{
    int before = i - 1, after = i + 1;
    while (before >= 0 && drop[before]) before--;
    while (after < n && drop[after]) after++;
    return (after < n ? places[after].at : end) - (before >= 0 ? places[before].at : 0);
}

/* The place among from .. to - 1 of the lowest kind, and of the smallest gap; -1: only junctions are left. */
static int least(const char *drop, const place *places, int n, int end, int from, int to)
{
    int best = -1, best_gap = INT_MAX;
    for (int i = from; i < to; i++) {
        if (drop[i] || places[i].kind == CHECKPOINT_JUNCTION) continue;
        if (best >= 0 && places[i].kind > places[best].kind) continue;
        const int g = gap(drop, places, n, end, i);
        if (best >= 0 && places[i].kind == places[best].kind && g >= best_gap) continue;
        best = i, best_gap = g;
    }
    return best;
}

static int counted(const place *places, int from, int to)
{
    int n = 0;
    for (int i = from; i < to; i++) n += places[i].kind != CHECKPOINT_JUNCTION;
    return n;
}

void thinning_choose(char *drop, const place *places, int n, int end)
{
    memset(drop, 0, (size_t)n);
    for (int to = n - THINNING_RECENT, from; to > 0; to = from) {
        const int o = octave(end - places[to - 1].at);
        for (from = to - 1; from > 0 && octave(end - places[from - 1].at) == o;) from--;
        for (int left = counted(places, from, to); left > THINNING_OCTAVE; left--)
            drop[least(drop, places, n, end, from, to)] = 1;
    }
}
