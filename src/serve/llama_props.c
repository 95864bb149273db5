/* llama_props.c - /props and /slots of llama.cpp's server: the abilities of a model, and its places for answers. */
#include "dialects.h"
#include "engine.h"
#include "models.h"
#include <stdlib.h>
#include <string.h>

static void put_caps(out *o, const wkv_template *t)
{
    const char *tools = t->tool_stop ? "true" : "false";
    out_format(o,
               "{\"supports_system_role\": true, \"supports_string_content\": true, \"supports_typed_content\": true, "
               "\"supports_tools\": %s, \"supports_tool_calls\": %s, \"supports_parallel_tool_calls\": %s, "
               "\"supports_preserve_reasoning\": false}",
               tools, tools, tools);
}

/* The template has no Jinja text, and clients read a string. */
static job_result put_props(job *j, engine *e)
{
    model_report m;
    out o = {0};
    for (int i = 0; models_report(e->server, i, &m) && strcmp(m.name, e->name);) i++;
    out_format(&o, "{\"default_generation_settings\": {\"id\": 0, \"n_ctx\": %d, \"params\": {\"n_predict\": %d}}, ",
               models_window(&m), e->server->o.max_tokens);
    out_format(&o, "\"total_slots\": %d, \"model_alias\": ", e->slots);
    out_quoted(&o, e->name);
    out_text(&o, ", \"model_path\": ");
    out_quoted(&o, e->name);
    out_text(&o, ", \"modalities\": {\"vision\": false, \"audio\": false}, \"chat_template\": \"\", "
                 "\"chat_template_caps\": ");
    put_caps(&o, e->how);
    out_format(&o, ", \"build_info\": \"wkv %s\"}", wkv_version());
    exchange_reply_json(j->x, &o);
    return JOB_DONE;
}

static void release(job *j) { free(j); }

void handle_props(exchange *x)
{
    problem p;
    job *j = job_new(x, sizeof *j, put_props, release);
    if (!j || !models_give(exchange_query(x, "model"), j, 0, &p)) return;
    release(j);
    exchange_refuse(x, &p);
}

/* The places of all models in memory; the first ones are those at work. */
void handle_slots(exchange *x)
{
    model_report m;
    out o = {0};
    int n = 0;
    out_text(&o, "[");
    for (int i = 0; models_report(exchange_server(x), i, &m); i++)
        for (int k = 0; k < m.slots && m.resident; k++) {
            out_format(&o, "%s{\"id\": %d, \"n_ctx\": %d, \"speculative\": false, \"is_processing\": %s, \"model\": ",
                       n ? ", " : "", n, models_window(&m), k < m.jobs ? "true" : "false");
            out_quoted(&o, m.name);
            out_text(&o, "}");
            n++;
        }
    out_text(&o, "]");
    exchange_reply_json(x, &o);
}
