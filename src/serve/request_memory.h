/* request_memory.h - the readers of the dialects share a beginning, and memory that lasts as long as the request. */
#ifndef WKV_SERVE_REQUEST_MEMORY_H
#define WKV_SERVE_REQUEST_MEMORY_H

#include "request.h"

int request_begin(request *r, const char *body, size_t bytes, problem *p);
int request_settings(request *r, problem *p); /* the fields that generation of any dialect has, from r->body */
int request_tools(request *r, problem *p);    /* tools, tool_choice, parallel_tool_calls */
int request_format(request *r, problem *p);   /* response_format */
/* The tool_calls of a message as JSON; `name` is the field in messages. */
int request_calls(const char **to, request *r, const json_t *calls, const char *name, problem *p);
void *request_take(request *r, size_t bytes, problem *p); /* NULL with the problem: no memory */

#endif
