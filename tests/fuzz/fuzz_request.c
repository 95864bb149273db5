/* fuzz_request.c - any bytes as the body of a request of wkv serve, in each dialect. */
#include "serve/request.h"
#include <stdlib.h>

/* A refusal has a status and a sentence. */
static void look(int bad, request *r, const problem *p)
{
    if (bad && (p->status < 400 || !*p->message)) abort();
    request_release(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    request r;
    problem p = {0};
    int base64;
    look(request_chat(&r, (const char *)data, size, &p), &r, &p);
    look(request_completion(&r, (const char *)data, size, &p), &r, &p);
    look(request_anthropic(&r, (const char *)data, size, &p), &r, &p);
    look(request_ollama_chat(&r, (const char *)data, size, &p), &r, &p);
    look(request_ollama_generate(&r, (const char *)data, size, &p), &r, &p);
    look(request_llama_completion(&r, (const char *)data, size, &p), &r, &p);
    look(request_responses(&r, (const char *)data, size, &p) || request_items(&r, NULL, &p), &r, &p);
    look(request_embeddings(&r, "input", &base64, (const char *)data, size, &p), &r, &p);
    return 0;
}
