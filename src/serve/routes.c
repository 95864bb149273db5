/* routes.c - the paths of the server. */
#include "dialects.h"
#include "server.h"

const route routes[] = {
    {"GET", "/", handle_root},
    {"GET", "/health", handle_health},
    {"GET", "/v1/health", handle_health},
    {"GET", "/metrics", handle_metrics},
    {"GET", "/v1/models", handle_models},
    {"GET", "/models", handle_models},
    {"GET", "/v1/models/*", handle_model},
    {"POST", "/v1/chat/completions", handle_chat},
    {NULL, NULL, NULL},
};
