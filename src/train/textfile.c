/* textfile.c - read a text file, or name the type of another file. */
#include "train/textfile.h"
#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/utf8.h"
#include "train/unpack.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- extensions -------------------------------------------------------------------------------------------------- */

text_kind textfile_kind(const char *path)
{
    static const struct {
        const char *extension;
        text_kind kind;
    } kinds[] = {{".txt", TEXT_PLAIN}, {".text", TEXT_PLAIN}, {".jsonl", TEXT_JSON_LINES}, {".ndjson", TEXT_JSON_LINES},
                 {".json", TEXT_JSON}, {".csv", TEXT_CSV},    {".tsv", TEXT_TSV},          {".tab", TEXT_TSV}};
    char stem[4096];
    size_t n = strlen(path);
    if (n >= sizeof stem) return TEXT_UNKNOWN;
    memcpy(stem, path, n + 1);
    if (path_has_extension(stem, ".gz"))
        stem[n - 3] = 0;
    else if (path_has_extension(stem, ".zst"))
        stem[n - 4] = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (path_has_extension(stem, kinds[i].extension)) return kinds[i].kind;
    return TEXT_UNKNOWN;
}

/* ---- other file types -------------------------------------------------------------------------------------------- */

typedef struct {
    size_t at;
    const char *bytes;
    size_t len;
    const char *name; /* "is ..."                                                          */
    const char *way;  /* command to convert it to text, %s: the path; NULL: none */
    int may_be_ascii; /* others contain a byte that is never in text                               */
} stranger;

#define BYTES(s) s, sizeof(s) - 1
#define PANDAS(read)                                                                                                   \
    "python3 -c \"import pandas; pandas." read                                                                         \
    "('%s').to_json('out.jsonl', orient='records', lines=True, force_ascii=False)\""
#define DATASETS                                                                                                       \
    "python3 -c \"import datasets; datasets.Dataset.from_file('%s').to_json('out.jsonl', force_ascii=False)\""

static const stranger strangers[] = {
    {0, BYTES("PAR1"), "Parquet", PANDAS("read_parquet"), 0},
    {0, BYTES("ARROW1"), "an Arrow (Feather) file", PANDAS("read_feather"), 0},
    {0, BYTES("FEA1"), "a Feather file", PANDAS("read_feather"), 0},
    {0, BYTES("\xff\xff\xff\xff"), "an Arrow stream", DATASETS, 0},
    {0, BYTES("\x89HDF\r\n\x1a\n"), "an HDF5 file", PANDAS("read_hdf"), 0},
    {0, BYTES("\x93NUMPY"), "a numpy array", NULL, 0},
    {0, BYTES("Obj\1"), "an Avro file", NULL, 0},
    {0, BYTES("7z\xbc\xaf\x27\x1c"), "a 7z archive", "7z x '%s'", 0},
    {0, BYTES("\xfd\x37zXZ"), "compressed by xz", "xz -dk '%s'", 0},
    {4, BYTES("1AY&SY"), "compressed by bzip2", "bzip2 -dk '%s'", 0},
    {0, BYTES("\x04\x22\x4d\x18"), "compressed by lz4", "lz4 -dk '%s'", 0},
    {0, BYTES("\x1f\x9d"), "compressed by compress", "uncompress '%s'", 0},
    {0, BYTES("Rar!\x1a"), "a rar archive", "unrar x '%s'", 0},
    {257, BYTES("ustar"), "a tar archive", "tar -xf '%s'", 0},
    {0, BYTES("SQLite format 3"), "an SQLite database", "sqlite3 -header -csv '%s' 'SELECT ...' >out.csv", 0},
    {0, BYTES("%PDF-"), "a PDF", "pdftotext '%s' out.txt", 1},
    {0, BYTES("{\\rtf"), "RTF", "pandoc '%s' -t plain -o out.txt", 1},
    {0, BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "a document of an older Office",
     "soffice --convert-to txt:Text '%s'", 0},
    {0, BYTES("\x89PNG\r\n"), "a picture (PNG)", NULL, 0},
    {0, BYTES("\xff\xd8\xff"), "a picture (JPEG)", NULL, 0},
    {0, BYTES("GIF8"), "a picture (GIF)", NULL, 0},
    {0, BYTES("II*\0"), "a picture (TIFF)", NULL, 0},
    {0, BYTES("MM\0*"), "a picture (TIFF)", NULL, 0},
    {0, BYTES("RIFF"), "a picture, sound or film (RIFF)", NULL, 0},
    {0, BYTES("ID3"), "sound (MP3)", NULL, 0},
    {0, BYTES("OggS"), "sound (Ogg)", NULL, 0},
    {0, BYTES("fLaC"), "sound (FLAC)", NULL, 0},
    {4, BYTES("ftyp"), "a film (MP4)", NULL, 0},
    {0, BYTES("GGUF"), "a model (GGUF)", NULL, 0},
    {8, BYTES("{\"__metadata__\""), "a model (safetensors)", NULL, 0},
    {0, BYTES("\x80\x02"), "a pickle of Python", NULL, 0},
    {0, BYTES("\x80\x03"), "a pickle of Python", NULL, 0},
    {0, BYTES("\x80\x04"), "a pickle of Python", NULL, 0},
    {0, BYTES("\x80\x05"), "a pickle of Python", NULL, 0},
    {0,
     BYTES("\x7f"
           "ELF"),
     "a program", NULL, 0},
    {0, BYTES("version https://git-lfs"), "a git-lfs pointer, not the file itself", "git lfs pull", 1},
    {0, BYTES("\xff\xfe\0\0"), "text in UTF-32", "iconv -f UTF-32 -t UTF-8 '%s' >out", 0},
    {0, BYTES("\0\0\xfe\xff"), "text in UTF-32", "iconv -f UTF-32 -t UTF-8 '%s' >out", 0},
    {0, BYTES("\xff\xfe"), "text in UTF-16", "iconv -f UTF-16 -t UTF-8 '%s' >out", 0},
    {0, BYTES("\xfe\xff"), "text in UTF-16", "iconv -f UTF-16 -t UTF-8 '%s' >out", 0},
};

/* Type of a zip, by its members. */
static const struct {
    const char *member;
    stranger is;
} zips[] = {
    {"word/", {.name = "a Word document", .way = "pandoc '%s' -t plain -o out.txt"}},
    {"xl/", {.name = "an Excel table", .way = PANDAS("read_excel")}},
    {"ppt/", {.name = "a PowerPoint document", .way = "soffice --convert-to pdf '%s'"}},
    {"application/epub", {.name = "an EPUB", .way = "pandoc '%s' -t plain -o out.txt"}},
    {"application/vnd.oasis", {.name = "an OpenDocument", .way = "pandoc '%s' -t plain -o out.txt"}},
    {"data.pkl", {.name = "a checkpoint of PyTorch", .way = NULL}},
    {".npy", {.name = "numpy arrays", .way = NULL}},
    {"", {.name = "a zip archive", .way = "unzip '%s'"}},
};

static int refuse(const stranger *s, const char *path)
{
    char way[4096 + 256] = "";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* from the tables above */
    if (s->way) snprintf(way, sizeof way, s->way, path);
#pragma GCC diagnostic pop
    return fail(WKV_EUNSUPPORTED, "%s: is %s, expected text, .jsonl, .json, .csv or .tsv%s%s", path, s->name,
                s->way ? "; run: " : "", way);
}

static int has(const char *head, size_t n, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= n; i++)
        if (!memcmp(head + i, word, len)) return 1;
    return 0;
}

/* Do the first bytes contain a byte that is not text? The last character may be incomplete. */
static int is_binary(const char *head, size_t n)
{
    size_t most = n < 4096 ? n : 4096;
    return memchr(head, 0, most) || utf8_check(head, most) + 3 < most || (most == n && utf8_check(head, n) < n);
}

/* Type of a file by its first bytes. */
static int refuse_stranger(const char *path, const char *head, size_t n)
{
    enum { MEMBERS = 1 << 14 }; /* names of its first members */
    int binary = is_binary(head, n);
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        const stranger *s = &strangers[i];
        if ((binary || s->may_be_ascii) && n >= s->at + s->len && !memcmp(head + s->at, s->bytes, s->len))
            return refuse(s, path);
    }
    if (n < 4 || memcmp(head, "PK\3\4", 4)) return 0;
    size_t i = 0;
    while (!has(head, n < MEMBERS ? n : MEMBERS, zips[i].member)) i++;
    return refuse(&zips[i].is, path);
}

/* ---- text or not ------------------------------------------------------------------------------------------------- */

/* Is every second byte 0, as in Western text in UTF-16 without a byte order mark? */
static int is_wide(const char *text, size_t n)
{
    size_t zeros[2] = {0}, most = n < 4096 ? n : 4096;
    for (size_t i = 0; i < most; i++) zeros[i % 2] += !text[i];
    return most > 8 && ((zeros[0] > most / 3 && !zeros[1]) || (zeros[1] > most / 3 && !zeros[0]));
}

static int check_text(const char *path, const char *text, size_t n)
{
    const char *zero = memchr(text, 0, n);
    if (zero && is_wide(text, n))
        return refuse(&(stranger){.name = "text in UTF-16 without a byte order mark",
                                  .way = "iconv -f UTF-16LE -t UTF-8 '%s' >out"},
                      path);
    if (zero) return fail(WKV_EFORMAT, "%s: byte %zu is 0; the file is binary", path, (size_t)(zero - text));
    size_t bad = 0;
    for (size_t i = utf8_check(text, n); i < n; bad++, i += utf8_check(text + i, n - i)) i++;
    if (bad <= 8 || bad <= n / 100) return 0;
    return fail(WKV_EFORMAT,
                "%s: %zu of its %zu bytes are not valid UTF-8; the file is binary, or text in another "
                "encoding (iconv -f "
                "LATIN1 -t UTF-8, or GB18030 and so on, converts it)",
                path, bad, n);
}

/* Check the first bytes before reading or unpacking the rest. */
static int check_head(void *user, const char *head, size_t n)
{
    char *path = user;
    int err = refuse_stranger(path, head, n);
    return !err && memchr(head, 0, n) ? check_text(path, head, n) : err;
}

static int read_bytes(unpacked *u, const char *path)
{
    enum { HEAD = 1 << 16 };
    file_map m;
    int err = file_open(&m, path);
    if (err) return err;
    packing kind = unpack_kind(m.data, m.size);
    if (!m.size)
        err = fail(WKV_EFORMAT, "%s: is empty", path);
    else if (kind)
        err = unpack(u, kind, m.data, m.size, check_head, (void *)(uintptr_t)path);
    else
        err = check_head((void *)(uintptr_t)path, (const char *)m.data, m.size < HEAD ? m.size : HEAD);
    file_close(&m);
    if (err) return kind && strncmp(wkv_error(), path, strlen(path)) ? fail_prefix(err, "%s", path) : err;
    return kind ? 0 : file_slurp(&u->at, &u->n, path);
}

int textfile_read(char **text, size_t *bytes, const char *path)
{
    unpacked u = {0};
    *text = NULL;
    *bytes = 0;
    int err = read_bytes(&u, path);
    if (!err && u.n >= 3 && !memcmp(u.at, "\xef\xbb\xbf", 3)) memmove(u.at, u.at + 3, (u.n -= 3) + 1);
    if (!err && !u.n) err = fail(WKV_EFORMAT, "%s: is empty", path);
    if (!err) err = check_text(path, u.at, u.n);
    if (err) {
        free(u.at);
        return err;
    }
    *text = u.at;
    *bytes = u.n;
    return 0;
}
