/* access_log.c - a line of JSON for each exchange, on standard error. */
#include "exchange.h"
#include <stdio.h>
#include <time.h>

void access_log(const exchange *x)
{
    out o = {0};
    out_text(&o, "{\"time\": ");
    out_date(&o, time(NULL));
    out_text(&o, ", \"client\": ");
    out_quoted(&o, x->client);
    out_format(&o, ", \"request\": \"%s\", \"method\": ", x->id);
    out_quoted(&o, x->method);
    out_text(&o, ", \"path\": ");
    out_quoted(&o, x->path);
    out_format(&o, ", \"status\": %d, \"seconds\": %.3f", x->left && !x->queued ? 499 : x->status,
               1e-6 * (double)(now_us() - x->begun));
    if (x->left) out_text(&o, ", \"left\": true");
    if (*x->log.model) {
        out_text(&o, ", \"model\": ");
        out_quoted(&o, x->log.model);
        out_format(&o, ", \"prompt\": %d, \"cached\": %d, \"sampled\": %d", x->log.prompt, x->log.cached,
                   x->log.sampled);
        if (x->answered) out_format(&o, ", \"first\": %.3f", 1e-6 * (double)(x->answered - x->asked));
        if (x->log.finish) out_format(&o, ", \"finish\": \"%s\"", x->log.finish);
    }
    out_text(&o, "}\n");
    if (!o.failed) fwrite(o.at, 1, o.n, stderr);
    out_release(&o);
}
