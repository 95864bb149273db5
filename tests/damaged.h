/* damaged.h - bodies with some bytes replaced, or cut short, the same in every run. */
#ifndef WKV_TESTS_DAMAGED_H
#define WKV_TESTS_DAMAGED_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint32_t damage_seed = 1;

static inline uint32_t any(uint32_t below)
{
    damage_seed = damage_seed * 1664525u + 1013904223u;
    return (damage_seed >> 8) % below;
}

/* A damaged copy, which ends where its memory does, so that the sanitizers see a read behind it. *n: its length. */
static inline char *damaged(const char *body, size_t *n)
{
    static const char pieces[] = "\"{}[]:,0123456789-.eE\\ntrufalsx\xff\x80";
    *n = strlen(body);
    char *whole = strdup(body);
    for (uint32_t k = any(5); k; k--) whole[any((uint32_t)*n)] = pieces[any(sizeof pieces - 1)];
    if (!any(4)) *n = any((uint32_t)*n);
    char *exact = malloc(*n + 1);
    memcpy(exact, whole, *n);
    free(whole);
    return exact;
}

#endif
