/* pth.c - torch.save files: the zip container and the older stream of pickles (docs/formats.md 1). */
#include "base/memory.h"
#include "format/bytes.h"
#include "format/pickle.h"
#include "format/reader.h"
#include "format/zip.h"
#include <stdlib.h>

/* Limits. The structure of the largest checkpoints is some hundred kilobytes; compressed archives are unpacked into
 * memory. */
enum { MAX_PICKLE = 256 << 20, MAX_INFLATED = 1 << 30 };

/* The bytes of a storage, in the mapping. */
typedef struct source source;
struct source {
    int (*find)(source *s, const pickle_storage *storage, const uint8_t **data); /* of the whole root storage */
    tensors *t;
    const zip *archive; /* zip */
    const char *folder; /* of data.pkl, with its slash */
    size_t folder_len;
    size_t inflated, room; /* bytes of entries unpacked so far, and of memory available before */
    struct place **by_key; /* legacy */
    int places;
};

/* ---- from the pickle's tensors to ours --------------------------------------------------------------------------- */

/* The largest tensor that may repeat values of its storage (expand(): a stride of 0): larger than any model's width. */
enum { MAX_REPEATED = 1 << 16 };

/* Check that every byte that the strides reach is in the storage. */
static int check_reach(const char *name, const pickle_tensor *p, int64_t values)
{
    int64_t end = p->offset, span, room = p->storage->bytes;
    int bad = p->offset < 0;
    for (int i = 0; i < p->dims; i++) {
        bad |= p->stride[i] < 0;
        if (values == 0) continue; /* empty: any offset is valid */
        bad |= __builtin_mul_overflow(p->shape[i] - 1, p->stride[i], &span) || __builtin_add_overflow(end, span, &end);
    }
    bad |= __builtin_add_overflow(end, values > 0, &end) || __builtin_mul_overflow(end, dtypes[p->type].bytes, &end);
    if (bad || end > room)
        return fail(WKV_EFORMAT, "tensor %s: reaches beyond its storage %.*s of %lld bytes", name,
                    (int)(p->storage->key_len & 255), p->storage->key, (long long)room);
    return WKV_OK;
}

/* Check that a big tensor has no more values than its storage, since repeating strides turn a few bytes into any
 * amount. */
static int check_size(const char *name, const pickle_tensor *p, int64_t values, int64_t bytes)
{
    char shape[24 * MAX_DIMS] = "";
    size_t n = 0;
    if (values <= MAX_REPEATED || bytes <= p->storage->bytes) return WKV_OK;
    for (int i = 0; i < p->dims; i++)
        n += (size_t)snprintf(shape + n, sizeof shape - n, "%s%lld", i ? " x " : "", (long long)p->shape[i]);
    return fail(WKV_EFORMAT,
                "tensor %s: %s values of %s take %lld bytes, its storage %.*s has %lld; save a contiguous copy", name,
                shape, dtypes[p->type].name, (long long)bytes, (int)(p->storage->key_len & 255), p->storage->key,
                (long long)p->storage->bytes);
}

static int add_tensor(source *s, const value *key, const pickle_tensor *p)
{
    char *name = tensors_text(s->t, key->text.s, key->text.n);
    if (!name) return WKV_ENOMEM;
    const uint8_t *data;
    file_tensor f = {.type = p->type, .dims = p->dims};
    memcpy(f.shape, p->shape, sizeof f.shape);
    int64_t bytes;
    int err = tensor_strides(&f, name, &bytes);
    if (err) return err;
    int64_t values = tensor_values(&f);
    if ((err = check_reach(name, p, values)) || (err = check_size(name, p, values, bytes)) ||
        (err = s->find(s, p->storage, &data)))
        return err;
    f.data = data + p->storage->from + p->offset * dtypes[f.type].bytes;
    for (int i = 0; values > 0 && i < f.dims; i++) { /* the stride of an axis of size 1 is arbitrary: kept */
        if (f.shape[i] == 1 || f.stride[i] == p->stride[i]) continue;
        f.stride[i] = p->stride[i];
        f.contiguous = 0;
    }
    return tensors_add(s->t, key->text.s, key->text.n, &f);
}

/* Trainers wrap the weights: {'state_dict': {...}, 'optimizer': ...}. */
static const value *unwrap(const value *top)
{
    static const char *const wrapper[] = {"state_dict", "model_state_dict", "model", "module"};
    for (int depth = 0; depth < 4; depth++) {
        const value *inner = NULL;
        for (size_t i = 0; !inner && i < sizeof wrapper / sizeof *wrapper; i++) {
            const value *v = dict_get(top, wrapper[i]);
            if (v && v->kind == V_DICT) inner = v;
        }
        if (!inner) break;
        top = inner;
    }
    return top;
}

/* Add tensors, and texts as metadata (they identify converted files); ignore the rest. */
static int add_items(source *s, const value *top)
{
    static const char *const kind[] = {
        [V_TUPLE] = "a tuple", [V_LIST] = "a list", [V_TENSOR] = "one tensor without a name"};
    if (top->kind != V_DICT)
        return fail(WKV_EFORMAT, "contains %s, expected named tensors",
                    top->kind < sizeof kind / sizeof *kind && kind[top->kind] ? kind[top->kind] : "no tensors");
    top = unwrap(top);
    for (int i = 0; i + 1 < top->list.n; i += 2) {
        const value *key = top->list.item[i], *v = top->list.item[i + 1];
        int err = WKV_OK;
        if (key->kind != V_TEXT) continue;
        if (v->kind == V_TENSOR)
            err = add_tensor(s, key, v->tensor);
        else if (v->kind == V_TEXT)
            err = tensors_add_text(s->t, key->text.s, key->text.n, v->text.s, v->text.n);
        if (err) return err;
    }
    return WKV_OK;
}

/* ---- zip --------------------------------------------------------------------------------------------------------- */

/* An entry's bytes: in place, or, if another program compressed the archive, inflated into memory of t. */
static int entry_bytes(source *s, const zip_entry *e, const uint8_t **out)
{
    if (e->method == 0) {
        int err = zip_bytes(s->archive, e, out);
        tensors_expect(s->t, SMALL_READS); /* stored: used in place */
        return err;
    }
    if (e->method != 8)
        return fail(WKV_EUNSUPPORTED, "%.*s in the zip is compressed by method %d, expected stored or deflated",
                    (int)e->name_len, e->name, e->method);
    if (e->size > MAX_INFLATED - s->inflated || e->size / 1100 > e->packed)
        return fail(WKV_EUNSUPPORTED,
                    "%.*s in the zip is compressed (%llu bytes unpacked); pack the archive again without compression",
                    (int)e->name_len, e->name, (unsigned long long)e->size);
    if (e->size > s->room - s->inflated)
        return fail(WKV_ENOMEM,
                    "%.*s in the zip is compressed and needs %llu MiB unpacked, %zu MiB of memory are free; pack the "
                    "archive again without compression",
                    (int)e->name_len, e->name, (unsigned long long)e->size >> 20, (s->room - s->inflated) >> 20);
    uint8_t *p = tensors_memory(s->t, e->size + 1);
    if (!p) return fail(WKV_ENOMEM, "no memory to unpack %.*s", (int)e->name_len, e->name);
    s->inflated += e->size;
    *out = p;
    return zip_inflate(s->archive, e, p, e->size + 1);
}

static const zip_entry *find_in_folder(const source *s, const char *name, size_t len)
{
    char path[512];
    if (s->folder_len + len > sizeof path) return NULL;
    memcpy(path, s->folder, s->folder_len);
    memcpy(path + s->folder_len, name, len);
    return zip_find(s->archive, path, s->folder_len + len);
}

static int find_in_zip(source *s, const pickle_storage *storage, const uint8_t **data)
{
    char name[64] = "data/";
    const zip_entry *e = NULL;
    if (storage->key_len <= sizeof name - 5) {
        memcpy(name + 5, storage->key, storage->key_len);
        e = find_in_folder(s, name, 5 + storage->key_len);
    }
    if (!e)
        return fail(WKV_EFORMAT, "the zip has no entry data/%.*s, which the pickle names",
                    (int)(storage->key_len & 255), storage->key);
    if (storage->is_view)
        return fail(WKV_EFORMAT, "%.*s is named as a view, which the zips of torch.save do not have", (int)e->name_len,
                    e->name);
    if ((uint64_t)storage->bytes != e->size)
        return fail(WKV_EFORMAT, "%.*s has %llu bytes, expected %lld %s values", (int)e->name_len, e->name,
                    (unsigned long long)e->size, (long long)(storage->bytes / dtypes[storage->type].bytes),
                    dtypes[storage->type].name);
    return entry_bytes(s, e, data);
}

/* Find the pickle's entry; its folder's name is arbitrary. */
static const zip_entry *find_pickle(const zip *z)
{
    for (int i = 0; i < z->n; i++) {
        const zip_entry *e = &z->entry[i];
        if (e->name_len >= 8 && !memcmp(e->name + e->name_len - 8, "data.pkl", 8) &&
            (e->name_len == 8 || e->name[e->name_len - 9] == '/'))
            return e;
    }
    return NULL;
}

static int read_archive(source *s)
{
    const zip_entry *entry = find_pickle(s->archive), *order;
    if (!entry) return fail(WKV_EUNSUPPORTED, "is a zip archive, but not of torch.save: there is no data.pkl in it");
    s->folder = entry->name;
    s->folder_len = entry->name_len - 8;
    if (find_in_folder(s, "constants.pkl", 13))
        return fail(WKV_EUNSUPPORTED,
                    "is a TorchScript archive (a program with its weights), expected a checkpoint of torch.save");
    const uint8_t *bytes;
    int err;
    if ((order = find_in_folder(s, "byteorder", 9))) {
        if ((err = entry_bytes(s, order, &bytes))) return err;
        if (order->size >= 3 && !memcmp(bytes, "big", 3))
            return fail(WKV_EUNSUPPORTED, "was written on a big-endian machine, expected little-endian");
    }
    if (entry->size > MAX_PICKLE)
        return fail(WKV_EFORMAT, "data.pkl has %llu bytes, more than the structure of any checkpoint",
                    (unsigned long long)entry->size);
    pickle p;
    if ((err = entry_bytes(s, entry, &bytes)) || (err = pickle_read(s->t, bytes, entry->size, &p))) return err;
    return add_items(s, p.top);
}

int read_pth_zip(tensors *t, const uint8_t *data, size_t size)
{
    zip z;
    int err = zip_open(&z, data, size);
    source s = {.t = t, .find = find_in_zip, .archive = &z, .room = memory_available()};
    if (!err) err = read_archive(&s);
    zip_close(&z);
    t->format = "pth (zip)";
    return err;
}

/* ---- legacy stream ----------------------------------------------------------------------------------------------- */

/* A root storage of the stream. */
struct place {
    const char *key;
    size_t key_len;
    const uint8_t *data;
    int64_t numel;
    int item; /* bytes of an element; 0 until a tensor gives it */
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = *(struct place *const *)a, *y = *(struct place *const *)b;
    int order = memcmp(x->key, y->key, x->key_len < y->key_len ? x->key_len : y->key_len);
    return order ? order : (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

static struct place *find_place(const source *s, const pickle_storage *storage)
{
    struct place key = {.key = storage->key, .key_len = storage->key_len}, *wanted = &key;
    struct place **found =
        s->places ? bsearch(&wanted, s->by_key, (size_t)s->places, sizeof *s->by_key, compare_places) : NULL;
    return found ? *found : NULL;
}

static int find_in_stream(source *s, const pickle_storage *storage, const uint8_t **data)
{
    const struct place *p = find_place(s, storage);
    int key_len = (int)(storage->key_len & 255), item = dtypes[storage->type].bytes;
    if (!p) return fail(WKV_EFORMAT, "storage %.*s is not in the file", key_len, storage->key);
    int64_t end = storage->from + storage->bytes; /* at most the stated size of the root storage */
    if (p->item != item || end > p->numel * item)
        return fail(WKV_EFORMAT, "storage %.*s has %lld values of %d bytes, expected %lld of %d", key_len, storage->key,
                    (long long)p->numel, p->item, (long long)(end / item), item);
    *data = p->data;
    return WKV_OK;
}

/* After the pickles the storages follow in the order of the key list: a count of elements, then the elements. */
static int find_places(source *s, struct place *place, const value *keys, const pickle_storage *storages, cursor rest)
{
    for (int i = 0; i < s->places; i++) {
        const value *key = keys->list.item[i];
        if (key->kind != V_TEXT) return fail(WKV_EFORMAT, "the list of storages has an item that is not text");
        place[i] = (struct place){.key = key->text.s, .key_len = key->text.n};
        s->by_key[i] = &place[i];
    }
    qsort(s->by_key, (size_t)s->places, sizeof *s->by_key, compare_places);
    for (const pickle_storage *p = storages; p; p = p->next) {
        struct place *at = find_place(s, p);
        if (at) at->item = dtypes[p->type].bytes;
    }
    for (int i = 0; i < s->places; i++) {
        struct place *p = &place[i];
        if (!p->item) return fail(WKV_EFORMAT, "storage %.*s belongs to no tensor", (int)(p->key_len & 255), p->key);
        int64_t bytes;
        if (!get(&rest, &p->numel, 8) || p->numel < 0 || __builtin_mul_overflow(p->numel, p->item, &bytes) ||
            !(p->data = cursor_take(&rest, (size_t)bytes)))
            return fail(WKV_EFORMAT,
                        "storage %d of %d needs %lld values of %d bytes, the file has %zu bytes left: truncated", i,
                        s->places, (long long)p->numel, p->item, left(&rest));
    }
    return WKV_OK;
}

int read_pth_legacy(tensors *t, const uint8_t *data, size_t size)
{
    enum { MAGIC, VERSION, SYSTEM, OBJECT, KEYS, PICKLES };
    pickle p[PICKLES];
    cursor c = {data, data + size};
    t->format = "pth (legacy)";
    for (int i = 0; i < PICKLES; i++) {
        int err = pickle_read(t, c.at, left(&c), &p[i]);
        if (err) return err;
        cursor_take(&c, p[i].used);
    }
    const value *order = dict_get(p[SYSTEM].top, "little_endian"), *keys = p[KEYS].top;
    if (p[VERSION].top->kind != V_INT || p[VERSION].top->i != 1001)
        return fail(WKV_EUNSUPPORTED, "is of an unknown version of torch's old format, expected 1001");
    if (order && order->kind == V_BOOL && !order->i)
        return fail(WKV_EUNSUPPORTED, "was written on a big-endian machine, expected little-endian");
    if (keys->kind != V_LIST) return fail(WKV_EFORMAT, "has no list of storages");
    if ((size_t)keys->list.n > left(&c) / 8) /* each begins with a count */
        return fail(WKV_EFORMAT, "lists %d storages, the file has %zu bytes left: truncated", keys->list.n, left(&c));
    source s = {.t = t, .find = find_in_stream, .places = keys->list.n};
    struct place *place = tensors_memory(t, sizeof *place * (size_t)(s.places + 1));
    s.by_key = tensors_memory(t, sizeof *s.by_key * (size_t)(s.places + 1));
    if (!place || !s.by_key) return fail(WKV_ENOMEM, "no memory for %d storages", s.places);
    int err = find_places(&s, place, keys, p[OBJECT].storages, c);
    return err ? err : add_items(&s, p[OBJECT].top);
}
