/* bench_text.c - the text of `wkv bench`. */
#include "bench.h"
#include "input.h"
#include <stdlib.h>

/* Real text, because activation sparsity depends on it. It repeats when it ends. */
/* clang-format off */
static const char sample[] =
    "The old mill stood where the river bends, and for as long as anyone could remember its wheel had turned by day "
    "and rested by night. When the miller's daughter came home from the city she found the sluice closed, the stones "
    "cold and a letter on the table. \"The water has not gone,\" it said, \"it has only learnt another way.\" She "
    "read it twice, put on her father's boots and walked upstream.\n\n"
    "A recurrent network reads one token at a time and keeps what it needs in a state of fixed size. For every token "
    "each weight is read from memory once, so that the speed of a single text is, to a first approximation, the "
    "bandwidth of the memory divided by the size of the weights: 2.8 GB at 27 GB/s is 9.6 tokens per second. A "
    "prompt is another matter: hundreds of tokens share each weight, and arithmetic becomes the limit.\n\n"
    "Der Zug nach Norden f\303\244hrt um 7:42 von Gleis 3; wer ihn verpasst, wartet zwei Stunden. Am Bahnsteig "
    "standen ein Mann mit einem Cello, zwei Kinder und ein Hund, der niemandem geh\303\266rte.\n\n"
    "int gcd(int a, int b)\n"
    "{\n"
    "    while (b) {\n"
    "        int t = a % b;\n"
    "        a = b;\n"
    "        b = t;\n"
    "    }\n"
    "    return a;\n"
    "}\n\n"
    "\346\230\245\345\244\251\346\235\245\344\272\206\357\274\214\346\262\263\350\276\271\347\232\204\346\237\263"
    "\346\240\221\345\217\221\344\272\206\346\226\260\350\212\275\343\200\202\345\255\251\345\255\220\344\273\254"
    "\345\234\250\346\241\245\344\270\212\346\225\260\350\271\204\345\255\220\343\200\202\n\n"
    "Q: How many weeks are there in a year, and what is left over?\n"
    "A: 52 weeks are 364 days, so one day is left, or two in a leap year.\n\n"
    "User: Which spices go into garam masala?\n\n"
    "Assistant: There is no single recipe. Most families roast coriander, cumin, cardamom, cloves, cinnamon and "
    "black pepper, and grind them when they have cooled; some add nutmeg, mace or bay leaves. It is added near the "
    "end of cooking, because heat drives its scent away.\n\n";
/* clang-format on */

static int32_t *random_ids(int n, int vocab)
{
    int32_t *ids = malloc(sizeof *ids * (size_t)n);
    uint32_t x = 1;
    for (int i = 0; ids && i < n; i++) {
        x = x * 1664525u + 1013904223u;
        ids[i] = (int32_t)((uint64_t)x * (uint64_t)vocab >> 32);
    }
    return ids;
}

int bench_text(int32_t **ids, int *count, int *from_text, const engine *e, const char *path)
{
    char *text = NULL;
    size_t bytes = sizeof sample - 1;
    *ids = NULL;
    if (path && input_all(&text, &bytes, path)) return 1;
    wkv_tokenizer *t;
    int status = 0, n = 0;
    if (!wkv_tokenizer_open(&t, engine_vocab, e->model) && wkv_tokenizer_size(t) <= e->about->vocab)
        n = wkv_encode(t, text ? text : sample, bytes, NULL, 0);
    if ((!t && (engine_vocab || path)) || (n < 0 && path))
        status = complain_library();
    else if (n <= 0 && path)
        status = complain("%s: the model's vocabulary cannot encode this text", path);
    else if (n > 0 && (*ids = malloc(sizeof **ids * (size_t)n))) {
        *count = wkv_encode(t, text ? text : sample, bytes, *ids, n);
        *from_text = 1;
    } else if (n <= 0 && (*ids = random_ids(2048, e->about->vocab)))
        *count = 2048;
    else
        status = complain("out of memory");
    wkv_tokenizer_close(t);
    free(text);
    return status;
}
