/* ollama_models.c - /api/version, /api/tags, /api/ps, /api/show: the models as Ollama lists them. */
#include "dialects.h"
#include "engine.h"
#include "fields.h"
#include "models.h"
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The version of Ollama's API that has the fields of these paths; clients ask for a least one. */
static const char version[] = "0.12.0";

void handle_ollama_version(exchange *x)
{
    out o = {0};
    out_format(&o, "{\"version\": \"%s\"}", version);
    exchange_reply_json(x, &o);
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

/* Clients tell models apart by it, and look at its beginning. */
static void put_digest(out *o, const char *name)
{
    uint8_t sum[32];
    struct sha256_ctx c;
    sha256_init(&c);
    sha256_update(&c, strlen(name), (const uint8_t *)name);
    sha256_digest(&c, sizeof sum, sum);
    for (size_t i = 0; i < sizeof sum; i++) out_format(o, "%02x", sum[i]);
}

/* As in a GGUF: "rwkv7" of versions 7 and 7a. "": never loaded. */
static void put_architecture(out *o, const model_report *m)
{
    if (*m->version) out_format(o, "rwkv%.1s", m->version);
}

static void put_details(out *o, const model_report *m)
{
    const double n = (double)m->parameters;
    out_text(o, "\"details\": {\"parent_model\": \"\", \"format\": \"\", \"family\": \"");
    put_architecture(o, m);
    out_text(o, "\", \"families\": [\"");
    put_architecture(o, m);
    out_text(o, "\"], \"parameter_size\": \"");
    if (m->parameters) out_format(o, n < 1e9 ? "%.3gM" : "%.3gB", n < 1e9 ? 1e-6 * n : 1e-9 * n);
    out_text(o, "\", \"quantization_level\": \"\"}");
}

static void put_model(out *o, const model_report *m)
{
    char name[300]; /* longer ones are not sent by clients either */
    snprintf(name, sizeof name, "%s:latest", m->name);
    out_text(o, "{\"name\": ");
    out_quoted(o, name);
    out_text(o, ", \"model\": ");
    out_quoted(o, name);
    out_format(o, ", \"size\": %zu, \"digest\": \"", m->bytes);
    put_digest(o, m->name);
    out_text(o, "\", ");
    put_details(o, m);
}

void handle_ollama_tags(exchange *x)
{
    server *s = exchange_server(x);
    model_report m;
    out o = {0};
    out_text(&o, "{\"models\": [");
    for (int i = 0; models_report(s, i, &m); i++) {
        if (i) out_text(&o, ", ");
        put_model(&o, &m);
        out_text(&o, ", \"modified_at\": ");
        out_date(&o, s->created);
        out_text(&o, "}");
    }
    out_text(&o, "]}");
    exchange_reply_json(x, &o);
}

/* Models in memory. Without --idle they stay until another one needs their place. */
void handle_ollama_ps(exchange *x)
{
    server *s = exchange_server(x);
    const int64_t stays = s->o.idle_seconds ? s->o.idle_seconds : 100LL * 365 * 24 * 3600;
    model_report m;
    out o = {0};
    int n = 0;
    out_text(&o, "{\"models\": [");
    for (int i = 0; models_report(s, i, &m); i++) {
        if (!m.resident) continue;
        if (n++) out_text(&o, ", ");
        put_model(&o, &m);
        out_format(&o, ", \"size_vram\": 0, \"context_length\": %d, \"expires_at\": ", models_window(&m));
        out_date(&o, time(NULL) + stays);
        out_text(&o, "}");
    }
    out_text(&o, "]}");
    exchange_reply_json(x, &o);
}

/* ---- one model --------------------------------------------------------------------------------------------------- */

typedef struct {
    job j;
    json_t *body;
} showing;

static void put_capabilities(out *o, const model_report *m)
{
    const wkv_template *t;
    out_text(o, ", \"capabilities\": [\"completion\"");
    if (!wkv_template_find(&t, m->template_name, NULL, NULL) && t->tool_stop) out_text(o, ", \"tools\"");
    if (!strcmp(m->template_name, "g1")) out_text(o, ", \"thinking\""); /* the only one that can ask for thoughts */
    out_text(o, "]");
}

static void put_info(out *o, const model_report *m)
{
    static const char *const names[] = {"context_length", "embedding_length", "vocab_size"};
    const int values[] = {models_window(m), m->width, m->vocab};
    out_text(o, ", \"model_info\": {\"general.architecture\": \"");
    put_architecture(o, m);
    out_text(o, "\", \"general.basename\": ");
    out_quoted(o, m->name);
    out_format(o, ", \"general.parameter_count\": %lld", (long long)m->parameters);
    for (int i = 0; i < 3; i++) {
        out_text(o, ", \"");
        put_architecture(o, m);
        out_format(o, ".%s\": %d", names[i], values[i]);
    }
    out_text(o, "}");
}

/* The model has been loaded, so that it is known. */
static job_result show(job *j, engine *e)
{
    model_report m;
    out o = {0};
    for (int i = 0; models_report(e->server, i, &m) && strcmp(m.name, e->name);) i++;
    out_text(&o, "{\"modelfile\": \"\", \"parameters\": \"\", \"template\": ");
    out_quoted(&o, m.template_name);
    out_text(&o, ", \"modified_at\": ");
    out_date(&o, e->server->created);
    out_text(&o, ", ");
    put_details(&o, &m);
    put_info(&o, &m);
    put_capabilities(&o, &m);
    out_text(&o, "}");
    exchange_reply_json(j->x, &o);
    return JOB_DONE;
}

static void release(job *j)
{
    showing *s = (showing *)j;
    json_decref(s->body);
    free(s);
}

void handle_ollama_show(exchange *x)
{
    problem p = {0};
    size_t bytes;
    const char *body = exchange_body(x, &bytes), *name = NULL;
    showing *s = job_new(x, sizeof *s, show, release);
    if (!s) return;
    if (!fields_read(&s->body, body, bytes, &p) && !field_text(&name, s->body, "name", &p) &&
        !field_text(&name, s->body, "model", &p) && !models_give(name, &s->j, 0, &p))
        return;
    release(&s->j);
    exchange_refuse(x, &p);
}

/* ---- models are not changed -------------------------------------------------------------------------------------- */

void handle_ollama_unsupported(exchange *x)
{
    problem p;
    refuse(&p, 501, NULL, "unsupported",
           "%.40s is not supported: the models are those of the server's options -m and --models-dir",
           exchange_path(x));
    exchange_refuse(x, &p);
}
