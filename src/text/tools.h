/* tools.h - the functions of wkv_tools.h for the rest of the library. */
#ifndef WKV_TEXT_TOOLS_H
#define WKV_TEXT_TOOLS_H

#include "wkv_tools.h"
#include <jansson.h>

typedef struct {
    const char *name, *description; /* description may be "" */
    const json_t *parameters;       /* a schema; NULL: none  */
    int strict;                     /* a schema that is not supported is refused */
} tool;

struct wkv_tools {
    json_t *root; /* owns the texts */
    tool *at;
    int n;
};

#endif
