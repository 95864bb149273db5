/* routes.c - the paths of the server. */
#include "dialects.h"
#include "server.h"

const route routes[] = {
    {"GET", "/", handle_root, NULL},
    {"GET", "/health", handle_health, NULL},
    {"GET", "/v1/health", handle_health, NULL},
    {"GET", "/metrics", handle_metrics, NULL},
    {"GET", "/v1/models", handle_models, NULL},
    {"GET", "/models", handle_models, NULL},
    {"GET", "/v1/models/*", handle_model, NULL},
    {"POST", "/v1/chat/completions", handle_chat, NULL},
    {"POST", "/v1/completions", handle_completions, NULL},
    {"POST", "/v1/embeddings", handle_embeddings, NULL},
    {"POST", "/v1/messages", handle_messages, &anthropic_wire},
    {"POST", "/v1/messages/count_tokens", handle_count_tokens, &anthropic_wire},
    {"GET", "/v1/sessions", handle_sessions, NULL},
    {"POST", "/v1/sessions", handle_sessions, NULL},
    {"GET", "/v1/sessions/*", handle_sessions, NULL},
    {"POST", "/v1/sessions/*", handle_sessions, NULL},
    {"DELETE", "/v1/sessions/*", handle_sessions, NULL},
    {"POST", "/tokenize", handle_tokenize, NULL},
    {"POST", "/v1/tokenize", handle_tokenize, NULL},
    {"POST", "/detokenize", handle_detokenize, NULL},
    {"POST", "/v1/detokenize", handle_detokenize, NULL},
    {"GET", "/tokenizer_info", handle_tokenizer_info, NULL},
    {"GET", "/v1/tokenizer_info", handle_tokenizer_info, NULL},
    {NULL, NULL, NULL, NULL},
};
