/* test_formats.c - published files and files of other programs, read whole: the number of tensors and values, their sum
 * and sum of squares as PyTorch and an independent NumPy reader of rwkv.cpp's format have them; and that opening
 * touches headers only. */
#include "archive.h"
#include "base/memory.h"
#include "format/tensors.h"
#include "test.h"
#include "wkv.h"
#include <stdio.h>
#include <time.h>

/* Decays and v5.0's bonus are left out of rwkv.cpp's sums, as the file holds functions of them. */
static void totals(const char *file, int count, int64_t numbers, double sum, double squares)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", SHARED_DIR, file);
    tensors *t;
    if (access(path, R_OK)) SKIP("%s is not there", path);
    if (tensors_open(&t, path)) {
        FAILED("%s", wkv_error());
        return;
    }
    int64_t n = 0, size = 0;
    int stored = tensors_count(t);
    double s = 0, q = 0;
    for (int i = 0; i < tensors_count(t); i++) {
        const file_tensor *f = tensors_at(t, i);
        int64_t m = tensor_values(f);
        float *x = malloc(sizeof *x * (size_t)m);
        tensor_read(f, x, tensor_values(f));
        for (int64_t j = 0; j < m && !f->holds; j++) s += x[j], q += (double)x[j] * x[j];
        for (int64_t j = 0; j < m; j++) {
            if (!isfinite(x[j])) FAILED("%s is not finite", f->name);
        }
        stored -= strstr(f->name, ".x_") && f->name[strlen(f->name) - 1] != 'r' && !strstr(f->name, "ffn");
        n += m;
        size += dtype_bytes(f->type, m);
        free(x);
    }
    EXPECT_EQ(strstr(path, ".bin") ? stored : tensors_count(t), count); /* rwkv.cpp stores v7's six mixes as one */
    EXPECT_EQ(n, numbers);
    EXPECT_NEAR(s, sum, 2e-5 * fabs(sum));
    EXPECT_NEAR(q, squares, 2e-6 * squares);
    EXPECT(size < (int64_t)tensors_bytes(t));
    EXPECT_EQ(tensors_refuse(t), 0);
    tensors_close(t);
}

static void alive_4(void) { totals("alive/rwkv-4.pth", 60, 656512, 1707.87772, 14747.0155); }
static void alive_52(void) { totals("alive/rwkv-5.2.pth", 72, 657664, 2335.34217, 14790.3091); }
static void alive_6(void) { totals("alive/rwkv-6.pth", 90, 818176, 2708.40904, 17636.5613); }
static void alive_7(void) { totals("alive/rwkv-7.pth", 102, 680960, 2676.55252, 20025.6013); }
static void rwkvcpp_4(void) { totals("rwkv.cpp/tiny-rwkv-4v0-660K-FP32.bin", 78, 661504, 8.94110537, 61.3765546); }
static void rwkvcpp_4q(void) { totals("rwkv.cpp/tiny-rwkv-4v0-660K-Q5_1.bin", 78, 661504, 8.83067472, 61.4376671); }
static void rwkvcpp_5(void) { totals("rwkv.cpp/tiny-rwkv-5v1-730K-FP32.bin", 246, 680640, 1987.18332, 14001.1007); }
static void rwkvcpp_5q(void) { totals("rwkv.cpp/tiny-rwkv-5v1-730K-Q5_0.bin", 246, 680640, 1989.75929, 14005.3941); }
static void rwkvcpp_7(void) { totals("rwkv.cpp/tiny-rwkv-7v0-834K-FP32.bin", 339, 829888, 1590.86078, 24118.909); }
static void rwkvcpp_7q(void) { totals("rwkv.cpp/tiny-rwkv-7v0-834K-Q5_0.bin", 339, 829888, 1589.7969, 24120.3111); }

/* ---- a file of several gigabytes --------------------------------------------------------------------------------- */

enum { TENSORS = 800, NUMEL = 4 << 20 }; /* bf16: 6.7 GB in all, a hole in the file system */

static void put_text(bytes *b, const char *s)
{
    put(b, "X", 1);
    put_number(b, strlen(s), 4);
    put(b, s, strlen(s));
}

static bytes large_pickle(void)
{
    bytes b = {0};
    char text[64];
    put(&b, "\x80\2}", 3);
    for (int i = 0; i < TENSORS; i++) {
        snprintf(text, sizeof text, "blocks.%d.att.key.weight", i);
        put_text(&b, text);
        snprintf(text, sizeof text, "ctorch._utils\n_rebuild_tensor_v2\n((");
        put(&b, text, strlen(text));
        put_text(&b, "storage");
        snprintf(text, sizeof text, "ctorch\nBFloat16Storage\n");
        put(&b, text, strlen(text));
        snprintf(text, sizeof text, "%d", i);
        put_text(&b, text);
        put_text(&b, "cpu");
        put(&b, "J", 1), put_number(&b, NUMEL, 4);
        put(&b, "tQK\0J", 5), put_number(&b, NUMEL, 4);
        put(&b, "\x85K\1\x85\x89" HOOKS "tRs", sizeof("\x85K\1\x85\x89" HOOKS "tRs") - 1);
    }
    put(&b, ".", 1);
    return b;
}

static void write_at(FILE *f, const bytes *b, uint64_t at)
{
    if (fseeko(f, (off_t)at, SEEK_SET) || fwrite(b->data, 1, b->size, f) != b->size) FAILED("cannot write");
}

static uint64_t write_entry(FILE *f, archive *a, const char *name, const bytes *data, uint64_t size, uint64_t at)
{
    bytes local = {0};
    put_local(&local, name, 0);
    if (data) put(&local, data->data, data->size);
    write_at(f, &local, at);
    put_entry(a, name, 0, size, size, at);
    at += local.size + (data ? 0 : size);
    free(local.data);
    return at;
}

static void write_large(FILE *f)
{
    archive a = {.zip64 = 1};
    bytes pickle = large_pickle(), end = {0}, mark = {0};
    uint64_t at = write_entry(f, &a, "big/data.pkl", &pickle, pickle.size, 0);
    for (int i = 0; i < TENSORS; i++) {
        char name[32];
        snprintf(name, sizeof name, "big/data/%d", i);
        at = write_entry(f, &a, name, NULL, 2 * NUMEL, at);
    }
    put_number(&mark, 0x3f80, 2); /* the very last value is 1 */
    write_at(f, &mark, at - 2);
    write_at(f, &a.directory, at);
    put_end(&end, &a, at);
    write_at(f, &end, at + a.directory.size);
    free(pickle.data);
    free(end.data);
    free(mark.data);
    free(a.directory.data);
}

static long resident_kb(void) { return (long)(memory_resident() / 1024); }

/* Places beyond 32 bits are followed, and opening touches headers only; 32 bits of address are too few. */
static void large(void)
{
    const char *path = "test_formats.pth";
    FILE *file = fopen(path, "wb");
    if (!file) SKIP("cannot write %s", path);
    write_large(file);
    if (fclose(file)) FAILED("cannot write %s", path);
    long before = resident_kb();
    struct timespec from, to;
    tensors *t;
    clock_gettime(CLOCK_MONOTONIC, &from);
    const int err = tensors_open(&t, path);
    if (sizeof(size_t) == 4) {
        EXPECT_EQ(err, WKV_EUNSUPPORTED);
        EXPECT_HAS(wkv_error(), "more than this build for 32-bit processors can address");
    } else if (err)
        FAILED("%s", wkv_error());
    else {
        clock_gettime(CLOCK_MONOTONIC, &to);
        double ms = (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
        long touched = resident_kb() - before;
        printf("     %zu bytes, %d tensors: opened in %.1f ms, %ld kB touched\n", tensors_bytes(t), tensors_count(t),
               ms, touched);
        EXPECT(tensors_bytes(t) > 6000000000u);
        EXPECT_EQ(tensors_count(t), TENSORS);
        EXPECT(touched < 256 << 10);
        const file_tensor *f = tensors_find(t, "blocks.799.att.key.weight");
        float last[8];
        file_tensor end = *f;
        end.data += 2 * (NUMEL - 8);
        end.shape[0] = 8;
        tensor_read(&end, last, 8);
        EXPECT_NEAR(last[6], 0, 0);
        EXPECT_NEAR(last[7], 1, 0);
    }
    tensors_close(t);
    remove(path);
}

int main(void)
{
    RUN(alive_4);
    RUN(alive_52);
    RUN(alive_6);
    RUN(alive_7);
    RUN(rwkvcpp_4);
    RUN(rwkvcpp_4q);
    RUN(rwkvcpp_5);
    RUN(rwkvcpp_5q);
    RUN(rwkvcpp_7);
    RUN(rwkvcpp_7q);
    RUN(large);
    return DONE();
}
