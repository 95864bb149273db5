/* fields_binary.c - GGUF, rwkv.cpp and binidx: integers in fixed places, texts and entries behind their lengths. */
#include "format/dtype.h"
#include "mutation.h"
#include <string.h>

/* A place in the file that never passes its end: a number beyond it reads as 0 and ends the scan. */
typedef struct {
    sound *s;
    size_t at;
    int ended;
} place;

static int has(place *p, uint64_t n)
{
    if (n > p->s->file.size - p->at) p->ended = 1;
    return !p->ended;
}

static uint64_t number(place *p, int width, int fresh)
{
    uint64_t x = 0;
    if (!has(p, (uint64_t)width)) return 0;
    memcpy(&x, p->s->file.data + p->at, (size_t)width);
    add_field(p->s, NUMBER, p->at, (size_t)width, fresh);
    p->at += (size_t)width;
    return x;
}

static void skip(place *p, uint64_t n)
{
    if (has(p, n)) p->at += (size_t)n;
}

/* ---- GGUF -------------------------------------------------------------------------------------------------------- */

static void text(place *p, int fresh)
{
    size_t at = p->at;
    uint64_t n = number(p, 8, fresh);
    if (!has(p, n)) return;
    add_length(p->s, at, 8, p->at, p->at + (size_t)n);
    add_field(p->s, NAME, p->at, (size_t)n, 0);
    skip(p, n);
}

static void gguf_value(place *p, uint64_t type, int depth)
{
    static const int bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    enum { TEXT = 8, ARRAY = 9, MOST = 200 };
    if (type == TEXT)
        text(p, 0);
    else if (type == ARRAY && depth < 3) {
        uint64_t of = number(p, 4, 0), n = number(p, 8, 0);
        for (uint64_t i = 0; i < n && !p->ended; i++) {
            int before = p->s->n_fields;
            gguf_value(p, of, depth + 1);
            if (i >= MOST)
                p->s->n_fields = before; /* a vocabulary: its first words are enough, their lengths are all known */
        }
    } else if (type < sizeof bytes / sizeof *bytes && bytes[type])
        number(p, bytes[type], 0);
    else
        p->ended = 1;
}

int scan_gguf(sound *s)
{
    place p = {.s = s, .at = 4};
    if (s->file.size < 32 || memcmp(s->file.data, "GGUF", 4)) return 0;
    number(&p, 4, 1);
    uint64_t tensors = number(&p, 8, 0), entries = number(&p, 8, 0);
    for (uint64_t i = 0; i < entries && !p.ended; i++) {
        field *item = add_field(s, ITEM, p.at, 0, 1);
        size_t index = (size_t)(item - s->fields), from = p.at;
        item->count_at = 16;
        text(&p, 0);
        gguf_value(&p, number(&p, 4, 0), 0);
        s->fields[index].size = p.at - from;
    }
    for (uint64_t i = 0; i < tensors && !p.ended; i++) {
        field *item = add_field(s, ITEM, p.at, 0, 1);
        size_t index = (size_t)(item - s->fields), from = p.at;
        item->count_at = 8;
        text(&p, 0);
        uint64_t dims = number(&p, 4, 0);
        for (uint64_t d = 0; d < dims && !p.ended; d++) number(&p, 8, 0);
        number(&p, 4, 0);
        number(&p, 8, 0);
        s->fields[index].size = p.at - from;
    }
    s->align = 32;
    s->pad_at = p.at;
    s->pad_size = (32 - p.at % 32) % 32;
    return 1;
}

/* ---- rwkv.cpp ---------------------------------------------------------------------------------------------------- */

int scan_rwkvcpp(sound *s)
{
    static const int types[] = {F32, F16, Q4_0, Q4_1, -1, -1, -1, Q5_0, Q5_1, Q8_0};
    place p = {.s = s};
    for (int i = 0; i < 6; i++) number(&p, 4, !i);
    while (!p.ended && p.at < s->file.size) {
        field *item = add_field(s, ITEM, p.at, 0, 1);
        size_t index = (size_t)(item - s->fields), from = p.at;
        uint64_t dims = number(&p, 4, 0), n = number(&p, 4, 0), type = number(&p, 4, 0);
        int64_t values = 1;
        for (uint64_t d = 0; d < dims && d < 4; d++) values *= (int64_t)number(&p, 4, 0);
        if (!has(&p, n) || type > 9 || types[type] < 0) return 1;
        add_length(s, from + 4, 4, p.at, p.at + (size_t)n);
        add_field(s, NAME, p.at, (size_t)n, 0);
        skip(&p, n);
        skip(&p, (uint64_t)dtype_bytes((dtype)types[type], values));
        s->fields[index].size = p.at - from;
    }
    return 1;
}

/* ---- binidx ------------------------------------------------------------------------------------------------------ */

int scan_binidx(sound *s)
{
    place p = {.s = s, .at = 9};
    uint64_t sequences;
    number(&p, 8, 1);
    number(&p, 1, 0);
    sequences = number(&p, 8, 0);
    number(&p, 8, 0);
    for (uint64_t i = 0; i < sequences; i++) {
        add_field(s, ITEM, p.at, 4, 1)->count_at = 18;
        number(&p, 4, 0);
    }
    while (!p.ended) number(&p, 8, 1);
    return 1;
}
