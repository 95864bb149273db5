/* routes.c - the paths of the server. */
#include "dialects.h"
#include "server.h"

const route routes[] = {
    {"GET", "/", handle_root},
    {"GET", "/v1", handle_root}, /* the address that the program prints, opened in a browser */
    {"GET", "/health", handle_health},
    {"GET", "/v1/health", handle_health},
    {"GET", "/metrics", handle_metrics},
    {"GET", "/v1/models", handle_models},
    {"GET", "/models", handle_models},
    {"GET", "/v1/models/*", handle_model},
    {"POST", "/v1/chat/completions", handle_chat},
    {"POST", "/v1/completions", handle_completions},
    {"POST", "/v1/embeddings", handle_embeddings},
    {"GET", "/v1/sessions", handle_sessions},
    {"POST", "/v1/sessions", handle_sessions},
    {"GET", "/v1/sessions/*", handle_sessions},
    {"POST", "/v1/sessions/*", handle_sessions},
    {"DELETE", "/v1/sessions/*", handle_sessions},
    {"POST", "/tokenize", handle_tokenize},
    {"POST", "/v1/tokenize", handle_tokenize},
    {"POST", "/detokenize", handle_detokenize},
    {"POST", "/v1/detokenize", handle_detokenize},
    {"GET", "/tokenizer_info", handle_tokenizer_info},
    {"GET", "/v1/tokenizer_info", handle_tokenizer_info},
    {NULL, NULL, NULL},
};
