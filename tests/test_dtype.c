/* test_dtype.c - stored numbers: every half against its definition, blocks against the gguf package. */
#include "format/tensors.h"
#include "test.h"
#include "wkv.h"
#include <stdlib.h>

/* A half by its definition: sign, 5 bits of exponent, 10 of fraction. */
static double half(uint16_t h)
{
    int e = h >> 10 & 31, m = h & 1023;
    double x = e == 31 ? (m ? NAN : INFINITY) : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
    return h & 0x8000 ? -x : x;
}

static void f16(void)
{
    int wrong = 0;
    for (int h = 0; h < 65536; h++) {
        double want = half((uint16_t)h);
        float x = f16_to_f32((uint16_t)h);
        wrong += isnan(want) ? !isnan(x) : (double)x != want || !signbit(x) != !signbit(want);
        if (!isnan(want))
            wrong += f32_to_f16(x) != h;
        else
            wrong += (f32_to_f16(x) & 0x7fff) <= 0x7c00;
    }
    EXPECT_EQ(wrong, 0);
}

/* Half way between two halves the even one is taken, anything nearer goes to the nearer. */
static void f16_rounds(void)
{
    int wrong = 0;
    for (int h = 0; h < 0x7bff; h++) {
        double low = half((uint16_t)h), high = half((uint16_t)(h + 1));
        float middle = (float)((low + high) / 2); /* exact */
        wrong += f32_to_f16(middle) != (h & 1 ? h + 1 : h);
        wrong += f32_to_f16(nextafterf(middle, 0)) != h;
        wrong += f32_to_f16(nextafterf(middle, 1e30f)) != h + 1;
        wrong += f32_to_f16(-middle) != (0x8000 | (h & 1 ? h + 1 : h));
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(f32_to_f16(65519.996f), 0x7bff);
    EXPECT_EQ(f32_to_f16(65520), 0x7c00);
    EXPECT_EQ(f32_to_f16(1e30f), 0x7c00);
    EXPECT_EQ(f32_to_f16(-INFINITY), 0xfc00);
}

static void bf16(void)
{
    int wrong = 0;
    for (int h = 0; h < 65536; h++) {
        float x = bf16_to_f32((uint16_t)h);
        if (isnan(x))
            wrong += !isnan(bf16_to_f32(f32_to_bf16(x)));
        else
            wrong += f32_to_bf16(x) != h;
    }
    for (int h = 0; h < 0x7f7f; h++) {
        float low = bf16_to_f32((uint16_t)h), high = bf16_to_f32((uint16_t)(h + 1)),
              middle = (float)(((double)low + high) / 2);
        wrong += f32_to_bf16(middle) != (h & 1 ? h + 1 : h);
    }
    EXPECT_EQ(wrong, 0);
    uint32_t bits = 0x7f800001; /* a NaN whose upper half alone would be infinity */
    float nan;
    memcpy(&nan, &bits, 4);
    EXPECT(isnan(bf16_to_f32(f32_to_bf16(nan))));
}

/* NAME has blocks, NAME.truth the gguf package's decoded values. */
static void blocks(void)
{
    tensors *t;
    if (tensors_open(&t, TEST_DIR "/golden/formats/quants.gguf")) {
        FAILED("%s", wkv_error());
        return;
    }
    int seen = 0;
    for (int i = 0; i < tensors_count(t); i++) {
        const file_tensor *f = tensors_at(t, i);
        char name[64];
        snprintf(name, sizeof name, "%s.truth", f->name);
        const file_tensor *truth = tensors_find(t, name);
        if (!truth) continue;
        float x[512], y[512], row[256];
        EXPECT_EQ(tensor_values(f), 512);
        tensor_read(f, x, 512);
        tensor_read(truth, y, 512);
        for (int j = 0; j < 512; j++) EXPECT_NEAR(x[j], y[j], 1e-6 * fabs(y[j]));
        /* from any alignment, and from the middle */
        char moved[1200];
        memcpy(moved + 1, f->data + dtype_bytes(f->type, 256), (size_t)dtype_bytes(f->type, 256));
        dtype_decode(f->type, moved + 1, row, 256);
        EXPECT(!memcmp(row, x + 256, sizeof row));
        /* with the axes swapped: 256 x 2 of a stored 2 x 256 */
        file_tensor swapped = *f;
        swapped.transposed = 1;
        swapped.scale = 2;
        float z[512];
        tensor_read(&swapped, z, 512);
        EXPECT_EQ(tensor_axis(&swapped, 0), 256);
        for (int j = 0; j < 512; j++) EXPECT_NEAR(z[j % 256 * 2 + j / 256], 2 * x[j], 0);
        seen++;
    }
    EXPECT_EQ(seen, 14);
    tensors_close(t);
}

int main(void)
{
    RUN(f16);
    RUN(f16_rounds);
    RUN(bf16);
    RUN(blocks);
    return DONE();
}
