/* wkv_tools.h - functions that a model may call: their list for a prompt, and the calls of an answer.
 *
 *     System: Tools:                                                             wkv_tools_list
 *     - get_weather(location: string, unit?: "celsius" | "fahrenheit")
 *     Return only a JSON function call.                                          wkv_template_tools_turn
 *
 *     User: Is it warm in Rome?
 *
 *     Assistant: ```json
 *     {"name":"get_weather","arguments":{"location":"Rome"}}                     WKV_EVENT_TOOL_CALL, wkv_call_reader
 *     ```
 *
 *     User: Function output:                                                     wkv_template_tools_output
 *     31 degrees
 *
 * This is the format of the G1 models (BlinkDL/RWKV-LM, RWKV-v7/RWKV7-G1x-templates.txt). An answer may also be an array
 * of calls. Conventions are those of wkv.h. */
#ifndef WKV_TOOLS_H
#define WKV_TOOLS_H

#include "wkv_grammar.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the functions ----------------------------------------------------------------------------------------------- */

typedef struct wkv_tools wkv_tools;

/* Read a JSON array in the form of OpenAI's API: {"type": "function", "function": {"name": "f", "description": "...",
 * "parameters": {JSON Schema}}}, or the inner objects alone. WKV_EFORMAT: no JSON, or an element without a valid name
 * (1 to 64 letters, digits, "_", "-", "."), or twice the same; WKV_ENOMEM. */
WKV_API int wkv_tools_new(wkv_tools **out, const char *json, size_t bytes);
WKV_API void wkv_tools_free(wkv_tools *t);
WKV_API int wkv_tools_count(const wkv_tools *t);
WKV_API const char *wkv_tools_name(const wkv_tools *t, int i); /* NULL: no such tool */

/* The list for wkv_template_tools_turn, a function a line: its parameters with types, those that may be left out with
 * "?", and its descriptions. Members of objects are written flat ("address.street: string"), because models copy nested
 * shapes as values. The caller frees the string. WKV_ENOMEM */
WKV_API int wkv_tools_list(char **out, const wkv_tools *t);

/* ---- the grammar of an answer ------------------------------------------------------------------------------------ */

/* The text that may follow a turn of wkv_template_turn or wkv_template_tools_turn with the same `how` and `think`. */
typedef struct {
    const wkv_template *how;
    wkv_think think;
    const wkv_tools *tools; /* NULL: no calls                                                             */
    const char *function;   /* the only one that may be called; NULL: any                                 */
    int must_call;          /* no answer in words: `call` of the turn                                     */
    int one_call;           /* no array of calls                                                          */
    const char *schema;     /* JSON Schema of an answer in words (wkv_grammar.h); NULL: any text          */
} wkv_answer_form;

/* The grammar for wkv_generation.grammar. Arguments of calls are JSON without blanks, of the function's `parameters`;
 * parts of those that are not supported hold nothing, unless the function has "strict": true, and is then refused.
 * Without must_call and schema the answer is words, in which a line that begins with the fence begins a call. Reasoning
 * is free text up to "</think>". WKV_EARG: the template has no form for tools; else as wkv_grammar_new. */
WKV_API int wkv_grammar_answer(wkv_grammar **out, const wkv_answer_form *f, const wkv_tokenizer *t);

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* Divides the text of WKV_EVENT_TOOL_CALL, as it comes, into calls with names and arguments. */
typedef struct wkv_call_reader wkv_call_reader;

typedef enum {
    WKV_CALL_NAME,      /* a call begins: `text` is its name              */
    WKV_CALL_ARGUMENTS, /* a part of the JSON text of its arguments       */
    WKV_CALL_END        /* the call is complete                           */
} wkv_call_part_kind;

typedef struct {
    wkv_call_part_kind kind;
    int call;         /* its number in the answer, from 0                                    */
    const char *text; /* valid until the next call with the reader; not ended by a zero byte */
    size_t bytes;
} wkv_call_part;

WKV_API int wkv_call_reader_new(wkv_call_reader **out);
WKV_API void wkv_call_reader_free(wkv_call_reader *r);
WKV_API int wkv_call_reader_put(wkv_call_reader *r, const char *text, size_t bytes); /* WKV_ENOMEM */
WKV_API int wkv_call_reader_next(wkv_call_reader *r, wkv_call_part *part);           /* 1, or 0: no part now */

/* A call as text, `{"name":"f","arguments":{...}}`, for wkv_template_tools_reply: without blanks between its parts, as
 * a grammar of wkv_grammar_tools writes it, so that a cache knows the call again when a client sends it back. The
 * caller frees it. WKV_EFORMAT: `arguments` is not a JSON object; WKV_ENOMEM. */
WKV_API int wkv_call_text(char **out, const char *name, const char *arguments);

#ifdef __cplusplus
}
#endif
#endif
