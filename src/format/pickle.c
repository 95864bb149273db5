/* pickle.c - the stack machine of pickles, protocols 2 to 5, with nothing to call. */
#include "format/pickle.h"
#include "format/bytes.h"
#include "format/pickle_names.h"
#include "format/reader.h"
#include <stdlib.h>

/* Bounds for hostile pickles, which can make a value with every byte, and copy lists without end. A real one needs
 * some 25 values, a kilobyte, per tensor. */
enum { MAX_DEPTH = 1 << 22, MAX_MEMORY = 256 << 20 };

/* ---- the machine ------------------------------------------------------------------------------------------------- */

typedef struct {
    tensors *t; /* owns all values */
    cursor in;
    value **stack, **memo;
    int n, cap, memos, memo_cap;
    size_t used; /* bytes of t's memory */
    int error;   /* of a failed allocation */
    const pickle_storage *storages;
} machine;

static int damaged(const machine *m, const char *what)
{
    return fail(WKV_EFORMAT, "the pickle is damaged: %s (%zu bytes before its end)", what, left(&m->in));
}

/* NULL, with m->error set, if the pickle exceeds its bounds or memory is exhausted. */
static void *memory(machine *m, size_t bytes)
{
    void *p = NULL;
    if (bytes > MAX_MEMORY - m->used)
        m->error = fail(WKV_EFORMAT, "the values of the pickle need over %d MiB, more than any checkpoint needs",
                        MAX_MEMORY >> 20);
    else if (!(p = tensors_memory(m->t, bytes)))
        m->error = fail(WKV_ENOMEM, "no memory for the values of the pickle");
    else
        m->used += bytes;
    return p;
}

static value *make(machine *m, value_kind kind)
{
    value *v = memory(m, sizeof *v);
    if (v) *v = (value){.kind = kind};
    return v;
}

static int push(machine *m, value *v)
{
    if (!v) return m->error;
    if (m->n == MAX_DEPTH) return damaged(m, "a stack deeper than any checkpoint needs");
    int err = grow(&m->stack, &m->cap, m->n + 1, sizeof *m->stack);
    if (!err) m->stack[m->n++] = v;
    return err;
}

static int push_int(machine *m, value_kind kind, int64_t i)
{
    value *v = make(m, kind);
    if (v) v->i = i;
    return push(m, v);
}

/* The next n bytes as text, or skipped if not needed. */
static int push_bytes(machine *m, value_kind kind, uint64_t n)
{
    const uint8_t *p = n <= left(&m->in) ? cursor_take(&m->in, (size_t)n) : NULL;
    if (!p) return damaged(m, "a text beyond its end");
    value *v = make(m, kind);
    if (v && kind == V_TEXT) {
        v->text.s = (const char *)p;
        v->text.n = (size_t)n;
    }
    return push(m, v);
}

/* The value i places below the top, never a mark; NULL when there is none. */
static value *top(const machine *m, int i)
{
    if (m->n <= i || m->stack[m->n - 1 - i]->kind == V_MARK) return NULL;
    return m->stack[m->n - 1 - i];
}

/* The number of values above the last mark; -1 when there is no mark. */
static int above_mark(const machine *m)
{
    for (int i = m->n - 1; i >= 0; i--) {
        if (m->stack[i]->kind == V_MARK) return m->n - 1 - i;
    }
    return -1;
}

static int append(machine *m, value *to, value *const *items, int n)
{
    if (to->list.n + n > to->list.cap) { /* old arrays stay in t's memory: at most as much again */
        int cap = 2 * to->list.cap > to->list.n + n ? 2 * to->list.cap : to->list.n + n;
        value **bigger = memory(m, (size_t)cap * sizeof *bigger);
        if (!bigger) return m->error;
        if (to->list.n) memcpy(bigger, to->list.item, (size_t)to->list.n * sizeof *bigger);
        to->list.item = bigger;
        to->list.cap = cap;
    }
    if (n) memcpy(to->list.item + to->list.n, items, (size_t)n * sizeof *items);
    to->list.n += n;
    return WKV_OK;
}

/* Replace the n top values (and a mark below them, if asked) by one container of them. */
static int collect(machine *m, value_kind kind, int n, int mark)
{
    for (int i = 0; i < n; i++) {
        if (!top(m, i)) return damaged(m, "a tuple of missing values");
    }
    value *v = make(m, kind);
    int err = v ? append(m, v, m->stack + m->n - n, n) : m->error;
    if (err) return err;
    m->n -= n + mark;
    return push(m, v);
}

static int collect_mark(machine *m, value_kind kind)
{
    int n = above_mark(m);
    if (n < 0 || (kind == V_DICT && n % 2)) return damaged(m, "no mark where one is needed");
    return collect(m, kind, n, 1);
}

/* SETITEMS, APPENDS, ADDITEMS: the values above the mark are added to the container below it. */
static int extend(machine *m, int pairs)
{
    int n = above_mark(m);
    if (n < 0 || m->n - n - 2 < 0 || (pairs && n % 2)) return damaged(m, "items without a container");
    value *to = m->stack[m->n - n - 2];
    if (to->kind == (pairs ? V_DICT : V_LIST)) {
        int err = append(m, to, m->stack + m->n - n, n);
        if (err) return err;
    } else if (to->kind != V_OTHER)
        return damaged(m, "items put into a value that is not a container");
    m->n -= n + 1;
    return WKV_OK;
}

static int extend_one(machine *m, int n)
{
    for (int i = 0; i <= n; i++) {
        if (!top(m, i)) return damaged(m, "an item without a container");
    }
    value *to = top(m, n);
    if (to->kind == (n == 2 ? V_DICT : V_LIST)) {
        int err = append(m, to, m->stack + m->n - n, n);
        if (err) return err;
    } else if (to->kind != V_OTHER)
        return damaged(m, "an item put into a value that is not a container");
    m->n -= n;
    return WKV_OK;
}

static int remember(machine *m, uint32_t at)
{
    if (!top(m, 0) || at >= MAX_DEPTH) return damaged(m, "an impossible memo index");
    int err = grow(&m->memo, &m->memo_cap, (int)at + 1, sizeof *m->memo);
    if (err) return err;
    while (m->memos <= (int)at) m->memo[m->memos++] = NULL;
    m->memo[at] = top(m, 0);
    return WKV_OK;
}

static int recall(machine *m, uint32_t at)
{
    if (at >= (uint32_t)m->memos || !m->memo[at]) return damaged(m, "an unset memo");
    return push(m, m->memo[at]);
}

/* Integers of any length; one beyond 64 bits becomes a value that is valid nowhere. */
static int push_long(machine *m, uint32_t n)
{
    const uint8_t *p = cursor_take(&m->in, n);
    if (!p) return damaged(m, "an integer beyond its end");
    if (n > 8) return push(m, make(m, V_OTHER));
    uint64_t u = n && p[n - 1] & 0x80 ? UINT64_MAX : 0;
    memcpy(&u, p, n);
    return push_int(m, V_INT, (int64_t)u);
}

/* ---- names and calls --------------------------------------------------------------------------------------------- */

static int push_name(machine *m, const uint8_t *module, size_t mod_len, const uint8_t *name, size_t name_len)
{
    const whitelisted *w = pickle_name(module, mod_len, name, name_len);
    if (!w) {
        char shown[100];
        size_t n = 0;
        for (size_t i = 0; i < mod_len && n < 48; i++)
            shown[n++] = module[i] > 32 && module[i] < 127 ? (char)module[i] : '?';
        shown[n++] = '.';
        for (size_t i = 0; i < name_len && n < sizeof shown - 1; i++)
            shown[n++] = name[i] > 32 && name[i] < 127 ? (char)name[i] : '?';
        shown[n] = 0;
        return fail(WKV_EFORMAT, "the pickle imports %s, which no checkpoint needs; nothing in it was executed",
                    shown);
    }
    value *v = make(m, V_NAME);
    if (v) v->name = w;
    return push(m, v);
}

/* The bytes up to a newline. */
static const uint8_t *line(machine *m, size_t *len)
{
    const uint8_t *end = memchr(m->in.at, '\n', left(&m->in)), *start = m->in.at;
    if (!end) return NULL;
    *len = (size_t)(end - start);
    m->in.at = end + 1;
    return start;
}

static int global(machine *m)
{
    size_t mod_len = 0, name_len = 0;
    const uint8_t *module = line(m, &mod_len), *name = module ? line(m, &name_len) : NULL;
    return name ? push_name(m, module, mod_len, name, name_len) : damaged(m, "a name beyond its end");
}

static int stack_global(machine *m)
{
    value *name = top(m, 0), *module = top(m, 1);
    if (!name || !module || name->kind != V_TEXT || module->kind != V_TEXT)
        return damaged(m, "a name that is not text");
    m->n -= 2;
    return push_name(m, (const uint8_t *)module->text.s, module->text.n, (const uint8_t *)name->text.s, name->text.n);
}

/* Item i of a tuple or list if it has that kind, else NULL. */
static value *item(const value *list, int i, value_kind kind)
{
    return i < list->list.n && list->list.item[i]->kind == kind ? list->list.item[i] : NULL;
}

/* ('storage', class, key, location, numel[, None or (view key, offset, numel)]) */
static int persistent(machine *m)
{
    value *id = top(m, 0);
    if (!id || id->kind != V_TUPLE) return damaged(m, "a persistent id that is not a tuple");
    value *what = item(id, 0, V_TEXT), *class = item(id, 1, V_NAME), *key = item(id, 2, V_TEXT),
          *numel = item(id, 4, V_INT);
    if (!what || what->text.n != 7 || memcmp(what->text.s, "storage", 7) || !class || !key || !numel || numel->i < 0 ||
        (class->name->role != IS_STORAGE && class->name->role != IS_UNTYPED_STORAGE))
        return damaged(m, "a persistent id that is not a storage");
    pickle_storage s = {.key = key->text.s, .key_len = key->text.n, .type = class->name->type};
    int64_t size = dtypes[s.type].bytes;
    value *view = item(id, 5, V_TUPLE);
    if (__builtin_mul_overflow(numel->i, size, &s.bytes))
        return damaged(m, "a storage of more bytes than any file");
    if (view) {
        value *from = item(view, 1, V_INT), *count = item(view, 2, V_INT);
        if (!from || !count || from->i < 0 || count->i < 0 || from->i > numel->i || count->i > numel->i - from->i)
            return damaged(m, "a view outside of its storage");
        s.is_view = 1;
        s.from = from->i * size; /* no more than the root's bytes */
        s.bytes = count->i * size;
    }
    pickle_storage *own = memory(m, sizeof *own);
    value *v = make(m, V_STORAGE);
    if (!own || !v) return m->error;
    s.next = m->storages;
    *own = s;
    m->storages = own;
    v->storage = own;
    m->n--;
    return push(m, v);
}

/* (storage, offset, shape, strides, ...); _v3 has the dtype as argument 6. Places are checked in pth.c. */
static int rebuild_tensor(machine *m, const value *args, role how, value **out)
{
    value *storage = item(args, 0, V_STORAGE), *offset = item(args, 1, V_INT), *shape = item(args, 2, V_TUPLE),
          *stride = item(args, 3, V_TUPLE), *type = item(args, 6, V_NAME);
    if (!storage || !offset || !shape || !stride || shape->list.n != stride->list.n ||
        (how == MAKES_TENSOR_V3 && (!type || type->name->role != IS_DTYPE)))
        return damaged(m, "a tensor without storage, offset, shape and strides");
    if (shape->list.n > MAX_DIMS)
        return fail(WKV_EUNSUPPORTED, "a tensor of %d axes, expected at most %d", shape->list.n, MAX_DIMS);
    pickle_tensor x = {
        .storage = storage->storage, .type = storage->storage->type, .offset = offset->i, .dims = shape->list.n};
    if (how == MAKES_TENSOR_V3) x.type = type->name->type;
    if (x.type == DTYPES)
        return fail(WKV_EUNSUPPORTED, "a tensor of torch.%s, a type that is not supported", type->name->name);
    for (int i = 0; i < x.dims; i++) {
        value *size = item(shape, i, V_INT), *step = item(stride, i, V_INT);
        if (!size || !step) return damaged(m, "a shape that is not a tuple of numbers");
        x.shape[i] = size->i;
        x.stride[i] = step->i;
    }
    pickle_tensor *own = memory(m, sizeof *own);
    value *v = make(m, V_TENSOR);
    if (!own || !v) return m->error;
    *own = x;
    v->tensor = own;
    *out = v;
    return WKV_OK;
}

/* A dict from call arguments: none, a factory (defaultdict), a list of pairs (old OrderedDict) or a dict (Counter). */
static int make_dict(machine *m, const value *args, value **out)
{
    value *v = make(m, V_DICT), *pairs = item(args, 0, V_LIST), *dict = item(args, 0, V_DICT);
    if (!v) return m->error;
    if (dict) {
        int err = append(m, v, dict->list.item, dict->list.n);
        if (err) return err;
    }
    for (int i = 0; pairs && i < pairs->list.n; i++) {
        const value *pair = pairs->list.item[i];
        if ((pair->kind != V_TUPLE && pair->kind != V_LIST) || pair->list.n != 2)
            return damaged(m, "a dict of an item that is not a pair");
        int err = append(m, v, pair->list.item, 2);
        if (err) return err;
    }
    *out = v;
    return WKV_OK;
}

/* Callable and arguments become the value that the call would have returned; NULL when torch makes no such call. */
static int result_of(machine *m, role how, const value *args, value **result)
{
    switch (how) {
    case MAKES_DICT: return make_dict(m, args, result);
    case MAKES_TENSOR:
    case MAKES_TENSOR_V3: return rebuild_tensor(m, args, how, result);
    case MAKES_ITS_TENSOR: *result = item(args, 0, V_TENSOR); return WKV_OK;
    case MAKES_ITS_ARGUMENT: *result = item(args, 0, V_TUPLE); return WKV_OK;
    case IS_HARMLESS: return (*result = make(m, V_OTHER)) ? WKV_OK : m->error;
    default: return WKV_OK;
    }
}

/* (function, type, its arguments, state): the function builds a tensor of a class of its own or with attributes. */
static int rebuild_from_type(machine *m, const value *args, value **result)
{
    value *function = item(args, 0, V_NAME), *type = item(args, 1, V_NAME), *inner = item(args, 2, V_TUPLE);
    int err = function && type && inner ? result_of(m, function->name->role, inner, result) : WKV_OK;
    if (*result && (*result)->kind != V_TENSOR) *result = NULL;
    return err;
}

static int call(machine *m)
{
    value *args = top(m, 0), *callee = top(m, 1), *result = NULL;
    if (!args || !callee || callee->kind != V_NAME || args->kind != V_TUPLE)
        return damaged(m, "a call of a value that is not a function");
    role how = callee->name->role;
    int err = how == MAKES_FROM_TYPE ? rebuild_from_type(m, args, &result) : result_of(m, how, args, &result);
    if (err) return err;
    if (!result)
        return fail(WKV_EFORMAT, "the pickle calls %s.%s in a way that torch does not", callee->name->module,
                    callee->name->name);
    m->n -= 2;
    return push(m, result);
}

/* NEWOBJ and NEWOBJ_EX: a class and n arguments become a dict or a value of no interest. */
static int new_object(machine *m, int n)
{
    value *class = top(m, n);
    if (!class || class->kind != V_NAME) return damaged(m, "an object of a value that is not a class");
    role r = class->name->role;
    if (r != IS_HARMLESS && r != MAKES_DICT)
        return fail(WKV_EFORMAT, "the pickle makes an object of %s.%s, which torch does not", class->name->module,
                    class->name->name);
    m->n -= n + 1;
    return push(m, make(m, r == MAKES_DICT ? V_DICT : V_OTHER));
}

/* ---- opcodes ----------------------------------------------------------------------------------------------------- */

static int pop(machine *m, int n)
{
    if (m->n < n) return damaged(m, "the stack is empty");
    m->n -= n;
    return WKV_OK;
}

/* The length before a text: `bytes` bytes, little-endian. */
static int push_sized(machine *m, value_kind kind, size_t bytes)
{
    uint64_t n = 0;
    if (!get(&m->in, &n, bytes)) return damaged(m, "a length beyond its end");
    return push_bytes(m, kind, n);
}

static int number(machine *m, size_t bytes, int64_t *out)
{
    uint64_t u = 0;
    if (!get(&m->in, &u, bytes)) return damaged(m, "a number beyond its end");
    *out = (int64_t)u;
    return WKV_OK;
}

static int run_opcode(machine *m, uint8_t op)
{
    int64_t i = 0;
    switch (op) {
    case 0x80:
        return number(m, 1, &i) ? WKV_EFORMAT : i <= 5 ? WKV_OK : damaged(m, "a protocol newer than 5"); /* PROTO */
    case 0x95: return number(m, 8, &i);                                                                  /* FRAME */
    case '(': return push(m, make(m, V_MARK));
    case 'N': return push(m, make(m, V_NONE));
    case 0x88: return push_int(m, V_BOOL, 1); /* NEWTRUE */
    case 0x89: return push_int(m, V_BOOL, 0);
    case 'J': return number(m, 4, &i) ? WKV_EFORMAT : push_int(m, V_INT, (int32_t)i); /* BININT */
    case 'K': return number(m, 1, &i) ? WKV_EFORMAT : push_int(m, V_INT, i);
    case 'M': return number(m, 2, &i) ? WKV_EFORMAT : push_int(m, V_INT, i);
    case 0x8a: return number(m, 1, &i) ? WKV_EFORMAT : push_long(m, (uint32_t)i); /* LONG1 */
    case 0x8b: return number(m, 4, &i) ? WKV_EFORMAT : push_long(m, (uint32_t)i);
    case 'G': return push_bytes(m, V_FLOAT, 8); /* BINFLOAT */
    case 'X': return push_sized(m, V_TEXT, 4);  /* BINUNICODE */
    case 0x8c: return push_sized(m, V_TEXT, 1);
    case 0x8d: return push_sized(m, V_TEXT, 8);
    case 'T': return push_sized(m, V_TEXT, 4); /* Python 2's */
    case 'U': return push_sized(m, V_TEXT, 1);
    case 'B': return push_sized(m, V_OTHER, 4); /* bytes */
    case 'C': return push_sized(m, V_OTHER, 1);
    case 0x8e: return push_sized(m, V_OTHER, 8);
    case 0x96: return push_sized(m, V_OTHER, 8);
    case '}': return push(m, make(m, V_DICT));
    case ']': return push(m, make(m, V_LIST));
    case ')': return push(m, make(m, V_TUPLE));
    case 0x8f: return push(m, make(m, V_OTHER)); /* EMPTY_SET */
    case 't': return collect_mark(m, V_TUPLE);
    case 'l': return collect_mark(m, V_LIST);
    case 'd': return collect_mark(m, V_DICT);
    case 0x91: return collect_mark(m, V_LIST); /* FROZENSET */
    case 0x85: return collect(m, V_TUPLE, 1, 0);
    case 0x86: return collect(m, V_TUPLE, 2, 0);
    case 0x87: return collect(m, V_TUPLE, 3, 0);
    case 's': return extend_one(m, 2); /* SETITEM */
    case 'a': return extend_one(m, 1);
    case 'u': return extend(m, 1); /* SETITEMS */
    case 'e': return extend(m, 0);
    case 0x90: return extend(m, 0); /* ADDITEMS */
    case 'q': return number(m, 1, &i) ? WKV_EFORMAT : remember(m, (uint32_t)i);
    case 'r': return number(m, 4, &i) ? WKV_EFORMAT : remember(m, (uint32_t)i);
    case 0x94: return remember(m, (uint32_t)m->memos); /* MEMOIZE */
    case 'h': return number(m, 1, &i) ? WKV_EFORMAT : recall(m, (uint32_t)i);
    case 'j': return number(m, 4, &i) ? WKV_EFORMAT : recall(m, (uint32_t)i);
    case 'c': return global(m);
    case 0x93: return stack_global(m);
    case 'Q': return persistent(m);
    case 'R': return call(m);
    case 0x81: return new_object(m, 1);
    case 0x92: return new_object(m, 2);
    case 'b': return pop(m, m->n > 1 ? 1 : 2); /* BUILD: state dropped */
    case '0': return pop(m, 1);
    case '1': return above_mark(m) < 0 ? damaged(m, "no mark to pop to") : pop(m, above_mark(m) + 1);
    case '2': return top(m, 0) ? push(m, top(m, 0)) : damaged(m, "nothing to double");
    default: break;
    }
    m->in.at--;
    return fail(WKV_EFORMAT, "the pickle has opcode 0x%02x, which no checkpoint needs (%zu bytes before its end)", op,
                left(&m->in));
}

int pickle_read(tensors *t, const uint8_t *data, size_t size, pickle *out)
{
    machine m = {.t = t, .in = {data, data + size}};
    int err = WKV_OK;
    while (!err) {
        const uint8_t *op = cursor_take(&m.in, 1);
        if (!op)
            err = damaged(&m, "no STOP opcode");
        else if (*op == '.')
            break;
        else
            err = run_opcode(&m, *op);
    }
    if (!err && !top(&m, 0)) err = damaged(&m, "no result");
    if (!err) *out = (pickle){.top = top(&m, 0), .storages = m.storages, .used = (size_t)(m.in.at - data)};
    free(m.stack);
    free(m.memo);
    return err;
}

const value *dict_get(const value *dict, const char *key)
{
    size_t n = strlen(key);
    for (int i = 0; dict->kind == V_DICT && i + 1 < dict->list.n; i += 2) {
        const value *k = dict->list.item[i];
        if (k->kind == V_TEXT && k->text.n == n && !memcmp(k->text.s, key, n)) return dict->list.item[i + 1];
    }
    return NULL;
}
