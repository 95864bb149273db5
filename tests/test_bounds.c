/* test_bounds.c - no tensor of a .pth reaches beyond its storage, for any view, type and strides, in the zip
 * and in the old stream; and no small file makes the reader allocate much memory. */
#include "archive.h"
#include "format/tensors.h"
#include "test.h"
#include "wkv.h"
#include <stdlib.h>
#include <unistd.h>
#ifndef _WIN32
#include <sys/resource.h>
#endif

/* One tensor "x" over the 16 bytes of storage '0', which hold 1, 2, 3, 4 as f32. */
typedef struct {
    const char *storage; /* "torch\nFloatStorage" */
    int64_t numel;
    int64_t view[2]; /* from, count; no view when both are 0 */
    int64_t offset;
    int dims;
    int64_t shape[4], stride[4];
    const char *type; /* of _rebuild_tensor_v3: "torch\nfloat64"; NULL: _v2 */
} claim;

enum { IN_ZIP, IN_STREAM };

static void put_text(bytes *b, const char *s)
{
    put(b, "X", 1);
    put_number(b, strlen(s), 4);
    put(b, s, strlen(s));
}

static void put_int(bytes *b, int64_t x)
{
    put(b, "\x8a\10", 2);
    put_number(b, (uint64_t)x, 8);
}

static void put_name(bytes *b, const char *name)
{
    put(b, "c", 1);
    put(b, name, strlen(name));
    put(b, "\n", 1);
}

static void put_ints(bytes *b, const int64_t *x, int n)
{
    put(b, "(", 1);
    for (int i = 0; i < n; i++) put_int(b, x[i]);
    put(b, "t", 1);
}

static bytes pickle_of(const claim *c)
{
    bytes b = {0};
    put(&b, "\x80\2}" KEY, 9);
    put_name(&b, c->type ? "torch._utils\n_rebuild_tensor_v3" : "torch._utils\n_rebuild_tensor_v2");
    put(&b, "((", 2);
    put_text(&b, "storage");
    put_name(&b, c->storage);
    put_text(&b, "0");
    put_text(&b, "cpu");
    put_int(&b, c->numel);
    if (c->view[0] || c->view[1]) {
        put(&b, "(", 1);
        put_text(&b, "view");
        put_int(&b, c->view[0]);
        put_int(&b, c->view[1]);
        put(&b, "t", 1);
    }
    put(&b, "tQ", 2);
    put_int(&b, c->offset);
    put_ints(&b, c->shape, c->dims);
    put_ints(&b, c->stride, c->dims);
    put(&b, "\x89" HOOKS, sizeof HOOKS);
    if (c->type) put_name(&b, c->type);
    put(&b, "tRs.", 4);
    return b;
}

/* Open a file of that claim; the copy ends with its bytes, so that the sanitizers see reads beyond them. */
static int open_claim(tensors **t, const claim *c, int where, int64_t count, void **data)
{
    static const char head[] = "\x80\2\x8a\12\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\2M\xe9\3.\x80\2}.";
    static const char keys[] = "\x80\2]X\1\0\0\0"
                               "0a.";
    static const float four[] = {1, 2, 3, 4};
    bytes p = pickle_of(c), b = {0};
    if (where == IN_ZIP)
        b = make_pth((const char *)p.data, p.size, 0, 0);
    else {
        put(&b, head, sizeof head - 1);
        put(&b, p.data, p.size);
        put(&b, keys, sizeof keys - 1);
        put_number(&b, (uint64_t)count, 8);
        put(&b, four, sizeof four);
    }
    *data = malloc(b.size);
    memcpy(*data, b.data, b.size);
    int e = tensors_open_memory(t, *data, b.size, "made.pth");
    free(p.data);
    free(b.data);
    return e;
}

static void refused_in(int where, const claim *c, int64_t count, const char *words)
{
    tensors *t;
    void *data;
    EXPECT_EQ(open_claim(&t, c, where, count, &data), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "made.pth: ");
    EXPECT_HAS(wkv_error(), words);
    tensors_close(t);
    free(data);
}

static void opens_in(int where, const claim *c, int64_t count, int n, const float *want)
{
    tensors *t;
    void *data;
    if (open_claim(&t, c, where, count, &data))
        FAILED("%s", wkv_error());
    else {
        const file_tensor *f = tensors_find(t, "x");
        int64_t all = tensor_values(f);
        float *x = malloc((size_t)(all + 1) * sizeof *x);
        EXPECT(all >= n || !all);
        EXPECT_EQ(tensor_read(f, x, all), 0);
        for (int i = 0; i < n && i < all; i++) EXPECT_NEAR(x[i], want[i], 0);
        free(x);
    }
    tensors_close(t);
    free(data);
}

/* `count` is the number before the storage's values in the old stream. */
#define REFUSED(count, words, ...)                                                                                     \
    do {                                                                                                               \
        const claim c_ = {__VA_ARGS__};                                                                                \
        refused_in(IN_ZIP, &c_, count, words);                                                                         \
        refused_in(IN_STREAM, &c_, count, words);                                                                      \
    } while (0)
#define OPENS(count, values, ...)                                                                                      \
    do {                                                                                                               \
        const claim c_ = {__VA_ARGS__};                                                                                \
        static const float want_[] = values;                                                                           \
        opens_in(IN_ZIP, &c_, count, sizeof want_ / sizeof *want_, want_);                                             \
        opens_in(IN_STREAM, &c_, count, sizeof want_ / sizeof *want_, want_);                                          \
    } while (0)
#define VALUES(...)                                                                                                    \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
#define FLOATS .storage = "torch\nFloatStorage", .numel = 4
#define BYTES .storage = "torch\nByteStorage", .numel = 16
#define HALVES .storage = "torch\nHalfStorage", .numel = 8

/* torch.save writes no views into a zip, and torch.load takes none; the old stream has them. */
static void views(void)
{
    static const claim inside = {FLOATS, .view = {1, 3}, .dims = 1, .shape = {3}, .stride = {1}};
    static const claim far = {.storage = "torch\nFloatStorage",
                              .numel = 1ll << 50,
                              .view = {1ll << 40, 4},
                              .dims = 1,
                              .shape = {4},
                              .stride = {1}};
    static const claim wraps = {.storage = "torch\nFloatStorage",
                                .numel = 1ll << 62,
                                .view = {1ll << 61, 4},
                                .dims = 1,
                                .shape = {4},
                                .stride = {1}};
    static const claim beyond = {FLOATS, .view = {2, 3}, .dims = 1, .shape = {3}, .stride = {1}};
    static const claim bounded = {FLOATS, .view = {1, 2}, .dims = 1, .shape = {3}, .stride = {1}};
    static const float want[] = {2, 3, 4};
    const char *no_views = "any/data/0 is named as a view, which the zips of torch.save do not have";
    refused_in(IN_ZIP, &inside, 4, no_views);
    opens_in(IN_STREAM, &inside, 4, 3, want);
    refused_in(IN_ZIP, &far, 4, no_views);
    refused_in(IN_STREAM, &far, 4, "storage 0 has 4 values of 4 bytes, expected 1099511627780 of 4");
    refused_in(IN_ZIP, &wraps, 4, "a storage of more bytes than any file");
    refused_in(IN_STREAM, &wraps, 4, "a storage of more bytes than any file");
    refused_in(IN_ZIP, &beyond, 4, "a view outside of its storage");
    refused_in(IN_STREAM, &beyond, 4, "a view outside of its storage");
    refused_in(IN_STREAM, &bounded, 4, "tensor x: reaches beyond its storage 0 of 8 bytes");
    REFUSED(4, "a storage of more bytes", .storage = "torch\nFloatStorage", .numel = INT64_MAX, .dims = 1, .shape = {1},
            .stride = {1});
}

/* The bound of a tensor is its storage's bytes, for any types of both. */
static void other_types(void)
{
    REFUSED(8, "tensor x: reaches beyond its storage 0 of 16 bytes", HALVES, .dims = 1, .shape = {8}, .stride = {1},
            .type = "torch\nfloat64");
    REFUSED(16, "reaches beyond", BYTES, .dims = 2, .shape = {2, 8}, .stride = {8, 1}, .type = "torch\nfloat64");
    REFUSED(16, "reaches beyond", BYTES, .offset = 2, .dims = 1, .shape = {1}, .stride = {1}, .type = "torch\nint64");
    REFUSED(16, "reaches beyond", BYTES, .offset = 15, .dims = 0, .type = "torch\nfloat32");
    REFUSED(16, "reaches beyond", BYTES, .offset = INT64_MAX, .dims = 0, .type = "torch\nfloat64");
    REFUSED(16, "reaches beyond", BYTES, .offset = 1ll << 61, .dims = 1, .shape = {1}, .stride = {1},
            .type = "torch\nfloat64");
    REFUSED(16, "reaches beyond", BYTES, .offset = -1, .dims = 1, .shape = {1}, .stride = {1},
            .type = "torch\nfloat32");
    OPENS(16, VALUES(2, 3, 4), BYTES, .offset = 1, .dims = 1, .shape = {3}, .stride = {1}, .type = "torch\nfloat32");
    OPENS(8, VALUES(1, 2, 3, 4), HALVES, .dims = 1, .shape = {4}, .stride = {1}, .type = "torch\nfloat32");
}

/* Big tensors with repeated values are refused; small ones are expand()'s. */
static void repeated(void)
{
    REFUSED(
        4,
        "tensor x: 8 x 4294967297 values of f32 take 137438953504 bytes, its storage 0 has 16; save a contiguous copy",
        FLOATS, .dims = 2, .shape = {8, (1ll << 32) + 1}, .stride = {0, 0});
    REFUSED(4, "tensor x: 4294967296 values of f32", FLOATS, .dims = 1, .shape = {1ll << 32}, .stride = {0});
    REFUSED(4, "tensor x: 65536 x 65536 values", FLOATS, .dims = 2, .shape = {65536, 65536}, .stride = {0, 0});
    REFUSED(4, "tensor x: 16777216 x 4 values", FLOATS, .dims = 2, .shape = {1 << 24, 4}, .stride = {0, 1});
    REFUSED(4, "tensor x: 65537 values", FLOATS, .dims = 1, .shape = {65537}, .stride = {0});
    REFUSED(16, "tensor x: 2 x 65536 values of u8 take 131072 bytes", BYTES, .dims = 2, .shape = {2, 65536},
            .stride = {8, 0});
    REFUSED(4, "reaches beyond", FLOATS, .dims = 2, .shape = {1 << 24, 4}, .stride = {1, 1}); /* rows that overlap */
    OPENS(4, VALUES(1, 1, 1), FLOATS, .dims = 1, .shape = {65536}, .stride = {0});
    OPENS(4, VALUES(2, 2, 4, 4), FLOATS, .offset = 1, .dims = 2, .shape = {2, 2}, .stride = {2, 0});
    OPENS(4, VALUES(1, 2, 2, 3, 3, 4), FLOATS, .dims = 2, .shape = {3, 2}, .stride = {1, 1});
}

/* Sound strides; along an axis of one value a stride may be anything. */
static void strides(void)
{
    OPENS(4, VALUES(1, 3, 2, 4), FLOATS, .dims = 2, .shape = {2, 2}, .stride = {1, 2});
    OPENS(4, VALUES(1, 3), FLOATS, .dims = 1, .shape = {2}, .stride = {2});
    OPENS(4, VALUES(1, 3), FLOATS, .dims = 3, .shape = {1, 2, 1}, .stride = {INT64_MAX, 2, INT64_MAX / 2});
    OPENS(4, VALUES(4), FLOATS, .offset = 3, .dims = 1, .shape = {1}, .stride = {INT64_MAX});
    OPENS(4, VALUES(0), FLOATS, .offset = 4, .dims = 2, .shape = {0, 3}, .stride = {INT64_MAX, INT64_MAX});
    REFUSED(4, "reaches beyond", FLOATS, .offset = 5, .dims = 1, .shape = {0}, .stride = {1});
    REFUSED(4, "reaches beyond", FLOATS, .dims = 2, .shape = {2, 2}, .stride = {INT64_MAX, INT64_MAX});
    REFUSED(4, "reaches beyond", FLOATS, .dims = 1, .shape = {1}, .stride = {-1});
}

/* Each dict of the same pairs costs seven bytes of the pickle, and as much memory as the pairs. */
static void copies(void)
{
    bytes b = {0};
    put(&b, "\x80\2NN\x86q\2]q\0(", 11);
    for (int i = 0; i < 1 << 16; i++) put(&b, "h\2", 2);
    put(&b, "eccollections\nOrderedDict\nq\1", 28);
    for (int i = 0; i < 1000; i++) put(&b, "h\1h\0\x85R0", 7);
    put(&b, ".", 1);
    bytes file = make_pth((const char *)b.data, b.size, 0, 0);
    tensors *t;
    EXPECT_EQ(tensors_open_memory(&t, file.data, file.size, "copies.pth"), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "the values of the pickle need over 256 MiB");
    tensors_close(t);
    free(b.data);
    free(file.data);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNLIMITED "the sanitizers take more address space than the limit"
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNLIMITED "the sanitizers take more address space than the limit"
#elif defined(_WIN32)
#define UNLIMITED "a limit of the address space is of POSIX"
#endif

#ifndef UNLIMITED
static rlim_t address_space(rlim_t most)
{
    struct rlimit r;
    getrlimit(RLIMIT_AS, &r);
    const rlim_t before = r.rlim_cur;
    r.rlim_cur = most;
    setrlimit(RLIMIT_AS, &r);
    return before;
}

/* An emulator may take the limit without holding it. */
static int limits_address_space(void)
{
    const rlim_t before = address_space(150 << 20);
    void *volatile more = malloc(200 << 20);
    address_space(before);
    free(more);
    return !more;
}

/* With 150 MiB of address space the bytes are refused. */
static void refused_for_memory(const void *data, size_t size, const char *words)
{
    tensors *t;
    const rlim_t before = address_space(150 << 20);
    int e = tensors_open_memory(&t, data, size, "big");
    address_space(before);
    EXPECT_EQ(e, WKV_ENOMEM);
    EXPECT_HAS(wkv_error(), words);
    tensors_close(t);
}
#endif

/* A compressed entry or a header that takes more than there is: both numbers are in the sentence, and nothing is
 * taken. */
static void memory(void)
{
#ifdef UNLIMITED
    SKIP(UNLIMITED);
#else
    if (!limits_address_space()) SKIP("the address space is not limited here");
    archive a = {0};
    char *packed = calloc(1, 1 << 20);
    put_local(&a.file, "m/data.pkl", 8);
    put(&a.file, packed, 1 << 20);
    put_entry(&a, "m/data.pkl", 8, 1 << 20, 200 << 20, 0);
    bytes b = archive_end(&a);
    refused_for_memory(b.data, b.size,
                       "m/data.pkl in the zip is compressed and needs 200 MiB unpacked, 150 MiB of memory are free");
    free(packed);
    free(b.data);
    uint64_t n = 5 << 20;
    char *header = malloc(n + 8);
    memcpy(header, &n, 8);
    memset(header + 8, ' ', n);
    header[8] = '{';
    refused_for_memory(header, n + 8, "its header of 5 MiB takes up to 160 MiB to read, 150 MiB of memory are free");
    free(header);
#endif
}

/* Inputs of earlier bugs, if present. */
static void found(void)
{
    static const struct {
        const char *file, *words;
    } cases[] = {
        {"A1-view-far.pth", "is named as a view"},
        {"A2-view-next-entry.pth", "is named as a view"},
        {"B1-half-storage-as-f64.pth", "tensor emb.weight: reaches beyond its storage 68 of 80 bytes"},
        {"B2-byte-storage-as-f64.pth", "tensor head.weight: reaches beyond its storage 69 of 40 bytes"},
        {"B3-byte-storage-offset.pth", "tensor head.weight: reaches beyond its storage 69 of 65536 bytes"},
        {"C1-lora-rank-2^32+1.pth", "tensor blocks.0.att.key.lora_B: 8 x 4294967297 values"},
        {"C2-lora-rank-2^33+1-ffn.pth", "tensor blocks.1.ffn.key.lora_B: 12 x 8589934593 values"},
        {"D1-v50-decay-2^32.pth", "tensor blocks.0.att.time_decay: 4294967296 values"},
        {"D2-v50-decay-2^16x2^16.pth", "tensor blocks.0.att.time_decay: 65536 x 65536 values"},
        {"G1-stride-0-emb-8GB.pth",
         "tensor emb.weight: 16777216 x 8 values of f16 take 268435456 bytes, its storage 68 has 80"},
    };
    const char *robust = SHARED_DIR "/../failing/robust";
    if (access(robust, R_OK)) SKIP("%s is not there", robust);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        tensors *t;
        snprintf(path, sizeof path, "%s/%s", robust, cases[i].file);
        EXPECT_EQ(tensors_open(&t, path), WKV_EFORMAT);
        EXPECT_HAS(wkv_error(), cases[i].words);
        tensors_close(t);
    }
}

int main(void)
{
    RUN(views);
    RUN(other_types);
    RUN(repeated);
    RUN(strides);
    RUN(copies);
    RUN(memory);
    RUN(found);
    return DONE();
}
