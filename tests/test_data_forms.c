/* test_data_forms.c - training data as people have it: spellings of conversations, tables, compressed files, folders;
 * each is the same text to training, tuning and vocabularies. Files that are not text are refused by name. */
#include <zlib.h>
#include "base/file.h"
#include "folder.h"
#include "test.h"
#include "train/data.h"
#include "train/samples.h"
#include "train/settings.h"
#include "train/textfile.h"
#include "train/vocabulary.h"
#include "wkv_train.h"

static wkv_tokenizer *bytes_of;
static document_form form;

static void put(const char *name, const void *data, size_t n)
{
    if (file_write(in_folder(name), data, n)) FAILED("%s", wkv_error());
}

#define PUT(name, text) put(name, text, sizeof text - 1)

/* The samples, one behind the other, with the tokens included in the loss in brackets. */
static const char *shown(const samples *s)
{
    static char out[4096];
    size_t at = 0;
    for (int i = 0; i < s->count; i++) {
        sample one = samples_at(s, i);
        for (int k = 0, in = 0; k <= one.n && at < sizeof out - 4; k++) {
            int counts = k < one.n && one.counts[k];
            if (counts != in) out[at++] = counts ? '[' : ']';
            in = counts;
            if (k < one.n) out[at++] = (char)one.ids[k];
        }
        out[at++] = '|';
    }
    out[at] = 0;
    return out;
}

/* A file as tuning reads it: `want`; training and vocabularies read the same without the brackets. */
static void expect(const char *name, const char *want)
{
    char path[160], flat[4096], text[4096];
    size_t n = 0;
    int32_t ids[4096];
    samples s = {0};
    tokens d = {0};
    table chunks = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (const char *p = want; *p; p++)
        if (!strchr("[]|", *p)) flat[n++] = *p;
    if (samples_add(&s, path, bytes_of, &form, 0))
        FAILED("%s", wkv_error());
    else
        EXPECT_STR(shown(&s), want);
    if (tokens_add(&d, path, &(text_form){bytes_of, form}))
        FAILED("%s", wkv_error());
    else {
        EXPECT_EQ(d.n, n);
        tokens_copy(&d, 0, d.n, ids);
        for (int i = 0; i < d.n; i++) text[i] = (char)ids[i];
        if ((size_t)d.n != n || memcmp(text, flat, n)) FAILED("%s: training reads %.*s", name, (int)d.n, text);
    }
    EXPECT_EQ(vocabulary_read(&chunks, path, &form, NULL), 0);
    samples_release(&s);
    tokens_release(&d);
    table_release(&chunks);
}

/* All three refuse it with the same sentence. */
static void refuses(const char *name, int code, const char *words)
{
    char path[160], first[1024];
    samples s = {0};
    tokens d = {0};
    table chunks = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    EXPECT_EQ(samples_add(&s, path, bytes_of, &form, 0), code);
    snprintf(first, sizeof first, "%s", wkv_error());
    EXPECT_HAS(first, name);
    EXPECT_HAS(first, words);
    EXPECT_EQ(tokens_add(&d, path, &(text_form){bytes_of, form}), code);
    EXPECT_STR(wkv_error(), first);
    EXPECT_EQ(vocabulary_read(&chunks, path, &form, NULL), code);
    EXPECT_STR(wkv_error(), first);
    samples_release(&s);
    tokens_release(&d);
    table_release(&chunks);
}

/* ---- spellings --------------------------------------------------------------------------------------------------- */

static const char asked[] = "User: Q?\n\nAssistant:[ A.\n\n]|";

static void pairs(void)
{
    static const char *const lines[] = {
        "{\"instruction\": \"Q?\", \"input\": \"\", \"output\": \"A.\", \"text\": \"the same in another template\"}",
        "{\"instruction\": \"Q?\", \"context\": \"\", \"response\": \"A.\", \"category\": \"open_qa\"}",
        "{\"prompt\": \"Q?\", \"completion\": \"A.\"}",
        "{\"prompt\": \"Q?\", \"response\": \"A.\"}",
        "{\"question\": \"Q?\", \"answer\": \"A.\", \"system\": \"\"}",
        "{\"question\": \"Q?\", \"response\": \"A.\"}",
        "{\"query\": \"Q?\", \"response\": \"A.\"}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        put("pair.jsonl", lines[i], strlen(lines[i]));
        expect("pair.jsonl", asked);
    }
    PUT("context.jsonl",
        "{\"question\": \"Q?\", \"context\": \"C\", \"answer\": \"A.\", \"system\": \"S\"}\n{\"text\": \"TT\"}");
    expect("context.jsonl", "System: S\n\nUser: Q?\nC\n\nAssistant:[ A.\n\n]|[TT]|");
    PUT("alpaca.json", "[\n  {\n    \"instruction\": \"Q?\",\n    \"input\": \"\",\n    \"output\": \"A.\"\n  }\n]\n");
    expect("alpaca.json", asked);
    PUT("one.json", "{\n  \"question\": \"Q?\",\n  \"answer\": \"A.\"\n}\n");
    expect("one.json", asked);
    PUT("other.jsonl", "{\"text\": \"fine\"}\n{\"title\": \"t\", \"body\": 5}\n");
    refuses("other.jsonl", WKV_EFORMAT,
            "line 2: no \"text\", no list of \"messages\", \"conversations\", \"conversation\", no \"instruction\" and "
            "\"output\", ");
    refuses("other.jsonl", WKV_EFORMAT, "\"query\" and \"response\"; its fields are: \"title\", \"body\" (--fields ");
}

static void conversations(void)
{
    static const char two[] = "System: S\n\nUser: Q?\n\nAssistant:[ A.\n\n]User: R?\n\nAssistant:[ B.\n\n]|";
    PUT("sharegpt.json", "[{\"id\": \"x\", \"conversations\": [{\"from\": \"system\", \"value\": \"S\"}, {\"from\": "
                         "\"human\", \"value\": \"Q?\"}, "
                         "{\"from\": \"gpt\", \"value\": \"A.\"}, {\"from\": \"human\", \"value\": \"R?\"}, {\"from\": "
                         "\"gpt\", \"value\": \"B.\"}]}]");
    expect("sharegpt.json", two);
    PUT("openai.jsonl",
        "{\"messages\": [{\"role\": \"developer\", \"content\": \"S\"}, {\"role\": \"user\", \"content\": [{\"type\": "
        "\"text\", "
        "\"text\": \"Q\"}, {\"type\": \"text\", \"text\": \"?\"}]}, {\"role\": \"assistant\", \"content\": \"A.\"}, "
        "{\"role\": "
        "\"user\", \"content\": [{\"text\": \"R?\"}]}, {\"role\": \"assistant\", \"content\": \"B.\"}]}");
    expect("openai.jsonl", two);
    PUT("beside.jsonl", "{\"system\": \"S\", \"conversations\": [{\"from\": \"user\", \"value\": \"Q?\"}, {\"from\": "
                        "\"assistant\", \"value\": \"A.\"}, "
                        "{\"from\": \"human\", \"value\": \"R?\"}, {\"from\": \"chatgpt\", \"value\": \"B.\"}, "
                        "{\"from\": \"human\", \"value\": \"last\"}]}");
    expect("beside.jsonl", two);
    PUT("bad.jsonl",
        "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\", \"image_url\": {}}]}]}");
    refuses("bad.jsonl", WKV_EFORMAT, "line 1: message 1 has a part of type \"image_url\"; expected text");
    PUT("bad.jsonl",
        "{\"conversations\": [{\"from\": \"human\", \"value\": \"a\"}, {\"from\": \"tool\", \"value\": \"a\"}]}");
    refuses("bad.jsonl", WKV_EFORMAT, "message 2 has the role \"tool\"");
    PUT("bad.jsonl", "{\"conversations\": []}");
    refuses("bad.jsonl", WKV_EFORMAT, "the conversation has no answer");
    PUT("bad.jsonl", "{\"conversations\": [\"hello\"]}");
    refuses("bad.jsonl", WKV_EFORMAT, "message 1 has no strings \"role\" and \"content\", or \"from\" and \"value\"");
}

static void named_fields(void)
{
    PUT("own.jsonl", "{\"Frage\": \"Q?\", \"Antwort\": \"A.\", \"Lage\": \"CC\", \"text\": \"no\"}");
    form.fields = "Frage,Antwort";
    expect("own.jsonl", asked);
    form.fields = "Frage,Antwort,Lage";
    expect("own.jsonl", "User: Q?\nCC\n\nAssistant:[ A.\n\n]|");
    form.fields = "Frage,Antwort,none"; /* a context may be missing */
    expect("own.jsonl", asked);
    form.fields = "Lage";
    expect("own.jsonl", "[CC]|");
    form.fields = "Frage,Reply";
    refuses("own.jsonl", WKV_EFORMAT, "line 1: no string \"Reply\" (--fields); its fields are: \"Frage\", \"Antwort\"");
    form.fields = "talk";
    PUT("list.jsonl", "{\"talk\": [{\"from\": \"human\", \"value\": \"Q?\"}, {\"from\": \"gpt\", \"value\": \"A.\"}]}");
    expect("list.jsonl", asked);
    form.fields = NULL;
    static const char *const bad[] = {"", ",", "a,", ",a", "a,,b", "a,b,c,d"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) EXPECT_EQ(conversation_check_fields(bad[i]), WKV_EARG);
    EXPECT_HAS(wkv_error(), "--fields 'a,b,c,d'");
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static void tables(void)
{
    PUT("a.csv", "id,question,answer\r\n1,Q?,A.\r\n\r\n2,\"R, \"\"S\"\"\r\nT\",\"\"\r\n");
    expect("a.csv", "User: Q?\n\nAssistant:[ A.\n\n]|User: R, \"S\"\nT\n\nAssistant:[ \n\n]|");
    PUT("b.CSV", "\xef\xbb\xbftext\n\"one\ntwo\"\nthree");
    expect("b.CSV", "[one\ntwo]|[three]|");
    PUT("c.csv", "prompt;completion\nQ?;A.\n");
    expect("c.csv", asked);
    PUT("d.tsv", "query\tresponse\nQ?\tA.\n");
    expect("d.tsv", asked);
    PUT("e.tab", "query\tresponse\n\"Q?\"\tA.");
    expect("e.tab", asked);
    PUT("bad.csv", "question,answer\nQ?,A.\n\"two\nlines\",B.\nR?,B.,C.\n");
    refuses("bad.csv", WKV_EFORMAT, "bad.csv: line 5: 3 fields, the first line has 2");
    PUT("bad.csv", "question,answer\nQ?\n");
    refuses("bad.csv", WKV_EFORMAT, "line 2: 1 fields, the first line has 2");
    PUT("bad.csv", "question,answer\nQ?,\"A.\n");
    refuses("bad.csv", WKV_EFORMAT, "line 2: a quote is not closed");
    PUT("bad.csv", "question,answer\nQ?,\"A\" B\n");
    refuses("bad.csv", WKV_EFORMAT, "line 2: text after a closing quote");
    PUT("bad.csv", "question,answer\nQ?,caf\xe9\n");
    refuses("bad.csv", WKV_EFORMAT, "line 2: the field \"answer\" is not UTF-8");
    PUT("bad.csv", "q,a\nQ?,A.\n");
    refuses("bad.csv", WKV_EFORMAT, "line 2: no \"text\"");
    refuses("bad.csv", WKV_EFORMAT, "its fields are: \"q\", \"a\"");
    PUT("bad.csv", "question,answer\n");
    refuses("bad.csv", WKV_EFORMAT, "contains no document");
}

/* ---- compressed -------------------------------------------------------------------------------------------------- */

static size_t gzipped(unsigned char out[512], const char *text, size_t n)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text, .avail_in = (uInt)n, .next_out = out, .avail_out = 512};
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return z.total_out;
}

static void gzip(void)
{
    static const char line[] = "{\"prompt\": \"Q?\", \"completion\": \"A.\"}\n";
    unsigned char bits[1024];
    size_t n = gzipped(bits, line, sizeof line - 1), all = n + gzipped(bits + n, line, sizeof line - 1);
    put("a.jsonl.gz", bits, n);
    expect("a.jsonl.gz", asked);
    put("a.JSONL.GZ", bits, all); /* two members */
    expect("a.JSONL.GZ", "User: Q?\n\nAssistant:[ A.\n\n]|User: Q?\n\nAssistant:[ A.\n\n]|");
    put("b.jsonl", bits, n); /* by its bytes, under any name */
    expect("b.jsonl", asked);
    put("c.jsonl.gz", line, sizeof line - 1); /* not compressed at all */
    expect("c.jsonl.gz", asked);
    put("cut.jsonl.gz", bits, n - 6);
    refuses("cut.jsonl.gz", WKV_EFORMAT, "is a truncated gzip file");
    put("cut.jsonl.gz", bits, all - 20);
    refuses("cut.jsonl.gz", WKV_EFORMAT, "is a truncated gzip file");
    bits[n - 8] ^= 1; /* the checksum */
    put("bad.jsonl.gz", bits, n);
    refuses("bad.jsonl.gz", WKV_EFORMAT, "is a damaged gzip file");
    n = gzipped(bits, "PAR1\0\0PAR1", 10);
    put("p.parquet.gz", bits, n);
    refuses("p.parquet.gz", WKV_EUNSUPPORTED, "is Parquet");
    n = gzipped(bits, "", 0);
    put("e.txt.gz", bits, n);
    refuses("e.txt.gz", WKV_EFORMAT, "is empty");
}

/* A frame of one block as it is, which names its size. */
static size_t zstd_frame(unsigned char *out, const char *text, size_t n)
{
    const unsigned char head[] = {
        0x28, 0xb5, 0x2f, 0xfd, 0x20, (unsigned char)n, (unsigned char)(n << 3 | 1), (unsigned char)(n >> 5), 0};
    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, text, n);
    return sizeof head + n;
}

static void zstd(void)
{
    static const char line[] = "{\"prompt\": \"Q?\", \"completion\": \"A.\"}\n";
    unsigned char bits[1024];
    size_t n = zstd_frame(bits, line, sizeof line - 1);
    char *text;
    size_t bytes;
    put("a.jsonl.zst", bits, n);
    if (textfile_read(&text, &bytes, in_folder("a.jsonl.zst")) == WKV_EUNSUPPORTED) {
        EXPECT_HAS(
            wkv_error(),
            "a.jsonl.zst: is compressed by zstd, but this wkv was built without libzstd; unpack it with zstd -d");
        SKIP("this build has no libzstd");
    }
    free(text);
    expect("a.jsonl.zst", asked);
    n += zstd_frame(bits + n, line, sizeof line - 1);
    put("b.jsonl.zst", bits, n);
    expect("b.jsonl.zst", "User: Q?\n\nAssistant:[ A.\n\n]|User: Q?\n\nAssistant:[ A.\n\n]|");
    put("cut.jsonl.zst", bits, n - 3);
    refuses("cut.jsonl.zst", WKV_EFORMAT, "is a truncated zstd file");
    bits[6] |= 6; /* a block of no kind */
    put("bad.jsonl.zst", bits, n);
    refuses("bad.jsonl.zst", WKV_EFORMAT, "is a damaged zstd file");
    static const unsigned char bomb[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x10, 3, 0, 0, 'a'};
    put("bomb.txt.zst", bomb, sizeof bomb);
    EXPECT_EQ(textfile_read(&text, &bytes, in_folder("bomb.txt.zst")), WKV_ENOMEM);
    EXPECT_HAS(wkv_error(), "bomb.txt.zst: unpacks to 1152921504606846976 bytes, but ");
    EXPECT_HAS(wkv_error(), " bytes of memory are free");
}

/* ---- strangers --------------------------------------------------------------------------------------------------- */

static void not_text(void)
{
    static const struct {
        const char *name, *bytes;
        size_t n;
        const char *words;
    } files[] = {
#define FILE_OF(name, bytes, words) {name, bytes, sizeof bytes - 1, words}
        FILE_OF("a.parquet", "PAR1\25\0\25",
                "is Parquet, expected text, .jsonl, .json, .csv or .tsv; run: python3 -c \"import pandas; "
                "pandas.read_parquet('"),
        FILE_OF("a.jsonl", "PAR1\25\0\25", "is Parquet"),
        FILE_OF("a.arrow", "ARROW1\0\0", "is an Arrow (Feather) file"),
        FILE_OF("b.arrow", "\xff\xff\xff\xff\x10\0\0\0", "is an Arrow stream"),
        FILE_OF("a.feather", "FEA1\0\0", "is a Feather file"),
        FILE_OF("a.h5", "\x89HDF\r\n\x1a\n\0", "is an HDF5 file"),
        FILE_OF("a.npy", "\x93NUMPY\1\0", "is a numpy array"),
        FILE_OF("a.zip", "PK\3\4\24\0\0\0\0\0stories.txt", "is a zip archive"),
        FILE_OF("a.docx", "PK\3\4\24\0\6\0[Content_Types].xml...PK\3\4word/document.xml", "is a Word document"),
        FILE_OF("a.xlsx", "PK\3\4\24\0\6\0[Content_Types].xml...PK\3\4xl/workbook.xml", "is an Excel table"),
        FILE_OF("a.epub", "PK\3\4\24\0\6\0mimetypeapplication/epub+zip", "is an EPUB"),
        FILE_OF("a.pth", "PK\3\4\0\0\10\10archive/data.pkl", "is a checkpoint of PyTorch"),
        FILE_OF("a.7z", "7z\xbc\xaf\x27\x1c\0\4", "is a 7z archive"),
        FILE_OF("a.jsonl.xz", "\xfd\x37zXZ\0\0\4",
                "is compressed by xz, expected text, .jsonl, .json, .csv or .tsv; run: xz -dk '"),
        FILE_OF("a.jsonl.bz2", "BZh91AY&SY\xb1\x10", "is compressed by bzip2"),
        FILE_OF("a.db", "SQLite format 3\0\20\0", "is an SQLite database"),
        FILE_OF("a.pdf", "%PDF-1.4\n%", "is a PDF"),
        FILE_OF("a.rtf", "{\\rtf1\\ansi Hello}", "is RTF"),
        FILE_OF("a.png", "\x89PNG\r\n\x1a\n\0\0", "is a picture (PNG)"),
        FILE_OF("a.jpg", "\xff\xd8\xff\xe0\0\20JFIF", "is a picture (JPEG)"),
        FILE_OF("a.gif", "GIF89a\1\0\1\0", "is a picture (GIF)"),
        FILE_OF("a.gguf", "GGUF\3\0\0\0", "is a model (GGUF)"),
        FILE_OF("a.safetensors", "\x40\0\0\0\0\0\0\0{\"__metadata__\":{}}", "is a model (safetensors)"),
        FILE_OF("a.pkl", "\x80\4\x95\0\0", "is a pickle of Python"),
        FILE_OF("b.jsonl", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
                "is a git-lfs pointer"),
        FILE_OF("a.txt", "\xff\xfeH\0i\0",
                "is text in UTF-16, expected text, .jsonl, .json, .csv or .tsv; run: iconv -f UTF-16 -t UTF-8 '"),
        FILE_OF("b.txt", "\xfe\xff\0H\0i", "is text in UTF-16"),
        FILE_OF("c.txt", "\xff\xfe\0\0H\0\0\0", "is text in UTF-32"),
        FILE_OF("d.txt", "H\0e\0l\0l\0o\0 \0", "is text in UTF-16 without a byte order mark"),
        FILE_OF("e.doc", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a document of an older Office"),
#undef FILE_OF
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        put(files[i].name, files[i].bytes, files[i].n);
        refuses(files[i].name, WKV_EUNSUPPORTED, files[i].words);
    }
    /* words with which those files begin may begin a text, too */
    static const char *const texts[] = {
        "PAR1 is a word.", "GIF89a is a format.", "BZh91AY&SY", "RIFF and rhythm", "ID3 tags", "MM"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char want[64];
        snprintf(want, sizeof want, "[%s]|", texts[i]);
        put("word.txt", texts[i], strlen(texts[i]));
        expect("word.txt", want);
    }
}

static void binary(void)
{
    PUT("zero.txt", "some text\0and more");
    refuses("zero.txt", WKV_EFORMAT, "zero.txt: byte 9 is 0; the file is binary");
    put("zero.jsonl", "{\"text\": \"a\"}\n\0", 15);
    refuses("zero.jsonl", WKV_EFORMAT, "byte 14 is 0");
    char text[2000];
    for (int i = 0; i < 2000; i++) text[i] = i % 90 ? 'a' : '\xe9';
    put("latin.txt", text, sizeof text); /* 23 in 2,000 */
    refuses("latin.txt", WKV_EFORMAT, "latin.txt: 23 of its 2000 bytes are not valid UTF-8");
    for (int i = 0; i < 2000; i++) text[i] = i % 110 ? 'a' : '\xe9';
    put("few.txt", text, sizeof text); /* 19 */
    char *read;
    size_t n;
    EXPECT_EQ(textfile_read(&read, &n, in_folder("few.txt")), 0);
    EXPECT_EQ(n, 2000);
    free(read);
    PUT("short.txt", "\xe9\xe9\xe9");
    EXPECT_EQ(textfile_read(&read, &n, in_folder("short.txt")), 0);
    free(read);
    put("empty.txt", "", 0);
    refuses("empty.txt", WKV_EFORMAT, "empty.txt: is empty");
    PUT("mark.txt", "\xef\xbb\xbf");
    refuses("mark.txt", WKV_EFORMAT, "mark.txt: is empty");
    PUT("mark.txt", "\xef\xbb\xbfhi");
    expect("mark.txt", "[hi]|");
    PUT("blank.jsonl", "\n  \n");
    refuses("blank.jsonl", WKV_EFORMAT, "contains no document");
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

static void folders(void)
{
    folder_create(in_folder("many"), 0777);
    PUT("many/a.txt", "AA");
    PUT("many/b.json", "[{\"text\": \"BB\"}]");
    PUT("many/c.csv", "text\nCC\n");
    PUT("many/d.ndjson", "{\"text\": \"DD\"}\n");
    unsigned char bits[512];
    put("many/e.tsv.gz", bits, gzipped(bits, "text\nEE\n", 8));
    expect("many", "[AA]|[BB]|[CC]|[DD]|[EE]|");
    PUT("many/data-00001.parquet", "PAR1\0");
    PUT("many/README.md", "About");
    put("many/f.txt", "", 0);
    PUT("many/.hidden", "");
    tokens d = {0};
    EXPECT_EQ(tokens_add(&d, in_folder("many"), &(text_form){bytes_of, form}), 0);
    EXPECT_EQ(d.n, 10);
    EXPECT_EQ(d.over.n, 3);
    EXPECT_STR(d.over.first, "README.md");
    tokens_release(&d);
    folder_create(in_folder("none"), 0777);
    PUT("none/a.parquet", "PAR1\0");
    refuses(
        "none", WKV_EARG,
        "the folder has no file with the extension .txt, .jsonl, .json, .csv, .tsv (also with .gz or .zst) or .idx");
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

static void sizes_suit_the_text(void)
{
    static const struct {
        int64_t tokens;
        int layers, width, context, steps;
    } want[] = {
        {500, 2, 64, 64, 100}, {100000, 3, 128, 128, 0}, {1000000, 4, 192, 256, 0}, {100000000, 6, 256, 512, 5000}};
    for (int i = 0; i < 4; i++) {
        wkv_train_options o = {0};
        EXPECT_EQ(settings_suit(&o, want[i].tokens), 1);
        EXPECT_EQ(o.layers, want[i].layers);
        EXPECT_EQ(o.width, want[i].width);
        EXPECT_EQ(o.context, want[i].context);
        if (want[i].steps) EXPECT_EQ(o.steps, want[i].steps);
    }
    wkv_train_options o = {.width = 512, .steps = 7, .context = 10};
    settings_suit(&o, 1000); /* given options stay */
    EXPECT(o.width == 512 && o.steps == 7 && o.context == 10 && o.layers == 2);
    EXPECT_NEAR(o.lr_init, 8e-4, 1e-9);
    o = (wkv_train_options){.init = "model"};
    EXPECT_EQ(settings_suit(&o, 1000), 0);
    EXPECT_EQ(o.steps, 0);
}

static wkv_train_plan planned;

static int keep_plan(void *user, const wkv_train_plan *p)
{
    planned = *p;
    return user != NULL; /* stop */
}

/* --save-type pth: training and tuning leave a .pth that opens, with the vocabulary it needs beside it. */
static void saved_as_pth(void)
{
    char run[200], tuned[200], path[260];
    snprintf(run, sizeof run, "%s/run", folder);
    snprintf(tuned, sizeof tuned, "%s/tuned", folder);
    PUT("run.txt", "once upon a time there was a king, and once upon a time there was a queen, and there was a time "
                   "once upon a king");
    char text[160];
    snprintf(text, sizeof text, "%s", in_folder("run.txt"));
    const char *data[] = {text, NULL};
    wkv_train_options o = {.data = data,
                           .out = run,
                           .layers = 1,
                           .width = 32,
                           .head_size = 32,
                           .context = 8,
                           .batch = 1,
                           .steps = 2,
                           .vocab = "300",
                           .threads = 1,
                           .save_type = "pth"};
    if (wkv_train(&o)) FAILED("%s", wkv_error());
    static const char *const names[] = {"run/final.pth", "run/best.pth", "tuned/final.pth"};
    snprintf(path, sizeof path, "%s/final.pth", run);
    wkv_train_options t = {.init = path,
                           .data = data,
                           .out = tuned,
                           .method = "full",
                           .samples = 1,
                           .save_type = "pth",
                           .steps = 2,
                           .context = 16,
                           .threads = 1};
    if (wkv_train(&t)) FAILED("%s", wkv_error());
    for (int i = 0; i < 3; i++) {
        wkv_model *m = NULL;
        wkv_tokenizer *vocab = NULL;
        if (wkv_model_open(&m, in_folder(names[i]), NULL) || wkv_tokenizer_open(&vocab, NULL, m))
            FAILED("%s: %s", names[i], wkv_error());
        wkv_tokenizer_close(vocab);
        wkv_model_close(m);
    }
    EXPECT(!entry_exists(in_folder("run/final.safetensors")));
    EXPECT_EQ(wkv_train(&o), WKV_EARG); /* and it is not replaced */
    EXPECT_EQ(wkv_train(&t), WKV_EARG);
    EXPECT_HAS(wkv_error(), "the folder has a run");
    o.save_type = "f16";
    EXPECT_EQ(wkv_train(&o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "--save-type f16: expected bf16, f32 or pth");
    snprintf(tuned, sizeof tuned, "%s/lora", folder);
    t.method = "lora";
    EXPECT_EQ(wkv_train(&t), WKV_EARG);
    EXPECT_HAS(wkv_error(), "--save-type is for --method full");
}

/* Twenty examples get 120 steps; the plan has time and memory. */
static void few_examples(void)
{
    char lines[2000] = "", path[260], out[200];
    for (int i = 0; i < 20; i++)
        sprintf(lines + strlen(lines), "{\"prompt\": \"What is %d?\", \"completion\": \"Ahoy.\"}\n", i);
    put("few.jsonl", lines, strlen(lines));
    snprintf(path, sizeof path, "%s", in_folder("run/final.pth"));
    snprintf(out, sizeof out, "%s/few", folder);
    char few[200];
    snprintf(few, sizeof few, "%s", in_folder("few.jsonl"));
    const char *data[] = {few, NULL};
    wkv_train_options t = {.init = path,
                           .method = "lora",
                           .samples = 1,
                           .data = data,
                           .out = out,
                           .threads = 1,
                           .plan = keep_plan,
                           .user = &planned};
    EXPECT_EQ(wkv_train(&t), WKV_ESTOPPED);
    EXPECT_EQ(planned.samples, 20);
    EXPECT_EQ(planned.steps, 120);
    EXPECT_EQ(planned.warmup, 10);
    EXPECT_EQ(planned.batch, 8);
    EXPECT(planned.tokens_per_second > 0 && planned.seconds > 0 && planned.work_bytes > 0 &&
           planned.available_bytes > 0);
    t.epochs = 2;
    wkv_train(&t);
    EXPECT_EQ(planned.steps, 6);
    EXPECT_EQ(planned.warmup, 0);
}

int main(void)
{
    folder_begin("data-forms");
    if (wkv_tokenizer_open(&bytes_of, "bytes", NULL) || wkv_template_find(&form.chat, "g1", NULL, NULL)) return 1;
    RUN(pairs);
    RUN(conversations);
    RUN(named_fields);
    RUN(tables);
    RUN(gzip);
    RUN(zstd);
    RUN(not_text);
    RUN(binary);
    RUN(folders);
    RUN(sizes_suit_the_text);
    RUN(saved_as_pth);
    RUN(few_examples);
    wkv_tokenizer_close(bytes_of);
    folder_end();
    return DONE();
}
