/* job.c - jobs of any kind. */
#include "engine.h"
#include <stdlib.h>

void *job_new(exchange *x, size_t bytes, job_result (*work)(job *j, engine *e), void (*release)(job *j))
{
    job *j = calloc(1, bytes);
    if (j) {
        *j = (job){.x = x, .work = work, .release = release};
        return j;
    }
    problem p;
    refuse(&p, 503, NULL, "out_of_memory", "no memory for a request");
    exchange_refuse(x, &p);
    return NULL;
}

void finish_job(job *j)
{
    exchange *x = j->x;
    j->release(j);
    exchange_release(x);
}
