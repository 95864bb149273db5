/* held.c - states that the client holds. */
#include "held.h"
#include "wkv_file.h"
#include "wkv_store.h"
#include "base/platform/descriptor.h"
#include "base/platform/system.h"
#include <errno.h>
#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEADER = 16, CODE = 32, PATH_ROOM = 4096 };
static const char mark[] = "wkvheld1";

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static int from_hex(char to[32], const char *line)
{
    if (strspn(line, "0123456789abcdefABCDEF") < 64) return -1;
    for (int i = 0; i < 32; i++) {
        const char digits[3] = {line[2 * i], line[2 * i + 1], 0};
        to[i] = (char)strtol(digits, NULL, 16);
    }
    return 0;
}

static int read_keys(server *s, const char *path)
{
    char *text;
    size_t bytes;
    if (wkv_file_read(&text, &bytes, path)) {
        fprintf(stderr, "wkv: %s\n", wkv_error());
        return 1;
    }
    for (char *line = text; line && *line && s->n_secrets < 2; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (*line && !from_hex(s->secret[s->n_secrets], line)) s->n_secrets++;
    }
    memset(text, 0, bytes);
    free(text);
    if (s->n_secrets) return 0;
    fprintf(stderr, "wkv: %s: has no key; expected one or two lines of 64 hexadecimal digits\n", path);
    return 1;
}

/* A new key in a file of its own: another server that makes one at the same time is first, or second. Without a path,
 * or where it cannot be written, the key is that of this server until it ends. */
static int make_keys(server *s, const char *path)
{
    unsigned char key[32];
    char text[66];
    if (system_random(key, sizeof key)) return 1;
    for (int i = 0; i < 32; i++) snprintf(text + 2 * i, 3, "%02x", key[i]);
    text[64] = '\n';
    const int fd = path ? descriptor_open(path, OPEN_NEW, 0600) : -1;
    if (path && fd < 0 && errno == EEXIST) return read_keys(s, path);
    const int written = fd >= 0 && descriptor_write(fd, text, 65) == 65;
    if (fd >= 0 && (descriptor_close(fd) || !written)) entry_remove(path);
    if (written) return read_keys(s, path);
    memcpy(s->secret[0], key, sizeof key);
    s->n_secrets = 1;
    return 0;
}

int held_open(server *s)
{
    char folder[PATH_ROOM - 16], path[PATH_ROOM];
    const char *own = s->o.secret_file, *store = s->o.store;
    if (own) return read_keys(s, own);
    const int in_folder = store && !wkv_store_is_shared(store);
    if (in_folder ? strlen(store) >= sizeof folder : !wkv_store_folder(folder, sizeof folder))
        return make_keys(s, NULL);
    if (in_folder) strcpy(folder, store);
    wkv_file_make_folders(folder, 0700);
    snprintf(path, sizeof path, "%s/secret", folder);
    return entry_exists(path) ? read_keys(s, path) : make_keys(s, path);
}

/* The code of `bytes` bytes behind the header, by one of the keys. */
static void sign(unsigned char code[CODE], const char key[32], const unsigned char header[HEADER], const char *tenant,
                 const char *data, size_t bytes)
{
    struct hmac_sha256_ctx c;
    hmac_sha256_set_key(&c, 32, (const uint8_t *)key);
    hmac_sha256_update(&c, HEADER, header);
    hmac_sha256_update(&c, strlen(tenant) + 1, (const uint8_t *)tenant);
    hmac_sha256_update(&c, bytes, (const uint8_t *)data);
    hmac_sha256_digest(&c, CODE, code);
}

/* ---- out --------------------------------------------------------------------------------------------------------- */

int held_put(out *o, const engine *e, const char *tenant, const wkv_session *s, problem *p)
{
    char *data;
    unsigned char head[HEADER + CODE]; /* 48 bytes, a multiple of 3: its base64 and that of the file join */
    size_t bytes;
    const int err = wkv_session_save_memory(&data, &bytes, s, e->context, e->how->name);
    if (err) return refuse_library(p, err, "return_state");
    memcpy(head, mark, 8);
    const uint64_t now = (uint64_t)time(NULL);
    for (int i = 0; i < 8; i++) head[8 + i] = (unsigned char)(now >> (8 * i));
    sign(head + HEADER, e->server->secret[0], head, tenant, data, bytes);
    out_text(o, "\"");
    out_base64(o, head, sizeof head);
    out_base64(o, data, bytes);
    out_text(o, "\"");
    free(data);
    return o->failed ? refuse(p, 503, "return_state", "out_of_memory", "no memory for a state of %zu bytes", bytes) : 0;
}

/* ---- in ---------------------------------------------------------------------------------------------------------- */

static int verify(const server *s, const unsigned char *held, size_t n, const char *tenant)
{
    unsigned char code[CODE];
    int known = 0;
    if (n < HEADER + CODE || memcmp(held, mark, 8)) return 0;
    for (int i = 0; i < s->n_secrets; i++) {
        sign(code, s->secret[i], held, tenant, (const char *)held + HEADER + CODE, n - HEADER - CODE);
        known |= memeql_sec(code, held + HEADER, CODE);
    }
    return known;
}

/* The bytes of a text, in memory that the caller frees; NULL: no base64, or no memory. */
static unsigned char *decode(size_t *n, const char *text, size_t bytes)
{
    struct base64_decode_ctx c;
    unsigned char *held = malloc(BASE64_DECODE_LENGTH(bytes) + 1);
    base64_decode_init(&c);
    *n = BASE64_DECODE_LENGTH(bytes);
    if (held && base64_decode_update(&c, n, held, bytes, text) && base64_decode_final(&c)) return held;
    free(held);
    return NULL;
}

static int load(wkv_session **s, const engine *e, const unsigned char *data, size_t bytes)
{
    wkv_state_file *f;
    int err = wkv_state_file_open_memory(&f, data, bytes, "the state");
    if (err) return err;
    err = wkv_session_load(s, f, e->context, e->tokenizer);
    wkv_state_file_close(f);
    return err;
}

int held_take(wkv_session **s, const engine *e, const char *tenant, const char *text, size_t bytes, problem *p)
{
    size_t n;
    *s = NULL;
    unsigned char *held = decode(&n, text, bytes);
    if (!held || !verify(e->server, held, n, tenant)) {
        free(held);
        return refuse(p, 400, "state", "invalid_state",
                      "state is not one that this server gave for this key, or its secret has changed");
    }
    const int err = load(s, e, held + HEADER + CODE, n - HEADER - CODE);
    free(held);
    return err ? refuse_library(p, err == WKV_EFORMAT ? WKV_EARG : err, "state") : 0;
}
