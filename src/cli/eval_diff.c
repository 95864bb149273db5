#include "eval.h"
int eval_diff(const char *a, const char *b, int as_json)
{
    (void)a, (void)b, (void)as_json;
    return 1;
}
