/* npz_write.c - writing an .npz that numpy.load opens: a zip archive of one .npy (version 1.0 of numpy's format) for
 * each array, and the texts of `meta` as metadata.json. */
#include "base/error.h"
#include "base/json.h"
#include "format/write.h"
#include "format/zip_write.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { NPY_ALIGNMENT = 64, NPY_PREFIX = 10 }; /* magic, version, length of the text */

static const char *const descriptions[DTYPES] = {
    [F32] = "<f4", [F16] = "<f2", [F64] = "<f8", [I32] = "<i4", [I64] = "<i8"};

/* The header, padded so that data begin at a multiple of 64; returns its length. */
static size_t npy_header(char out[256], const tensor_out *t)
{
    CHECK(t->type < DTYPES && descriptions[t->type] && t->dims <= 4);
    size_t n = (size_t)snprintf(out + NPY_PREFIX, 200, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                                descriptions[t->type]);
    for (int i = 0; i < t->dims; i++)
        n += (size_t)snprintf(out + NPY_PREFIX + n, 32, "%lld%s", (long long)t->shape[i], i + 1 < t->dims ? ", " : ",");
    n += (size_t)snprintf(out + NPY_PREFIX + n, 8, "), }");
    while ((NPY_PREFIX + n + 1) % NPY_ALIGNMENT) out[NPY_PREFIX + n++] = ' ';
    out[NPY_PREFIX + n++] = '\n';
    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (char)(n & 255);
    out[9] = (char)(n >> 8);
    return NPY_PREFIX + n;
}

static int put_array(zip_writer *z, const tensor_out *t)
{
    char header[256], name[256];
    zip_written e;
    const size_t n = npy_header(header, t);
    snprintf(name, sizeof name, "%s.npy", t->name);
    zip_entry_begin(z, &e, name, n + (uint64_t)tensor_out_bytes(t));
    e.crc = (uint32_t)crc32_z(0, (const unsigned char *)header, n);
    int err = file_put(z->out, header, n);
    if (!err) err = tensor_put(z->out, t, &e.crc);
    return err ? err : zip_entry_end(z, &e);
}

static int put_meta(zip_writer *z, const char *const *meta)
{
    json_t *texts = json_object();
    int bad = !texts;
    for (int i = 0; meta[i]; i += 2) bad |= json_object_set_new(texts, meta[i], json_string(meta[i + 1]));
    char *text = bad ? NULL : json_text(texts, JSON_INDENT(2));
    int err = text ? zip_entry_put(z, "metadata.json", text, strlen(text))
                   : fail(WKV_ENOMEM, "%s: no memory for its metadata", z->out->path);
    free(text);
    json_decref(texts);
    return err;
}

int npz_put(file_out *f, const tensor_out *t, int n, const char *const *meta)
{
    zip_writer z;
    int err = zip_begin(&z, f, NULL);
    for (int i = 0; !err && i < n; i++) err = put_array(&z, &t[i]);
    if (!err && meta && meta[0]) err = put_meta(&z, meta);
    return zip_end(&z, err);
}
