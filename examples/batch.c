/* batch.c - many texts at once, in one page: every argument is a question, and all are answered together.
 *
 *     batch "Who are you?" "Tell me a story about a fox."
 *
 * The model is the one built into the library, or the checkpoint that $MODEL names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wkv_session.h>

static int failed(void)
{
    fprintf(stderr, "batch: %s\n", wkv_error());
    return 1;
}

int main(int argc, char **argv)
{
    wkv_model *model;         /* the weights                           */
    wkv_tokenizer *tokenizer; /* text <-> ids                          */
    wkv_context *context;     /* threads and scratch memory            */
    wkv_batcher *batcher;     /* reads and generates for many sessions */
    const wkv_template *chat; /* how this model takes questions        */
    if (wkv_model_open(&model, getenv("MODEL"), NULL) || wkv_tokenizer_open(&tokenizer, NULL, model) ||
        wkv_context_new(&context, model, NULL) || wkv_batcher_new(&batcher, context, NULL) ||
        wkv_template_find(&chat, NULL, model, tokenizer))
        return failed();

    int count = argc - 1;
    wkv_session **sessions = calloc((size_t)argc, sizeof *sessions);
    for (int i = 0; i < count; i++) {
        char turn[4096];
        size_t bytes = wkv_template_turn(chat, 1, NULL, argv[i + 1], WKV_THINK_OFF, turn, sizeof turn);
        wkv_sampler_options sampler = {.temperature = 0.8f, .top_p = 0.7f, .seed = 1};
        wkv_generation generation = {.sampler = &sampler, .max_tokens = 200};
        wkv_generation_chat(&generation, chat, 0);
        if (bytes >= sizeof turn) return fprintf(stderr, "batch: question %d is too long\n", i + 1), 1;
        if (wkv_session_new(&sessions[i], model, tokenizer) || wkv_session_append_text(sessions[i], turn, bytes) ||
            wkv_batcher_add(batcher, sessions[i], &generation))
            return failed();
    }

    char **answers = calloc((size_t)argc, sizeof *answers);
    size_t *lengths = calloc((size_t)argc, sizeof *lengths);
    while (wkv_batcher_pending(batcher)) {
        if (wkv_batcher_step(batcher)) return failed();
        for (int i = 0; i < count; i++) {
            wkv_event event; /* a stream would send its text now; here it is collected */
            while (wkv_session_next_event(sessions[i], &event)) {
                if (event.kind == WKV_EVENT_DONE && event.finish_reason == WKV_FINISH_FAILED)
                    fprintf(stderr, "batch: question %d: %s\n", i + 1, event.error);
                answers[i] = realloc(answers[i], lengths[i] + event.bytes + 1);
                memcpy(answers[i] + lengths[i], event.text, event.bytes + 1);
                lengths[i] += event.bytes;
            }
        }
    }

    for (int i = 0; i < count; i++) {
        printf("%s\n    %s\n", argv[i + 1], answers[i]);
        wkv_session_free(sessions[i]);
        free(answers[i]);
    }
    free(lengths);
    free(answers);
    free(sessions);
    wkv_batcher_free(batcher);
    wkv_context_free(context);
    wkv_tokenizer_close(tokenizer);
    wkv_model_close(model);
    return 0;
}
