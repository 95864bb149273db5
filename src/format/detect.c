/* detect.c - the container of a file, by its first bytes; and the kind of a file that is no checkpoint. */
#include "base/path.h"
#include "format/bytes.h"
#include "format/reader.h"
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

typedef struct {
    size_t at;
    const char *bytes;
    size_t len;
    int (*read)(tensors *t, const uint8_t *data, size_t size);
    const char *instead; /* the message, if there is no reader */
} signature;

#define BYTES(s) s, sizeof(s) - 1

static const signature signatures[] = {
    {0, BYTES("PK\3\4"), read_pth_zip, NULL},
    {0, BYTES("PK\5\6"), read_pth_zip, NULL}, /* an archive without entries */
    {0, BYTES("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e"), read_pth_legacy, NULL},
    {0, BYTES("GGUF"), read_gguf, NULL},
    {0, BYTES("\x66\x6d\x67\x67"), read_rwkvcpp, NULL}, /* 0x67676d66 */
    {257, BYTES("ustar"), NULL,
     "is a tar archive (as torch.save wrote before 2017); unpack it first"},
    {0, BYTES("\x6c\x6d\x67\x67"), NULL, "is an old ggml file without a version, expected rwkv.cpp version 100 or 101"},
    {0, BYTES("\x74\x6a\x67\x67"), NULL, "is a ggjt file of old llama.cpp, not an RWKV"},
    {0, BYTES("version https://git-lfs"), NULL, NULL}, /* message below */
    {0, BYTES("\x80\x02"), NULL, "is a pickle, but not one of torch.save"},
    {0, BYTES("\x80\x03"), NULL, "is a pickle, but not one of torch.save"},
    {0, BYTES("\x80\x04"), NULL, "is a pickle, but not one of torch.save"},
    {0, BYTES("\x80\x05"), NULL, "is a pickle, but not one of torch.save"},
    {0, BYTES("\x1f\x8b"), NULL, "is compressed by gzip; unpack it first"},
    {0, BYTES("\xfd\x37zXZ"), NULL, "is compressed by xz; unpack it first"},
    {0, BYTES("\x28\xb5\x2f\xfd"), NULL, "is compressed by zstd; unpack it first"},
    {0, BYTES("7z\xbc\xaf"), NULL, "is a 7z archive; unpack it first"},
    {0, BYTES("Rar!"), NULL, "is a rar archive; unpack it first"},
    {0, BYTES("\x93NUMPY"), NULL, "is one numpy array, not a checkpoint"},
    {0, BYTES("\x89HDF"), NULL, "is an HDF5 file, not a checkpoint"},
};

/* A git-lfs pointer gives the size of the real file: "... \nsize 1234\n". */
static int refuse_pointer(const uint8_t *data, size_t size)
{
    char text[512];
    size_t n = size < sizeof text - 1 ? size : sizeof text - 1;
    memcpy(text, data, n);
    text[n] = 0;
    const char *s = strstr(text, "\nsize ");
    return fail(WKV_EFORMAT,
                "is a git-lfs pointer of %zu bytes, not the file itself (%lld bytes); fetch it with git lfs pull", size,
                s ? strtoll(s + 6, NULL, 10) : 0);
}

/* Text downloaded in place of a file: a login page, or an error. */
static int refuse_text(const uint8_t *data, size_t size)
{
    size_t at = 0, n = size < 4096 ? size : 4096;
    while (at < n && (isspace(data[at]) || data[at] == 0xef || data[at] == 0xbb || data[at] == 0xbf)) at++;
    const char *s = (const char *)data + at;
    if (n - at >= 6 && (!strncasecmp(s, "<!doct", 6) || !strncasecmp(s, "<html", 5) || !strncasecmp(s, "<?xml", 5)))
        return fail(WKV_EFORMAT, "is an HTML page of %zu bytes, not a checkpoint: the download failed", size);
    if (n > at && *s == '{') return fail(WKV_EFORMAT, "is a JSON file of %zu bytes, not a checkpoint", size);
    int text = 1;
    for (size_t i = at; i < n; i++) text &= data[i] >= 32 || isspace(data[i]);
    if (text) return fail(WKV_EFORMAT, "is a text file of %zu bytes, not a checkpoint", size);
    return WKV_OK;
}

/* The length of its header, below 2^32, then JSON. The length may be two bytes that begin a pickle: 0x280 to 0x580. */
static int is_safetensors(const uint8_t *data, size_t size)
{
    return size > 8 && data[8] == '{' && u64_at(data) <= UINT32_MAX;
}

int read_any(tensors *t, const uint8_t *data, size_t size, const char *name)
{
    if (size == 0) return fail(WKV_EFORMAT, "is empty");
    if (is_safetensors(data, size)) return read_safetensors(t, data, size);
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const signature *s = &signatures[i];
        if (size < s->at + s->len || memcmp(data + s->at, s->bytes, s->len)) continue;
        if (s->read) return s->read(t, data, size);
        return s->instead ? fail(WKV_EUNSUPPORTED, "%s", s->instead) : refuse_pointer(data, size);
    }
    if (size > 8 && data[8] == '{') return read_safetensors(t, data, size);
    if (path_has_extension(name, ".prefab"))
        return fail(WKV_EUNSUPPORTED,
                    "is a web-rwkv .prefab, quantised for its GPU kernels; use the .st or .pth it was made from");
    int err = refuse_text(data, size);
    if (err) return err;
    int zeros = 1;
    for (size_t i = 0; i < size && i < 4096; i++) zeros &= data[i] == 0;
    if (zeros) return fail(WKV_EFORMAT, "begins with zeros only: an unfinished download");
    if (size < 8) return fail(WKV_EFORMAT, "has %zu bytes, too few for any checkpoint", size);
    return fail(
        WKV_EFORMAT,
        "is not a checkpoint: it begins with %02x %02x %02x %02x, expected .pth, safetensors, GGUF or rwkv.cpp's .bin",
        data[0], data[1], data[2], data[3]);
}
