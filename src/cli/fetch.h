/* fetch.h - downloads, by the system's curl. */
#ifndef WKV_CLI_FETCH_H
#define WKV_CLI_FETCH_H

#include <stddef.h>

/* Download `url` to `path`: into path.part, which the next call resumes, renamed when complete. The length is compared
 * with the server's, the SHA-256 with the server's (huggingface.co sends one) and with `sha256`, NULL: none known. A
 * complete file at `path` is checked instead of downloaded. Returns the exit status: 0, 1 after the sentence, 130 after
 * Ctrl-C. */
int fetch_file(const char *url, const char *path, const char *sha256);

/* The text behind `url`, at most 16 MB, with a zero byte behind it; the caller frees it. The same exit status. */
int fetch_text(char **text, const char *url);

/* 64 hexadecimal digits. */
int is_sha256(const char *text);

#endif
