/* fetch.h - downloads, by the system's curl. */
#ifndef WKV_CLI_FETCH_H
#define WKV_CLI_FETCH_H

#include <stddef.h>

/* Download `url` to path.part, which the next call resumes, and rename it to `path` when complete. The length is
 * compared with the server's, the SHA-256 with the server's (huggingface.co sends one) and with `sha256` (NULL:
 * unknown). A complete file at `path` is checked instead of downloaded. Returns the exit status: 0, 1 after an error
 * message, 130 after Ctrl-C. */
int fetch_file(const char *url, const char *path, const char *sha256);

/* The text at `url`, at most 16 MB, zero-terminated; the caller frees it. The same exit status. */
int fetch_text(char **text, const char *url);

/* 64 hexadecimal digits. */
int is_sha256(const char *text);

#endif
