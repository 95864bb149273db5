/* sections.h - divide an answer into text, reasoning and a tool call.
 *
 *     <think> reasoning </think> text              models that reason; "<think" may be the end of the prompt
 *     ```json {"name": ...}                        a tool call, to the template's tool_stop
 *
 * The marks are left out, and so are blanks around each section. */
#ifndef WKV_SESSION_SECTIONS_H
#define WKV_SESSION_SECTIONS_H

#include "session/events.h"

typedef struct {
    wkv_event_kind kind;   /* of the section now; DONE: a tool call has ended       */
    const char *tool_stop; /* borrowed; NULL: no tools                              */
    int begun;             /* the section has text                                  */
    int line;              /* the next byte begins a line                           */
    int bracket;           /* the prompt ended inside a mark: a '>' completes it    */
    char held[16];         /* bytes that may be a mark                              */
    size_t n_held;
    char *blanks; /* blanks that are text if more text follows             */
    size_t n_blanks, cap_blanks;
} sections;

/* prompt: the last bytes before the answer. */
void sections_begin(sections *s, const char *prompt, const char *tool_stop);

/* Add bytes of the answer and put the text they decide to e. *used: bytes read, up to the end of a tool call.
 * WKV_ENOMEM */
int sections_put(sections *s, events *e, const char *text, size_t n, size_t *used);
int sections_end(sections *s, events *e); /* the answer has ended: held bytes are text */
void sections_release(sections *s);

#endif
