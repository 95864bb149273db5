/* problem.h - a request that is refused: the status and the error object that OpenAI's clients expect. */
#ifndef WKV_SERVE_PROBLEM_H
#define WKV_SERVE_PROBLEM_H

#include "out.h"

typedef struct {
    int status;       /* 400, 404, 429, 501 ...; 0: none              */
    char param[64];   /* the field of the request, "": none           */
    const char *code; /* a short word for programs, NULL: none        */
    char message[512];
} problem;

/* Fill in and return -1. param and code may be NULL. */
int refuse(problem *p, int status, const char *param, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* A failure of the library: 400 for arguments that came from the request, 501, 409, 503, else 500. The message is
 * wkv_error(), except without memory, where the failure may be the server's own and wkv_error() an older one. */
int refuse_library(problem *p, int err, const char *param);

/* {"error": {"message": ..., "type": ..., "param": ..., "code": ...}} */
void problem_write(out *o, const problem *p);

#endif
