/* fields_zip.c - the files of torch.save: a zip, with records that are sealed after its pickle has grown, or the
 * older stream of pickles. */
#include "mutation.h"
#include <string.h>

static uint64_t read_at(const buffer *b, size_t at, size_t width)
{
    uint64_t x = 0;
    if (at + width <= b->size) memcpy(&x, b->data + at, width);
    return x;
}

static void add_at(buffer *b, size_t at, size_t width, uint64_t more)
{
    uint64_t x = read_at(b, at, width) + more;
    if (at + width <= b->size) memcpy(b->data + at, &x, width);
}

/* The place of a number of an archive: a field of 4 bytes, or, with 0xffffffff in that, one of 8 in a zip64 record. */
typedef struct {
    size_t at, width;
} stored;

typedef struct {
    uint64_t entries, at; /* of the directory */
    stored place;         /* of `at`          */
} directory;

static directory find_directory(const buffer *b)
{
    size_t end = b->size - 22, end64;
    if (end > 76 && read_at(b, end - 20, 4) == 0x07064b50) {
        end64 = end - 76; /* the locator has 20 bytes, the record in front of it 56 */
        return (directory){read_at(b, end64 + 32, 8), read_at(b, end64 + 48, 8), {end64 + 48, 8}};
    }
    return (directory){read_at(b, end + 10, 2), read_at(b, end + 16, 4), {end + 16, 4}};
}

typedef enum { SIZE, PACKED, HEADER } central_number;

static stored find_stored(const buffer *b, size_t entry, central_number which)
{
    static const size_t at[] = {24, 20, 42};
    size_t extra =
        entry + 46 + read_at(b, entry + 28, 2) + 4; /* field 1 is the first, with those that are 0xffffffff */
    for (int i = 0; i < (int)which; i++) extra += read_at(b, entry + at[i], 4) == 0xffffffff ? 8 : 0;
    return read_at(b, entry + at[which], 4) == 0xffffffff ? (stored){extra, 8} : (stored){entry + at[which], 4};
}

static uint64_t read_stored(const buffer *b, size_t entry, central_number which)
{
    stored p = find_stored(b, entry, which);
    return read_at(b, p.at, p.width);
}

static size_t next_entry(const buffer *b, size_t entry)
{
    return entry + 46 + read_at(b, entry + 28, 2) + read_at(b, entry + 30, 2) + read_at(b, entry + 32, 2);
}

/* Where the bytes of an entry begin. */
static size_t data_at(const buffer *b, size_t entry)
{
    size_t header = (size_t)read_stored(b, entry, HEADER);
    return header + 30 + read_at(b, header + 26, 2) + read_at(b, header + 28, 2);
}

/* Sizes of data.pkl and all places behind it, after it grew: records are where they were, plus its growth. */
static void seal_zip(const sound *s, buffer *b)
{
    const buffer *old = &s->file;
    size_t grown = b->size - old->size;
    directory d = find_directory(old);
    if (b->size < 98 || !grown) return;
    size_t entry = (size_t)d.at;
    for (uint64_t i = 0; i < d.entries; i++, entry = next_entry(old, entry)) {
        stored header = find_stored(old, entry, HEADER);
        if (read_stored(old, entry, HEADER) > s->pickle_at)
            add_at(b, header.at + grown, header.width, grown);
        else if (data_at(old, entry) == s->pickle_at)
            for (central_number k = SIZE; k <= PACKED; k++) {
                stored p = find_stored(old, entry, k);
                add_at(b, p.at + grown, p.width, grown);
            }
    }
    add_at(b, d.place.at + grown, d.place.width, grown);
    if (d.place.width == 4) return;
    add_at(b, old->size - 22 - 12 + grown, 8,
           grown); /* the locator's place of the record; and PyTorch has 32 bits too */
    if (read_at(old, old->size - 6, 4) != 0xffffffff) add_at(b, old->size - 6 + grown, 4, grown);
}

static void scan_zip(sound *s)
{
    static const struct {
        int at, size;
    } local[] = {{6, 2}, {8, 2}, {18, 4}, {22, 4}, {26, 2}, {28, 2}},
      central[] = {{8, 2}, {10, 2}, {28, 2}, {30, 2}, {32, 2}}, last[] = {{8, 2}, {10, 2}, {12, 4}, {16, 4}, {20, 2}},
      last64[] = {{24, 8}, {32, 8}, {40, 8}, {48, 8}, {64, 8}};
    const buffer *b = &s->file;
    size_t end = b->size - 22, pickle_at = 0, pickle_size = 0;
    directory d = find_directory(b);
    for (size_t k = 0; k < sizeof last / sizeof *last; k++)
        add_field(s, NUMBER, end + (size_t)last[k].at, (size_t)last[k].size, !k);
    for (size_t k = 0; k < sizeof last64 / sizeof *last64 && d.place.width == 8; k++)
        add_field(s, NUMBER, end - 76 + (size_t)last64[k].at, (size_t)last64[k].size, 0);
    size_t entry = (size_t)d.at;
    for (uint64_t i = 0; i < d.entries && entry + 46 <= b->size; i++, entry = next_entry(b, entry)) {
        size_t header = (size_t)read_stored(b, entry, HEADER), name = (size_t)read_at(b, entry + 28, 2);
        for (size_t k = 0; k < sizeof central / sizeof *central; k++)
            add_field(s, NUMBER, entry + (size_t)central[k].at, (size_t)central[k].size, !k);
        for (central_number k = SIZE; k <= HEADER; k++) {
            stored p = find_stored(b, entry, k);
            add_field(s, NUMBER, p.at, p.width, 0);
        }
        for (size_t k = 0; k < sizeof local / sizeof *local; k++)
            add_field(s, NUMBER, header + (size_t)local[k].at, (size_t)local[k].size, 0);
        if (name < 8 || memcmp(b->data + entry + 46 + name - 8, "data.pkl", 8) || read_at(b, entry + 10, 2)) continue;
        pickle_at = data_at(b, entry);
        pickle_size = (size_t)read_stored(b, entry, SIZE);
    }
    s->pickle_at = pickle_at;
    s->seal = seal_zip;
    if (pickle_at + pickle_size <= b->size) scan_pickle(s, pickle_at, pickle_at + pickle_size);
}

/* A stream of five pickles, then storages: a count of 8 bytes and the values. */
static void scan_legacy(sound *s)
{
    size_t at = 0;
    for (int i = 0; i < 5 && at < s->file.size; i++) at = scan_pickle(s, at, s->file.size);
    for (int i = 0; i < 64 && at + 8 <= s->file.size; i++) {
        add_field(s, NUMBER, at, 8, 1);
        at += 8 + 2 * (size_t)read_at(&s->file, at, 8); /* right for 16 bits; else a field that is data */
    }
}

int scan_pth(sound *s)
{
    if (s->file.size > 100 && !memcmp(s->file.data, "PK\3\4", 4))
        scan_zip(s);
    else if (s->file.size > 16 && s->file.data[0] == 0x80)
        scan_legacy(s);
    else
        return 0;
    return s->n_fields > 0;
}
