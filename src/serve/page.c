/* page.c - GET /: the web page, or for programs a line of JSON. Nothing but the page's own style sheet and script is
 * allowed on it, by their hashes, and it reaches nothing but this server. */
#include "page.h"
#include "dialects.h"
#include "exchange.h"
#include <microhttpd.h>
#include <nettle/sha2.h>
#include <string.h>

/* page.S */
extern const char page_text[], page_style[], page_style_end[], page_script[], page_script_end[], page_text_end[];

static const char html[] = "text/html; charset=utf-8";

/* A source of a Content-Security-Policy: the text between two labels, by its SHA-256. */
static void put_source(out *o, const char *directive, const char *from, const char *end)
{
    struct sha256_ctx c;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&c);
    sha256_update(&c, (size_t)(end - from), (const uint8_t *)from);
    sha256_digest(&c, sizeof digest, digest);
    out_format(o, "%s 'sha256-", directive);
    out_base64(o, digest, sizeof digest);
    out_text(o, "'; ");
}

static void add(struct MHD_Response *r, const char *name, const char *value)
{
    MHD_add_response_header(r, name, value);
}

void page_add_headers(const exchange *x, struct MHD_Response *r)
{
    if (x->type != html) return;
    out policy = {0};
    out_text(&policy, "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                      "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'; ");
    put_source(&policy, "script-src", page_script, page_script_end);
    put_source(&policy, "style-src", page_style, page_style_end);
    out_put(&policy, "", 1);
    add(r, "Content-Security-Policy", policy.failed ? "default-src 'none'" : policy.at);
    out_release(&policy);
    add(r, "X-Content-Type-Options", "nosniff");
    add(r, "Referrer-Policy", "no-referrer");
    add(r, "Cache-Control", "no-cache");
    add(r, "Vary", "Accept");
}

void handle_root(exchange *x)
{
    const char *accept = exchange_header(x, "Accept");
    out o = {0};
    if (accept && strstr(accept, "text/html")) {
        out_put(&o, page_text, (size_t)(page_text_end - page_text));
        exchange_reply(x, 200, html, &o);
        return;
    }
    out_format(&o, "{\"name\": \"wkv\", \"version\": \"%s\", \"api\": \"/v1\"}", wkv_version());
    exchange_reply_json(x, &o);
}
