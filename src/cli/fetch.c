/* fetch.c - downloads: curl transfers the data; this file handles resuming, lengths and checksums. */
#include "fetch.h"
#include "say.h"
#include "base/platform/child.h"
#include "base/platform/descriptor.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { INTERRUPTED = 130, TEXT_MOST = 16 << 20, ARGUMENTS = 32, ATTEMPTS = 100 };

/* ---- other programs ---------------------------------------------------------------------------------------------- */

/* Run a program found in PATH, without a shell. `text` receives its output (the caller frees it); NULL discards it.
 * Returns its exit status, CHILD_MISSING when there is no such program; Ctrl-C ends it: INTERRUPTED. Its error message
 * is ours; a terminal gets curl's progress. */
static int run_program(const char *const *argv, char **text)
{
    child c;
    if (child_start(&c, argv, text != NULL, on_terminal(2))) return CHILD_FAILED;
    size_t n = 0, capacity = 0;
    char *all = NULL;
    while (c.output && n < TEXT_MOST) {
        if (capacity - n < 4097) {
            char *more = realloc(all, capacity = 2 * capacity + 8192);
            if (!more) break;
            all = more;
        }
        const size_t got = fread(all + n, 1, 4096, c.output);
        n += got;
        if (got) continue;
        if (!ferror(c.output) || errno != EINTR || interrupted) break;
        clearerr(c.output);
    }
    if (all) all[n] = 0;
    int status = child_wait(&c, &interrupted);
    if (interrupted) status = INTERRUPTED;
    if (status < 0) status = CHILD_FAILED;
    if (text && !status && all)
        *text = all;
    else
        free(all);
    return text && !status && !all ? CHILD_FAILED : status;
}

/* ---- curl -------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *at[ARGUMENTS];
    int n;
} arguments;

static void give(arguments *a, const char *text)
{
    if (a->n < ARGUMENTS - 1) a->at[a->n++] = text;
}

static void begin(arguments *a, const char *url)
{
    *a = (arguments){0};
    static const char *const common[] = {"curl", "--location", "--globoff", "--connect-timeout", "20"};
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) give(a, common[i]);
    give(a, "--proto"); /* a redirection must not downgrade from TLS or leave the network */
    give(a, strncmp(url, "https:", 6) ? "=http,https" : "=https");
    give(a, "--url");
    give(a, url);
}

static int run_curl(const arguments *a, char **text) { return run_program(a->at, text); }

/* Why curl failed: the codes of curl(1), EXIT CODES. */
static const char *reason(int code)
{
    switch (code) {
    case 5:
    case 6: return "the host's name cannot be resolved (no network?)";
    case 7: return "cannot connect to the host (no network?)";
    case 18: return "the connection ended early";
    case 22: return "the server refuses";
    case 23: return "the file cannot be written (disk full?)";
    case 28: return "the server did not answer in time";
    case 35:
    case 60: return "TLS failed: no trusted certificate";
    case 52:
    case 56: return "the connection broke";
    case CHILD_MISSING: return "the program curl is not installed";
    default: return NULL;
    }
}

static long long size_of(const char *path)
{
    entry_info about;
    return entry_read(&about, path) ? -1 : (long long)about.bytes;
}

/* Print the error message and an equivalent curl command. */
static int failed(const char *url, const char *path, const char *part, int code)
{
    const char *why = reason(code);
    char number[32];
    snprintf(number, sizeof number, "curl failed with status %d", code);
    complain("%s: %s%s", url, why ? why : number, size_of(part) > 0 ? "; the same command resumes" : "");
    fprintf(stderr, "Try: curl -L --fail -C - -o '%s' '%s'\n", path, url);
    return 1;
}

/* ---- headers ----------------------------------------------------------------------------------------------------- */

typedef struct {
    int status;      /* HTTP status of the last response, after redirections */
    long long bytes; /* -1: not announced */
    char sha256[65]; /* "": not announced */
} announcement;

int is_sha256(const char *text)
{
    size_t n = strspn(text, "0123456789abcdefABCDEF");
    return n == 64 && !text[n];
}

static void header(announcement *a, const char *line, int *linked)
{
    static const char linked_tag[] = "x-linked-etag:", linked_size[] = "x-linked-size:", length[] = "content-length:";
    int status;
    if (sscanf(line, "HTTP/%*s %d", &status) == 1) {
        a->status = status;
        if (!*linked) a->bytes = -1;
    } else if (!strncasecmp(line, linked_tag, sizeof linked_tag - 1)) {
        char tag[80] = "";
        sscanf(line + sizeof linked_tag - 1, " \"%79[0-9a-fA-F]\"", tag);
        if (is_sha256(tag)) snprintf(a->sha256, sizeof a->sha256, "%s", tag);
    } else if (!strncasecmp(line, linked_size, sizeof linked_size - 1)) {
        if (sscanf(line + sizeof linked_size - 1, "%lld", &a->bytes) == 1) *linked = 1;
    } else if (!*linked && a->status == 200 && !strncasecmp(line, length, sizeof length - 1))
        sscanf(line + sizeof length - 1, "%lld", &a->bytes);
}

/* The server's answer to HEAD. huggingface.co sends size and SHA-256 of the file in the redirection to its storage. */
static int ask(announcement *a, const char *url)
{
    arguments c;
    begin(&c, url);
    static const char *const more[] = {"--silent", "--head", "--max-time", "60"};
    for (int i = 0; i < 4; i++) give(&c, more[i]);
    char *text = NULL;
    *a = (announcement){.bytes = -1};
    int code = run_curl(&c, &text), linked = 0;
    if (code) return code;
    for (char *line = text, *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        if (*end) *end++ = 0;
        header(a, line, &linked);
    }
    free(text);
    return 0;
}

/* ---- checksums --------------------------------------------------------------------------------------------------- */

/* SHA-256 of a file, by the system's program. Returns 0, CHILD_MISSING without such a program, INTERRUPTED, or 126. */
static int hash(char out[65], const char *path)
{
    const char *const ways[2][5] = {{"sha256sum", "--", path, NULL}, {"shasum", "-a", "256", path, NULL}};
    int code = CHILD_MISSING;
    for (int i = 0; i < 2 && code == CHILD_MISSING; i++) {
        char *text = NULL;
        code = run_program(ways[i], &text);
        if (code) continue;
        const char *digits = text + (*text == '\\'); /* sha256sum prefixes escaped names with a backslash */
        snprintf(out, 65, "%s", digits);
        free(text);
        if (!is_sha256(out)) code = 126;
    }
    return code;
}

/* Compare the SHA-256 of a complete file with `expected` ("" or NULL: unknown). Returns the exit status; sets *wrong on
 * a mismatch. */
static int verify(const char *path, const char *expected, int required, int *wrong)
{
    char actual[65];
    *wrong = 0;
    if (!expected || !*expected) return 0;
    note("checking the SHA-256 of %s", path);
    int code = hash(actual, path);
    if (code == INTERRUPTED) return INTERRUPTED;
    if (code && !required) {
        note("SHA-256 not checked: sha256sum and shasum are missing");
        return 0;
    }
    if (code) return complain("%s: SHA-256 not checked: sha256sum and shasum are missing", path);
    if (!strcasecmp(actual, expected)) return 0;
    *wrong = 1;
    return complain("%s: SHA-256 is %s, expected %s", path, actual, expected);
}

/* ---- one file ---------------------------------------------------------------------------------------------------- */

/* Check the disk space for the bytes still to be downloaded. */
static int check_disk(const char *part, long long bytes)
{
    char a[16], b[16];
    long long missing = bytes - size_of(part);
    const double available = entry_disk_free(part);
    if (bytes < 0 || available < 0 || (double)missing <= available) return 0;
    return complain("%s: %s remain to be downloaded, the disk has %s free; choose another folder with WKV_MODELS", part,
                    as_bytes(a, (double)missing), as_bytes(b, available));
}

/* One run of curl, starting at the end of the part file. */
static int transfer(const char *url, const char *part)
{
    arguments c;
    begin(&c, url);
    static const char *const more[] = {"--fail", "--retry",       "3", "--speed-limit", "100", "--speed-time",
                                       "60",     "--continue-at", "-"};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) give(&c, more[i]);
    give(&c, on_terminal(2) && !say_quiet ? "--progress-bar" : "--silent");
    give(&c, "--output");
    give(&c, part);
    return run_curl(&c, NULL);
}

/* Transfer until the file is complete; a broken connection is resumed as long as each run adds bytes. */
static int transfer_all(const char *url, const char *path, const char *part, const announcement *a, int fd)
{
    int code = 0;
    for (int i = 0; i < ATTEMPTS; i++) {
        long long before = size_of(part);
        if (a->bytes >= 0 && before == a->bytes) return 0;
        if (a->bytes >= 0 && before > a->bytes && descriptor_truncate(fd, 0))
            return complain("%s: %s", part, strerror(errno));
        code = transfer(url, part);
        if (!code) return 0;
        if (code == INTERRUPTED) return code;
        if (code == 33 && before > 0) { /* the server cannot resume */
            if (descriptor_truncate(fd, 0)) return complain("%s: %s", part, strerror(errno));
            continue;
        }
        if (size_of(part) <= before) break;
    }
    return failed(url, path, part, code);
}

static int refused(const char *url, int status)
{
    if (status == 404 || status == 410)
        return complain(
            "%s: the server has no such file (HTTP %d); repositories replace older files; wkv pull OWNER/NAME lists "
            "the current ones",
            url, status);
    if (status == 401 || status == 403)
        return complain("%s: the server refuses (HTTP %d): no such repository, or one that needs an account", url,
                        status);
    return 0; /* some servers refuse HEAD but allow GET */
}

static int already(const char *path, const announcement *a, const char *sha256)
{
    long long bytes = size_of(path);
    int wrong;
    if (a->bytes >= 0 && bytes != a->bytes)
        return complain("%s: the existing file has %lld bytes, the server's has %lld; move or delete it", path, bytes,
                        a->bytes);
    note("%s exists already", path);
    return verify(path, sha256 ? sha256 : a->sha256, sha256 != NULL, &wrong);
}

/* Rename the complete part file once length and checksum match; delete it if they do not. */
static int finish(const char *path, const char *part, const announcement *a, const char *sha256)
{
    long long bytes = size_of(part);
    int wrong = a->bytes >= 0 && bytes != a->bytes, status = 0;
    if (wrong) status = complain("%s: has %lld bytes, the server announced %lld", part, bytes, a->bytes);
    if (!status) status = verify(part, a->sha256, 0, &wrong);
    if (!status && sha256 && strcasecmp(sha256, a->sha256)) status = verify(part, sha256, 1, &wrong);
    if (wrong) {
        entry_remove(part);
        note("%s is deleted; the same command downloads it again", part);
    }
    if (!status && entry_rename(part, path)) status = complain("%s: cannot be renamed: %s", part, strerror(errno));
    return status;
}

int fetch_file(const char *url, const char *path, const char *sha256)
{
    announcement a;
    char part[4200];
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return complain("%s: the path is too long", path);
    int code = ask(&a, url);
    if (code == INTERRUPTED) return code;
    if (code) return failed(url, path, part, code);
    if (!*a.sha256 && refused(url, a.status)) return 1;
    if (size_of(path) >= 0) return already(path, &a, sha256);
    int fd = descriptor_open(part, OPEN_UPDATE, 0644);
    if (fd < 0) return complain("%s: %s", part, strerror(errno));
    int status = 0;
    if (descriptor_lock(fd, 0))
        status = complain("%s: another wkv pull is downloading it", part);
    else {
        status = check_disk(part, a.bytes);
        if (!status) status = transfer_all(url, path, part, &a, fd);
        if (!status) status = finish(path, part, &a, sha256);
        if (size_of(part) == 0) entry_remove(part);
        if (status == INTERRUPTED) note("%s is kept; the same command resumes it", part);
    }
    descriptor_close(fd);
    return status;
}

int fetch_text(char **text, const char *url)
{
    arguments c;
    begin(&c, url);
    static const char *const more[] = {"--silent", "--fail", "--max-time", "60"};
    for (int i = 0; i < 4; i++) give(&c, more[i]);
    *text = NULL;
    int code = run_curl(&c, text);
    if (!code || code == INTERRUPTED) return code;
    if (code == 22) return complain("%s: the server refuses: no such repository, or one that needs an account", url);
    return complain("%s: %s", url, reason(code) ? reason(code) : "curl failed");
}
