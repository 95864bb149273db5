/* fuzz_template.c - any question: a turn has the length it says, and no blank line gets in that would end it. */
#include "wkv.h"
#include <stdlib.h>
#include <string.h>

/* the input without zero bytes, as a string */
static char *as_string(const uint8_t *data, size_t size)
{
    char *s = malloc(size + 1);
    size_t n = 0;
    for (size_t i = 0; i < size; i++)
        if (data[i]) s[n++] = (char)data[i];
    s[n] = 0;
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"world", "g1", "raven", "pile", "plain"};
    const wkv_template *t;
    if (size < 2 || wkv_template_find(&t, names[data[0] % 5], NULL, NULL)) return 0;
    char *user = as_string(data + 2, size - 2), small[16], *out;
    wkv_think think = (wkv_think)(data[1] >> 4 & 7);
    size_t n = wkv_template_turn(t, data[1] >> 2 & 1, data[1] >> 3 & 1 ? user : NULL, user, think, NULL, 0);
    out = malloc(n + 1);
    if (wkv_template_turn(t, data[1] >> 2 & 1, data[1] >> 3 & 1 ? user : NULL, user, think, out, n + 1) != n ||
        strlen(out) != n)
        abort();
    wkv_template_turn(t, 0, NULL, user, think, out, n + 1);
    const char *blank = strstr(out, "\n\n"), *answer = strstr(out, t->join);
    if (!strcmp(t->join, "\n\n") && (blank != answer || strlen(blank) > strlen("\n\nAssistant: <think>\n</think")))
        abort();
    n = wkv_template_tools_turn(t, 1, user, user, user, think, data[1] >> 3 & 1, NULL, 0);
    free(out);
    out = malloc(n + 1);
    if (wkv_template_tools_turn(t, 1, user, user, user, think, data[1] >> 3 & 1, out, n + 1) != n || strlen(out) != n)
        abort();
    wkv_template_turn(t, 1, user, user, think, small, sizeof small);
    if (!memchr(small, 0, sizeof small)) abort();
    free(out);
    free(user);
    return 0;
}
