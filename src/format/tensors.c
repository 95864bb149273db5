/* tensors.c - opening a checkpoint: find its files, read their headers, make the names official, index them. */
#include "format/reader.h"
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- adding, for readers ----------------------------------------------------------------------------------------- */

/* Kept memory is a chain of blocks; small allocations share one. */
typedef struct block {
    struct block *next;
    size_t used, size;
    _Alignas(16) char bytes[];
} block;

void *tensors_memory(tensors *t, size_t bytes)
{
    size_t need = (bytes + 15) & ~(size_t)15;
    if (need < bytes || need > PTRDIFF_MAX / 2) return NULL;
    block *b = t->kept;
    if (!b || b->size - b->used < need) {
        size_t size = need > 1 << 14 ? need : 1 << 16;
        block *fresh = malloc(sizeof *fresh + size);
        if (!fresh) return NULL;
        *fresh = (block){.next = b, .size = size};
        t->kept = b = fresh;
    }
    void *p = b->bytes + b->used;
    b->used += need;
    return p;
}

char *tensors_text(tensors *t, const void *s, size_t n)
{
    char *copy = n + 1 ? tensors_memory(t, n + 1) : NULL;
    if (!copy) {
        fail(WKV_ENOMEM, "no memory for a text of %zu bytes", n);
        return NULL;
    }
    memcpy(copy, s, n);
    copy[n] = 0;
    return copy;
}

int grow(void *array, int *cap, int need, size_t item)
{
    if (need < 0) return fail(WKV_ENOMEM, "no memory for over %d entries", INT_MAX); /* one more than an int holds */
    if (need <= *cap) return WKV_OK;
    int more = *cap > need / 2 ? *cap * 2 : need < 16 ? 16 : need;
    void **p = array;
    void *bigger = realloc(*p, (size_t)more * item);
    if (!bigger) return fail(WKV_ENOMEM, "no memory for %d entries", more);
    *p = bigger;
    *cap = more;
    return WKV_OK;
}

int tensor_strides(file_tensor *f, const char *name, int64_t *bytes)
{
    const dtype_info *type = &dtypes[f->type];
    int64_t values = 1, row = f->dims > 0 ? f->shape[f->dims - 1] : 1;
    for (int i = f->dims - 1; i >= 0; i--) {
        f->stride[i] = values;
        if (f->shape[i] < 0 || __builtin_mul_overflow(values, f->shape[i], &values))
            return fail(WKV_EFORMAT, "tensor %s: axis %d is %lld, not a possible size", name, i,
                        (long long)f->shape[i]);
    }
    if (row % type->values)
        return fail(WKV_EFORMAT, "tensor %s: rows of %lld values cannot be %s, which comes in blocks of %d", name,
                    (long long)row, type->name, type->values);
    if (__builtin_mul_overflow(values / type->values, type->bytes, bytes))
        return fail(WKV_EFORMAT, "tensor %s: more bytes than any file", name);
    f->contiguous = 1;
    f->scale = 1;
    return WKV_OK;
}

int tensors_add(tensors *t, const char *name, size_t n, const file_tensor *f)
{
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)name[i] < 32 || name[i] == 127)
            return fail(WKV_EFORMAT, "the name of tensor %d contains byte 0x%02x, expected text", t->count,
                        (unsigned char)name[i]);
    }
    if (n == 0) return fail(WKV_EFORMAT, "tensor %d has no name", t->count);
    char *own = tensors_text(t, name, n);
    if (!own || grow(&t->list, &t->cap, t->count + 1, sizeof *t->list)) return WKV_ENOMEM;
    t->list[t->count] = *f;
    t->list[t->count++].name = own;
    return WKV_OK;
}

static int add_meta(tensors *t, const char *key, size_t key_len, meta_item item)
{
    item.key = tensors_text(t, key, key_len);
    if (!item.key || grow(&t->meta, &t->cap_meta, t->n_meta + 1, sizeof *t->meta)) return WKV_ENOMEM;
    t->meta[t->n_meta++] = item;
    return WKV_OK;
}

int tensors_add_text(tensors *t, const char *key, size_t key_len, const char *text, size_t len)
{
    char *copy = tensors_text(t, text, len);
    return copy ? add_meta(t, key, key_len, (meta_item){.text = copy}) : WKV_ENOMEM;
}

int tensors_add_number(tensors *t, const char *key, size_t key_len, double number)
{
    return add_meta(t, key, key_len, (meta_item){.number = number});
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const file_tensor *const *)a)->name, (*(const file_tensor *const *)b)->name);
}

int tensors_index(tensors *t)
{
    t->by_name = malloc(sizeof *t->by_name * (size_t)(t->count + 1));
    if (!t->by_name) return fail(WKV_ENOMEM, "no memory for %d names", t->count);
    for (int i = 0; i < t->count; i++) t->by_name[i] = &t->list[i];
    qsort(t->by_name, (size_t)t->count, sizeof *t->by_name, compare_names);
    for (int i = 1; i < t->count; i++) {
        if (!strcmp(t->by_name[i]->name, t->by_name[i - 1]->name))
            return fail(WKV_EFORMAT, "two tensors are named %s", t->by_name[i]->name);
    }
    return WKV_OK;
}

/* All steps after reading the containers. */
static int finish(tensors *t)
{
    int err = names_official(t);
    return err ? err : tensors_index(t);
}

int tensors_new(tensors **out, const char *path)
{
    *out = NULL;
    tensors *t = calloc(1, sizeof *t);
    if (t) t->path = tensors_text(t, path, strlen(path));
    if (!t || !t->path) {
        free(t);
        return fail(WKV_ENOMEM, "%s: no memory", path);
    }
    t->format = t->naming = "";
    *out = t;
    return WKV_OK;
}

static int open_file(tensors *t, const char *path, int in_memory)
{
    file_map map;
    int err = grow(&t->maps, &t->cap_maps, t->n_maps + 1, sizeof *t->maps);
    if (err || (err = in_memory ? file_load(&map, path) : file_open(&map, path))) return err;
    t->maps[t->n_maps++] = map;
    t->bytes += map.size;
    file_expect(&map, SMALL_READS);
    err = read_any(t, map.data, map.size, path);
    file_expect(&map, LONG_READS);
    return err ? fail_prefix(err, "%s", path) : WKV_OK;
}

static int open_checkpoint(tensors **out, const char *path, int in_memory)
{
    checkpoint found;
    tensors *t = NULL;
    *out = NULL;
    int err = checkpoint_find(&found, path);
    if (!err) err = tensors_new(&t, path);
    if (!err) t->index = found.index_id;
    if (!err && found.n == 1 && !(t->file = tensors_text(t, found.file[0], strlen(found.file[0])))) err = WKV_ENOMEM;
    for (int i = 0; !err && i < found.n; i++) err = open_file(t, found.file[i], in_memory);
    if (!err) {
        err = checkpoint_complete(&found, t);
        if (!err) err = checkpoint_beside(&found, t);
        if (!err) err = finish(t);
        if (err) fail_prefix(err, "%s", path);
    }
    checkpoint_free(&found);
    if (err)
        tensors_close(t);
    else
        *out = t;
    return err;
}

int tensors_open(tensors **out, const char *path) { return open_checkpoint(out, path, 0); }
int tensors_load(tensors **out, const char *path) { return open_checkpoint(out, path, 1); }

int tensors_open_stored(tensors **out, const char *path)
{
    tensors *t;
    int err = tensors_new(&t, path);
    if (!err) err = open_file(t, path, 0);
    if (!err && (err = tensors_index(t))) fail_prefix(err, "%s", path);
    if (err) {
        tensors_close(t);
        t = NULL;
    }
    *out = t;
    return err;
}

int tensors_open_memory(tensors **out, const void *data, size_t size, const char *name)
{
    tensors *t;
    int err = tensors_new(&t, name);
    if (err) return err;
    t->bytes = size;
    err = read_any(t, data, size, name);
    if (!err) err = finish(t);
    if (err) {
        fail_prefix(err, "%s", name);
        tensors_close(t);
        t = NULL;
    }
    *out = t;
    return err;
}

void tensors_expect(const tensors *t, file_reads next)
{
    for (int i = 0; i < t->n_maps; i++) file_expect(&t->maps[i], next);
}

void tensors_forget(const tensors *t, const void *data, size_t bytes)
{
    for (int i = 0; i < t->n_maps; i++) file_forget(&t->maps[i], data, bytes);
}

void tensors_close(tensors *t)
{
    if (!t) return;
    tensors_close(t->overlay);
    for (int i = 0; i < t->n_maps; i++) file_close(&t->maps[i]);
    for (block *b = t->kept, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(t->maps);
    free(t->list);
    free(t->by_name);
    free(t->meta);
    free(t->tokens);
    free(t);
}

void tensors_overlay(tensors *t, tensors *over)
{
    while (t->overlay) t = t->overlay;
    t->overlay = over;
}

int tensors_refuse_output(const tensors *t, const char *path)
{
    for (; t; t = t->overlay) {
        int own = t->index.inode && file_is(path, t->index);
        for (int i = 0; i < t->n_maps; i++) own |= file_is(path, t->maps[i].id);
        if (own)
            return fail(WKV_EARG, "%s: is an input, a file of %s, and would be replaced; write to another path", path,
                        t->path);
    }
    return WKV_OK;
}

/* ---- queries ----------------------------------------------------------------------------------------------------- */

int tensors_count(const tensors *t) { return t->count; }
const file_tensor *tensors_at(const tensors *t, int i) { return i >= 0 && i < t->count ? &t->list[i] : NULL; }
const char *tensors_path(const tensors *t) { return t->path; }
const char *tensors_file(const tensors *t) { return t->file; }

const char *tensors_path_of(const tensors *t, const file_tensor *f)
{
    for (const tensors *over = t; over; over = over->overlay)
        if (f >= over->list && f < over->list + over->count) return over->path;
    return t->path;
}

const char *tensors_format(const tensors *t) { return t->format; }
const char *tensors_naming(const tensors *t) { return t->naming; }
size_t tensors_bytes(const tensors *t) { return t->bytes; }
int tensors_token_count(const tensors *t) { return t->n_tokens; }

const file_tensor *tensors_find(const tensors *t, const char *name)
{
    const file_tensor *over = t->overlay ? tensors_find(t->overlay, name) : NULL;
    if (over) return over;
    file_tensor key = {.name = name};
    const file_tensor *wanted = &key;
    const file_tensor **found = bsearch(&wanted, t->by_name, (size_t)t->count, sizeof *t->by_name, compare_names);
    return found ? *found : NULL;
}

static const meta_item *find_meta(const tensors *t, const char *key)
{
    for (int i = 0; i < t->n_meta; i++) {
        if (!strcmp(t->meta[i].key, key)) return &t->meta[i];
    }
    return t->overlay ? find_meta(t->overlay, key) : NULL;
}

const char *tensors_meta(const tensors *t, const char *key)
{
    const meta_item *m = find_meta(t, key);
    return m ? m->text : NULL;
}

double tensors_number(const tensors *t, const char *key, double otherwise)
{
    const meta_item *m = find_meta(t, key);
    return m && !m->text ? m->number : otherwise;
}

const char *tensors_token(const tensors *t, int i, size_t *len)
{
    if (i < 0 || i >= t->n_tokens) return NULL;
    *len = t->tokens[i].len;
    return (const char *)t->tokens[i].bytes;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* From the last axis on, the order in which tensor_strides checked for overflow. */
int64_t tensor_values(const file_tensor *f)
{
    int64_t n = 1;
    for (int i = f->dims - 1; i >= 0; i--) n *= f->shape[i];
    return n;
}

/* The stored axis of axis i of the official tensor. */
static int stored_axis(const file_tensor *f, int i)
{
    if (f->transposed && f->dims >= 2 && i >= f->dims - 2) return 2 * f->dims - 3 - i;
    return i;
}

int64_t tensor_axis(const file_tensor *f, int i) { return i >= 0 && i < f->dims ? f->shape[stored_axis(f, i)] : 1; }

/* Undo the file's function of the numbers (`holds`, `scale`). */
static void undo(const file_tensor *f, float *x, int64_t n)
{
    for (int64_t i = 0; i < n && f->scale != 1; i++) x[i] *= f->scale;
    switch (f->holds) {
    case AS_IS: break;
    case HOLDS_EXP:
        for (int64_t i = 0; i < n; i++) x[i] = logf(x[i]);
        break;
    case HOLDS_NEG_EXP:
        for (int64_t i = 0; i < n; i++) x[i] = logf(-x[i]);
        break;
    case HOLDS_EXP_NEG_EXP:
        for (int64_t i = 0; i < n; i++) x[i] = (float)log(-log((double)x[i]));
        break;
    }
}

/* Read n values of a stored row of matrix number `matrix`, from `col` on. */
static void read_stored(const file_tensor *f, int64_t matrix, int64_t row, int64_t col, int64_t n, float *out)
{
    int64_t rows = f->shape[f->dims - 2], cols = f->shape[f->dims - 1];
    stored_weight w = stored_rows(f->layout, f->type, rows, cols);
    layout_decode(&w, f->data + dtype_bytes(f->type, matrix * rows * cols), row, col, n, out);
}

/* Swap the last two axes, of blocks too: chunks of stored rows, each scattered to a column. */
static void read_swapped(const file_tensor *f, float *out)
{
    enum { READ_CHUNK = 256 }; /* a multiple of every block */
    int64_t rows = f->shape[f->dims - 2], cols = f->shape[f->dims - 1], n = tensor_values(f);
    float x[READ_CHUNK];
    for (int64_t done = 0; done < n; done += cols) {
        int64_t matrix = done / (rows * cols), row = done / cols % rows;
        for (int64_t col = 0; col < cols; col += READ_CHUNK) {
            int64_t piece = cols - col < READ_CHUNK ? cols - col : READ_CHUNK;
            read_stored(f, matrix, row, col, piece, x);
            float *to = out + matrix * rows * cols + col * rows + row;
            for (int64_t j = 0; j < piece; j++) to[j * rows] = x[j];
        }
    }
}

/* Values by strides, the last official axis fastest. */
static void read_strided(const file_tensor *f, float *out)
{
    int dims = f->dims, bytes = dtypes[f->type].bytes;
    int64_t shape[MAX_DIMS] = {1}, step[MAX_DIMS] = {0}, at[MAX_DIMS] = {0};
    for (int i = 0; i < dims; i++) {
        shape[i] = f->shape[stored_axis(f, i)];
        step[i] = f->stride[stored_axis(f, i)] * bytes;
    }
    int64_t row = shape[dims - 1], n = tensor_values(f);
    const uint8_t *p = f->data;
    for (int64_t done = 0; done < n; done += row, out += row) {
        if (step[dims - 1] == bytes)
            dtype_decode(f->type, p, out, row);
        else
            for (int64_t j = 0; j < row; j++) dtype_decode(f->type, p + j * step[dims - 1], out + j, 1);
        for (int i = dims - 2; i >= 0; i--) { /* count up in the outer axes, the last of them fastest */
            p += step[i];
            if (++at[i] < shape[i]) break;
            p -= step[i] * shape[i];
            at[i] = 0;
        }
    }
}

int tensor_read(const file_tensor *f, float *out, int64_t capacity)
{
    int64_t n = tensor_values(f);
    if (n > capacity)
        return fail(WKV_EFORMAT, "tensor %s: has %lld values, expected at most %lld", f->name, (long long)n,
                    (long long)capacity);
    if (n == 0) return WKV_OK;
    if (!f->contiguous)
        read_strided(f, out);
    else if (f->transposed && f->dims >= 2)
        read_swapped(f, out);
    else if (layout_is_row_major(f->layout))
        dtype_decode(f->type, f->data, out, n);
    else
        for (int64_t row = 0; row < f->shape[0]; row++) read_stored(f, 0, row, 0, f->shape[1], out + row * f->shape[1]);
    undo(f, out, n);
    return WKV_OK;
}
