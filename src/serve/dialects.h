/* dialects.h - the handlers of all paths, one file for each group of them. */
#ifndef WKV_SERVE_DIALECTS_H
#define WKV_SERVE_DIALECTS_H

#include "server.h"

extern const wire anthropic_wire, ollama_wire, responses_wire;

void handle_chat(exchange *x);
void handle_completions(exchange *x);
void handle_messages(exchange *x);
void handle_count_tokens(exchange *x);
void handle_ollama_chat(exchange *x);
void handle_ollama_generate(exchange *x);
void handle_ollama_embed(exchange *x);
void handle_ollama_embeddings(exchange *x);
void handle_ollama_version(exchange *x);
void handle_ollama_tags(exchange *x);
void handle_ollama_ps(exchange *x);
void handle_ollama_show(exchange *x);
void handle_ollama_unsupported(exchange *x);
void handle_llama_completion(exchange *x);
void handle_apply_template(exchange *x);
void handle_props(exchange *x);
void handle_slots(exchange *x);
void handle_untrained(exchange *x);
void handle_responses(exchange *x);
void handle_response(exchange *x);
void handle_input_tokens(exchange *x);
void handle_embeddings(exchange *x);
void handle_tokenize(exchange *x);
void handle_detokenize(exchange *x);
void handle_tokenizer_info(exchange *x);
void handle_sessions(exchange *x);
void handle_models(exchange *x);
void handle_model(exchange *x);
void handle_health(exchange *x);
void handle_metrics(exchange *x);
void handle_root(exchange *x);

#endif
