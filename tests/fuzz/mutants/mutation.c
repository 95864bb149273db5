/* mutation.c - edits of fields, with the lengths around them corrected; damage of plain bytes and of values. */
#include "mutation.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_splice(buffer *b, size_t at, size_t removed, const void *insert, size_t n)
{
    size_t size = b->size - removed + n;
    if (size > b->room) {
        b->room = size + size / 2 + 64;
        b->data = realloc(b->data, b->room);
        if (!b->data) abort();
    }
    if (b->size > at + removed) memmove(b->data + at + n, b->data + at + removed, b->size - at - removed);
    if (n) memcpy(b->data + at, insert, n);
    b->size = size;
}

void buffer_free(buffer *b)
{
    free(b->data);
    *b = (buffer){0};
}

field *add_field(sound *s, field_kind kind, size_t at, size_t size, int fresh)
{
    if (s->n_fields % 64 == 0) s->fields = realloc(s->fields, (size_t)(s->n_fields + 64) * sizeof *s->fields);
    s->groups += fresh;
    s->fields[s->n_fields] = (field){.kind = kind, .at = at, .size = size, .group = s->groups};
    return &s->fields[s->n_fields++];
}

void add_length(sound *s, size_t at, int width, size_t from, size_t to)
{
    if (s->n_lengths % 64 == 0) s->lengths = realloc(s->lengths, (size_t)(s->n_lengths + 64) * sizeof *s->lengths);
    s->lengths[s->n_lengths++] = (length){.at = at, .width = width, .from = from, .to = to};
}

/* ---- edits of fields --------------------------------------------------------------------------------------------- */

typedef struct {
    const sound *s;
    buffer *b;
    rng *r;
    int sealed; /* lengths are corrected */
} editor;

/* Replace and correct the lengths that cover the place. Edits go from the file's end to its beginning: the bytes
 * in front of `at` have not moved. */
static void replace(editor *e, size_t at, size_t removed, const void *insert, size_t n)
{
    buffer_splice(e->b, at, removed, insert, n);
    for (int i = 0; i < e->s->n_lengths && e->sealed && n != removed; i++) {
        const length *l = &e->s->lengths[i];
        if (at < l->from || at > l->to || (at == l->to && removed)) continue;
        uint64_t x = 0;
        memcpy(&x, e->b->data + l->at, (size_t)l->width);
        x += (uint64_t)n - (uint64_t)removed;
        memcpy(e->b->data + l->at, &x, (size_t)l->width);
    }
}

static size_t pickle_number(uint8_t *out, int64_t x)
{
    int wide = x < INT32_MIN || x > INT32_MAX;
    out[0] = wide ? 0x8a : 'J';
    out[1] = 8;
    memcpy(out + 1 + wide, &x, wide ? 8 : 4);
    return wide ? 10 : 5;
}

static void edit_item(editor *e, const field *f, size_t size)
{
    int64_t more = 0;
    switch (below(e->r, 3)) {
    case 0:
        replace(e, f->at, size, NULL, 0);
        more = -1;
        break;
    case 1: {
        uint8_t *copy = malloc(size + 1);
        memcpy(copy, e->b->data + f->at, size);
        replace(e, f->at, 0, copy, size);
        free(copy);
        more = 1;
        break;
    }
    default: { /* another item of the sound file in its place */
        const field *g = &e->s->fields[below(e->r, (uint32_t)e->s->n_fields)];
        if (g->kind == ITEM) replace(e, f->at, size, e->s->file.data + g->at, g->size);
    }
    }
    if (!f->count_at || !e->sealed || !more) return;
    int64_t count;
    memcpy(&count, e->b->data + f->count_at, 8);
    count += more;
    memcpy(e->b->data + f->count_at, &count, 8);
}

/* size: of the field now, after edits inside it */
static void edit(editor *e, const field *f, size_t size)
{
    enum { ROOM = 6000 };
    char text[ROOM];
    size_t n;
    int64_t x;
    switch (f->kind) {
    case NUMBER:
        x = hostile_number(e->r, e->s, number_at(e->s, f));
        memcpy(e->b->data + f->at, &x, f->size);
        break;
    case DECIMAL:
        n = (size_t)snprintf(text, sizeof text, "%" PRId64, hostile_number(e->r, e->s, number_at(e->s, f)));
        replace(e, f->at, size, text, n);
        break;
    case PICKLE_NUMBER:
        n = pickle_number((uint8_t *)text, hostile_number(e->r, e->s, number_at(e->s, f)));
        replace(e, f->at, size, text, n);
        break;
    case NAME: replace(e, f->at, size, text, hostile_name(e->r, e->s, f, text, below(e->r, 16) ? 200 : ROOM)); break;
    case WORD: {
        uint32_t words = 0;
        while (f->words[words]) words++;
        const char *word = f->words[below(e->r, words)];
        replace(e, f->at, size, word, strlen(word));
        break;
    }
    case ITEM: edit_item(e, f, size); break;
    case PICKLE_VALUE: replace(e, f->at, size, text, hostile_tensor(e->r, e->s, f, (uint8_t *)text, ROOM)); break;
    }
}

/* ---- plain bytes ------------------------------------------------------------------------------------------------- */

static void damage_bytes(buffer *b, rng *r)
{
    static const uint8_t ends[] = {0, 1, 0x7f, 0x80, 0xff};
    for (uint32_t i = 1 + below(r, 4); i && b->size > 8; i--) {
        size_t at = below(r, 3) ? below(r, (uint32_t)b->size) : below(r, b->size < 512 ? (uint32_t)b->size : 512);
        size_t n = 1 + below(r, 8);
        if (n > b->size - at) n = b->size - at;
        switch (below(r, 6)) {
        case 0: b->data[at] ^= (uint8_t)(1 << below(r, 8)); break;
        case 1: b->data[at] = (uint8_t)rng_u64(r); break;
        case 2: memset(b->data + at, ends[below(r, sizeof ends)], n); break;
        case 3: buffer_splice(b, at, n, NULL, 0); break;
        case 4: {
            uint8_t copy[8];
            memcpy(copy, b->data + at, n);
            buffer_splice(b, below(r, (uint32_t)b->size), 0, copy, n);
            break;
        }
        default: b->size = below(r, 4) ? b->size : at;
        }
    }
}

/* Values that are NaN, infinite, huge, tiny or zero, of 16 and 32 bits, in the second half of the file, where the data
 * is. */
static void damage_values(buffer *b, rng *r)
{
    static const uint32_t values[] = {0x7fc00000, 0x7f800000, 0xff800000, 0x7f7fffff, 0xff7fffff, 1,
                                      0x80000000, 0,          0x7e007e00, 0x7c007c00, 0xfc007bff, 0x7f807f80,
                                      0x7fc07fc0, 0x7f7fff7f, 0x00010001, 0x3c003f80};
    for (uint32_t i = 1 + below(r, 16); i && b->size > 64; i--) {
        uint32_t x = values[below(r, sizeof values / sizeof *values)];
        memcpy(b->data + (b->size / 2 + below(r, (uint32_t)(b->size / 2 - 4))) / 2 * 2, &x, below(r, 2) ? 2 : 4);
    }
}

/* ---- a mutant ---------------------------------------------------------------------------------------------------- */

static int compare_places(const void *a, const void *b)
{
    const field *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? 1 : -1;
    return (x->size > y->size) - (x->size < y->size); /* inner fields first */
}

/* A field of any kind: kinds are as frequent as one another, for any number of their fields; tensors of a pickle,
 * of which there is most to say, four times as frequent. */
static const field *choose_first(const sound *s, rng *r)
{
    uint32_t ticket = below(r, PICKLE_VALUE + 4);
    field_kind kind = ticket < PICKLE_VALUE ? (field_kind)ticket : PICKLE_VALUE;
    const field *f = s->fields;
    for (int tries = 0; tries < 64; tries++) {
        f = &s->fields[below(r, (uint32_t)s->n_fields)];
        if (f->kind == kind) break;
    }
    return f;
}

/* Fields to edit, most of them near the first: faults need several numbers of one tensor. */
static int choose(const sound *s, rng *r, field *chosen, int most)
{
    int n = 0;
    const field *first = choose_first(s, r);
    chosen[n++] = *first;
    for (int i = 1; i < most && below(r, 2); i++) {
        const field *f = &s->fields[below(r, (uint32_t)s->n_fields)];
        for (int tries = 0; tries < 64 && below(r, 8) && f->group != first->group; tries++) {
            int64_t near = (first - s->fields) + (int64_t)below(r, 25) - 12;
            if (near >= 0 && near < s->n_fields) f = &s->fields[near];
        }
        int twice = 0;
        for (int j = 0; j < n; j++) twice |= chosen[j].at == f->at && chosen[j].kind == f->kind;
        if (!twice) chosen[n++] = *f;
    }
    qsort(chosen, (size_t)n, sizeof *chosen, compare_places);
    return n;
}

/* The padding in front of the data, which moved with the header. */
static void pad(const sound *s, buffer *b, size_t grown)
{
    static const uint8_t zeros[64];
    size_t at = s->pad_at + grown, align = (size_t)s->align, size = (align - at % align) % align;
    if (at + s->pad_size <= b->size && size <= sizeof zeros) buffer_splice(b, at, s->pad_size, zeros, size);
}

void mutate(buffer *out, const sound *s, rng *r)
{
    enum { MOST = 4 };
    field chosen[MOST];
    out->size = 0;
    buffer_splice(out, 0, 0, s->file.data, s->file.size);
    editor e = {.s = s, .b = out, .r = r, .sealed = below(r, 32) != 0};
    uint32_t how = below(r, 16);
    if (how == 15)
        damage_values(out, r);
    else if (s->n_fields && how) {
        int n = choose(s, r, chosen, MOST);
        for (int i = 0; i < n; i++) {
            size_t before = out->size;
            if (chosen[i].at + chosen[i].size > out->size) continue;
            edit(&e, &chosen[i], chosen[i].size);
            for (int j = i + 1; j < n; j++)
                if (chosen[j].at + chosen[j].size > chosen[i].at) chosen[j].size += out->size - before;
        }
        if (e.sealed && s->align) {
            size_t grown = 0;
            for (int i = 0; i < n; i++) /* edits behind the padding do not move it */
                if (chosen[i].at < s->pad_at) grown = out->size - s->file.size;
            if (grown) pad(s, out, grown);
        }
        if (e.sealed && s->seal) s->seal(s, out);
    }
    if (!how || !s->n_fields) damage_bytes(out, r);
}
