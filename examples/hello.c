/* hello.c - the library in one page: open a model, read a prompt, write 40 tokens.
 *
 *     hello                    the model built into the library
 *     hello MODEL [PROMPT]     any RWKV checkpoint, with its vocabulary inside it or beside it */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wkv.h>

static int failed(void)
{
    fprintf(stderr, "hello: %s\n", wkv_error());
    return 1;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : NULL, *prompt = argc > 2 ? argv[2] : "Once upon a time";

    wkv_model *model;         /* the weights                */
    wkv_tokenizer *tokenizer; /* text <-> ids               */
    wkv_context *context;     /* threads and scratch memory */
    wkv_state *state;         /* the memory of this text    */
    wkv_sampler *sampler;     /* chooses the next token     */
    if (wkv_model_open(&model, path, NULL) || wkv_tokenizer_open(&tokenizer, NULL, model) ||
        wkv_context_new(&context, model, NULL) || wkv_state_new(&state, model))
        return failed();
    int vocab = wkv_model_about(model)->vocab;
    wkv_sampler_options options = {.temperature = 0.8f, .top_p = 0.7f, .seed = 1};
    if (wkv_sampler_new(&sampler, &options, vocab, tokenizer)) return failed();

    /* a token is at least one byte, so the prompt's length suffices */
    int room = (int)strlen(prompt) + 1;
    int32_t *ids = malloc(sizeof *ids * (size_t)room);
    float *logits = malloc(sizeof *logits * (size_t)vocab);
    char *text = malloc(wkv_decoder_room(tokenizer));
    if (!ids || !logits || !text) return 1;
    int n = wkv_encode(tokenizer, prompt, strlen(prompt), ids, room);
    if (n < 0 || wkv_eval(context, state, ids, n, logits)) return failed();

    fputs(prompt, stdout);
    wkv_decoder decoder = {0};
    for (int i = 0; i < 40; i++) {
        int32_t id = wkv_sample(sampler, logits);
        if (id < 0) return failed();
        if (id == wkv_tokenizer_end(tokenizer)) break;
        fwrite(text, 1, wkv_decode(&decoder, tokenizer, id, text), stdout);
        if (wkv_eval(context, state, &id, 1, logits)) return failed();
    }
    fwrite(text, 1, wkv_decode_end(&decoder, text), stdout);
    putchar('\n');

    free(text);
    free(logits);
    free(ids);
    wkv_sampler_free(sampler);
    wkv_state_free(state);
    wkv_context_free(context);
    wkv_tokenizer_close(tokenizer);
    wkv_model_close(model);
    return 0;
}
