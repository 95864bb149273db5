/* problem.c - errors in OpenAI's shape. */
#include "problem.h"
#include "wkv.h"
#include <stdarg.h>
#include <stdio.h>

int refuse(problem *p, int status, const char *param, const char *code, const char *fmt, ...)
{
    va_list args;
    p->status = status;
    p->code = code;
    snprintf(p->param, sizeof p->param, "%s", param ? param : "");
    va_start(args, fmt);
    vsnprintf(p->message, sizeof p->message, fmt, args);
    va_end(args);
    return -1;
}

int refuse_library(problem *p, int err, const char *param)
{
    const int status = err == WKV_EARG           ? 400
                       : err == WKV_EUNSUPPORTED ? 501
                       : err == WKV_ECONFLICT    ? 409
                       : err == WKV_ENOMEM       ? 503
                                                 : 500;
    if (err == WKV_ENOMEM) return refuse(p, status, param, "out_of_memory", "no memory for the request");
    return refuse(p, status, param, NULL, "%s", wkv_error());
}

static const char *type_of(int status)
{
    switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 409: return "conflict_error";
    case 429: return "rate_limit_error";
    case 501: return "unsupported_error";
    default: return status < 500 ? "invalid_request_error" : "server_error";
    }
}

void problem_write(out *o, const problem *p)
{
    out_text(o, "{\"error\": {\"message\": ");
    out_quoted(o, p->message);
    out_format(o, ", \"type\": \"%s\", \"param\": ", type_of(p->status));
    out_quoted(o, *p->param ? p->param : NULL);
    out_text(o, ", \"code\": ");
    out_quoted(o, p->code);
    out_text(o, "}}");
}
