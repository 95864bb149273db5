/* wire.c - errors and streams as OpenAI's clients read them, and those of other dialects by the path. */
#include "exchange.h"

void wire_error(out *o, const exchange *x, const problem *p)
{
    (void)x;
    problem_write(o, p);
}

static void put_last_event(out *o, const exchange *x, const problem *p)
{
    out_text(o, "data: ");
    wire_error(o, x, p);
    out_text(o, "\n\n");
}

const wire openai_wire = {.stream = "text/event-stream; charset=utf-8",
                          .comment = ": \n\n",
                          .error = wire_error,
                          .last_event = put_last_event};

const wire *exchange_wire(const exchange *x) { return x->wire ? x->wire : &openai_wire; }
