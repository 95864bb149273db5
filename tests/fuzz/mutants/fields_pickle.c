/* fields_pickle.c - the numbers, names and tensors of a pickle as torch.save writes it; a tensor written anew. */
#include "mutation.h"
#include <stdio.h>
#include <string.h>

static const char *const globals[] = {"torch._utils\n_rebuild_tensor_v2",
                                      "torch._utils\n_rebuild_tensor_v3",
                                      "torch._utils\n_rebuild_parameter",
                                      "torch\nFloatStorage",
                                      "torch\nHalfStorage",
                                      "torch\nBFloat16Storage",
                                      "torch\nDoubleStorage",
                                      "torch\nByteStorage",
                                      "torch\nCharStorage",
                                      "torch\nBoolStorage",
                                      "torch\nLongStorage",
                                      "torch.storage\nUntypedStorage",
                                      "torch.storage\n_load_from_bytes",
                                      "collections\nOrderedDict",
                                      "torch\nfloat64",
                                      "torch\nfloat32",
                                      "torch\nbfloat16",
                                      "torch\nint64",
                                      "torch\nbool",
                                      "builtins\nset",
                                      "os\nsystem",
                                      NULL};

/* Bytes of the operand of an opcode; -1: not one that torch.save writes. */
static int operand(uint8_t op)
{
    switch (op) {
    case 0x80:
    case 'K':
    case 'q':
    case 'h': return 1;
    case 'M': return 2;
    case 'J':
    case 'r':
    case 'j': return 4;
    case 'G':
    case 0x95: return 8;
    default: return strchr("(.0)]}lt\x85\x86\x87\x88\x89NQRasuebo\x81\x93\x94", op) ? 0 : -1;
    }
}

/* A pickle's fields, to its STOP; returns behind it. */
size_t scan_pickle(sound *s, size_t from, size_t to)
{
    const uint8_t *p = s->file.data;
    size_t at = from;
    int value = -1; /* the value of the last name, which has no end yet */
    while (at < to) {
        uint8_t op = p[at];
        int n = operand(op);
        if (op == 'X' || op == 0x8c || op == 'U') {
            int width = op == 'X' ? 4 : 1;
            size_t len = 0, text = at + 1 + (size_t)width;
            if (text > to) return to;
            memcpy(&len, p + at + 1, (size_t)width);
            if (len > to - text) return to;
            int name = memchr(p + text, '.', len) != NULL;
            if (name) {
                if (value >= 0)
                    s->fields[value].size = at - s->fields[value].at,
                    s->fields[value - 2].size = at - s->fields[value - 2].at;
                add_field(s, ITEM, at, text + len - at, 1);
            }
            add_length(s, at + 1, width, text, text + len);
            add_field(s, NAME, text, len, 0);
            at = text + len;
            if (name) { /* the memo's number belongs to the name, not to its value */
                if (at < to && p[at] == 'q')
                    at += 2;
                else if (at < to && p[at] == 'r')
                    at += 5;
                else if (at < to && p[at] == 0x94)
                    at++;
                value = (int)(add_field(s, PICKLE_VALUE, at, 0, 0) - s->fields);
            }
            continue;
        }
        if (op == 'c') {
            const uint8_t *line = memchr(p + at, '\n', to - at),
                          *end = line ? memchr(line + 1, '\n', to - (size_t)(line + 1 - p)) : NULL;
            if (!end) return to;
            add_field(s, WORD, at + 1, (size_t)(end - p) - at - 1, 0)->words = globals;
            at = (size_t)(end - p) + 1;
            continue;
        }
        if (op == 0x8a) {
            size_t len = p[at + 1];
            if (len <= 8) add_field(s, PICKLE_NUMBER, at, 2 + len, 0);
            at += 2 + len;
            continue;
        }
        if (n < 0) return to;
        if ((op == 'u' || op == 's') && value >= 0) {
            s->fields[value].size = at - s->fields[value].at;
            s->fields[value - 2].size = at - s->fields[value - 2].at;
            value = -1;
        }
        if (op == 'K' || op == 'M' || op == 'J') add_field(s, PICKLE_NUMBER, at, 1 + (size_t)n, 0);
        at += 1 + (size_t)n;
        if (op == '.') return at;
    }
    return to;
}

/* ---- a tensor written anew --------------------------------------------------------------------------------------- */

typedef struct {
    uint8_t *at, *end;
} writer;

static void put(writer *w, const void *data, size_t n)
{
    if ((size_t)(w->end - w->at) < n) return;
    memcpy(w->at, data, n);
    w->at += n;
}

static void put_text(writer *w, const char *text, size_t n)
{
    uint32_t len = (uint32_t)n;
    put(w, "X", 1);
    put(w, &len, 4);
    put(w, text, n);
}

static void put_int(writer *w, int64_t x)
{
    int wide = x < INT32_MIN || x > INT32_MAX;
    put(w, wide ? "\x8a\x08" : "J", wide ? 2 : 1);
    put(w, &x, wide ? 8 : 4);
}

static void put_global(writer *w, const char *name)
{
    put(w, "c", 1);
    put(w, name, strlen(name));
    put(w, "\n", 1);
}

/* The first storage class that the file names: most files have one. */
static const char *storage_class(const sound *s, char *out, size_t room)
{
    for (int i = 0; i < s->n_fields; i++) {
        const field *f = &s->fields[i];
        if (f->kind == WORD && f->words == globals && f->size > 7 && f->size < room &&
            !memcmp(s->file.data + f->at + f->size - 7, "Storage", 7)) {
            memcpy(out, s->file.data + f->at, f->size);
            out[f->size] = 0;
            return out;
        }
    }
    return "torch\nFloatStorage";
}

size_t hostile_tensor(rng *r, const sound *s, const field *f, uint8_t *out, size_t room)
{
    enum { MOST = 12 };
    int64_t n[MOST];
    char own_class[64], key[16] = "0";
    int count = 0;
    for (const field *g = s->fields; g < s->fields + s->n_fields;
         g++) { /* numel, offset, shape, strides; and the key */
        if (g->at < f->at || g->at >= f->at + f->size) continue;
        if (g->kind == PICKLE_NUMBER && count < MOST) n[count++] = number_at(s, g);
        if (g->kind == NAME && g->size < sizeof key && s->file.data[g->at] <= '9' && s->file.data[g->at] >= '0')
            snprintf(key, sizeof key, "%.*s", (int)g->size, (const char *)s->file.data + g->at);
    }
    int dims = (count - 2) / 2;
    if (count < 4 || dims > 4) dims = 1, n[0] = n[2] = 8, n[1] = 0, n[3] = 1;
    int64_t numel = n[0], offset = n[1], shape[6], stride[6];
    memcpy(shape, n + 2, (size_t)dims * sizeof *shape);
    memcpy(stride, n + 2 + dims, (size_t)dims * sizeof *stride);
    const char *cls = storage_class(s, own_class, sizeof own_class), *type = NULL;
    int64_t from = 0, some = numel;
    int view = 0;
    for (uint32_t edits = 1 + below(r, 2); edits; edits--) {
        uint32_t i = below(r, (uint32_t)dims), j = below(r, (uint32_t)dims);
        int64_t x = hostile_number(r, s, shape[i]);
        switch (below(r, 10)) {
        case 0: shape[i] = x, stride[i] = 0; break;
        case 1: memset(stride, 0, sizeof stride), shape[i] = x; break;
        case 2:
            view = 1, from = hostile_number(r, s, numel), numel = below(r, 4) ? (int64_t)1 << below(r, 63) : numel;
            break;
        case 3: view = 1, some = hostile_number(r, s, some); break;
        case 4: cls = globals[3 + below(r, 9)]; /* fall through */
        case 5: type = globals[14 + below(r, 5)]; break;
        case 6: offset = hostile_number(r, s, offset), numel = below(r, 2) ? numel : offset / 2 + numel / 2; break;
        case 7: x = shape[0], shape[0] = shape[i], shape[i] = x, stride[0] = stride[i], stride[i] = 1; break;
        case 8:
            if (dims < 5) shape[dims] = below(r, 2) ? 1 : x, stride[dims] = below(r, 2), dims++;
            break;
        default: stride[j] = hostile_number(r, s, stride[j]);
        }
    }
    writer w = {out, out + room};
    put_global(&w, type ? globals[1] : globals[0]);
    put(&w, "((", 2);
    put_text(&w, "storage", 7);
    put_global(&w, cls);
    put_text(&w, key, strlen(key));
    put_text(&w, "cpu", 3);
    put_int(&w, numel);
    if (view) {
        put(&w, "(", 1);
        put_text(&w, "v", 1);
        put_int(&w, from);
        put_int(&w, some);
        put(&w, "t", 1);
    }
    put(&w, "tQ", 2);
    put_int(&w, offset);
    for (int pass = 0; pass < 2; pass++) {
        put(&w, "(", 1);
        for (int i = 0; i < dims; i++) put_int(&w, pass ? stride[i] : shape[i]);
        put(&w, "t", 1);
    }
    put(&w, "\x89", 1);
    put_global(&w, "collections\nOrderedDict");
    put(&w, ")R", 2);
    if (type) put_global(&w, type);
    put(&w, "tR", 2);
    return (size_t)(w.at - out);
}
