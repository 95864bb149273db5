/* test_api.c - wrong use of models, contexts, texts and files (wkv.h, wkv_file.h, wkv_tools.h): every function with
 * NULL, negative and foreign arguments gives its code and a sentence, *out is NULL, and nothing crashes. The other
 * headers are in test_api_*.c. */
#include "api.h"
#include "wkv_base.h"
#include "wkv_file.h"
#include "wkv_tools.h"
#include <jansson.h>
#include <limits.h>

static void models(void)
{
    EXPECT_EQ(wkv_selftest(NULL, NULL), 0);
    REFUSED(wkv_model_open(NULL, NULL, NULL));
    NOTHING(wkv_model, wkv_model_open(&out, NULL, &(wkv_model_options){.type = "q9"}));
    NOTHING(wkv_model, wkv_model_open(&out, NULL, &(wkv_model_options){.type = ""}));
    NOTHING(wkv_model, wkv_model_open(&out, NULL, &(wkv_model_options){.type = "f32", .as_stored = 1}));
    NOTHING(wkv_model, wkv_model_open(&out, NULL, &(wkv_model_options){.lora_alpha = nan_}));
    NOTHING(wkv_model, wkv_model_open(&out, NULL, &(wkv_model_options){.lora_alpha = -1}));
    NOTHING(wkv_model, wkv_model_open(&out, NULL, &(wkv_model_options){.lora_alpha = infinite}));
    wkv_model *none = (void *)1;
    EXPECT_EQ(wkv_model_open(&none, "", NULL), WKV_EIO);
    EXPECT(!none);
    EXPECT(!wkv_model_about(NULL));
    EXPECT_EQ(wkv_model_bytes(NULL, NULL), 0);
    EXPECT_EQ(wkv_model_bytes(m, "q9"), 0);
}

static void contexts_and_states(void)
{
    REFUSED(wkv_context_new(NULL, m, NULL));
    NOTHING(wkv_context, wkv_context_new(&out, NULL, NULL));
    NOTHING(wkv_context, wkv_context_new(&out, m, &(wkv_context_options){.threads = -5}));
    NOTHING(wkv_context, wkv_context_new(&out, m, &(wkv_context_options){.threads = 1000000}));
    NOTHING(wkv_context, wkv_context_new(&out, m, &(wkv_context_options){.device = "tpu"}));
    NOTHING(wkv_context, wkv_context_new(&out, m, &(wkv_context_options){.isa = "sse9"}));
    EXPECT(!wkv_context_isa(NULL));
    EXPECT_EQ(wkv_context_threads(NULL), 0);
    EXPECT_EQ(wkv_context_device_bytes(NULL, NULL), 0);
    EXPECT_EQ(wkv_context_device_bytes(c, NULL), 0);
    char name[32], line[400];
    wkv_stage stage;
    REFUSED(wkv_context_stage(NULL, 0, &stage));
    REFUSED(wkv_context_stage(c, 0, NULL));
    EXPECT_EQ(wkv_context_stage(c, 0, &stage), 1);
    EXPECT_EQ(stage.first, 0);
    EXPECT_EQ(wkv_context_stage(c, 1, &stage), 0);
    REFUSED(wkv_device_describe(0, NULL, line, sizeof line));
    REFUSED(wkv_device_describe(0, name, NULL, sizeof line));
    REFUSED(wkv_device_describe(-1, name, line, sizeof line));
    REFUSED(wkv_device_describe(0, name, line, 0));
    EXPECT_EQ(wkv_device_describe(0, name, line, sizeof line), 1);
    EXPECT_STR(name, "cpu");
    REFUSED(wkv_state_new(NULL, m));
    NOTHING(wkv_state, wkv_state_new(&out, NULL));
    REFUSED(wkv_state_copy(s, s2));
    REFUSED(wkv_state_copy(s, NULL));
    REFUSED(wkv_state_copy(NULL, s));
    EXPECT_EQ(wkv_state_copy(s, s), 0);
    EXPECT(!wkv_state_data(NULL));
    wkv_state_reset(NULL);
    wkv_state_free(NULL);
    wkv_context_free(NULL);
    wkv_model_close(NULL);
    wkv_tokenizer_close(NULL);
    wkv_sampler_free(NULL);
}

static void evaluation(void)
{
    const int32_t negative[2] = {-1, 3}, large[2] = {3, 1 << 30}, late[3] = {1, 2, -7};
    size_t bytes = wkv_model_about(m)->state_bytes;
    REFUSED(wkv_eval(NULL, s, ids, IDS, logits));
    REFUSED(wkv_eval(c, NULL, ids, IDS, logits));
    REFUSED(wkv_eval(c, s, NULL, IDS, logits));
    REFUSED(wkv_eval(c, s, ids, 0, logits));
    REFUSED(wkv_eval(c, s, ids, -1, logits));
    REFUSED(wkv_eval(c, s, ids, -2147483647 - 1, logits));
    REFUSED(wkv_eval(c, s, negative, 2, logits));
    REFUSED(wkv_eval(c, s, large, 2, logits));
    REFUSED(wkv_eval(c, s2, ids, 2, logits));
    REFUSED(wkv_eval(c2, s, ids, 2, logits));
    EXPECT_EQ(wkv_eval(c, s, ids, IDS, NULL), 0);
    float *before = malloc(bytes);
    memcpy(before, wkv_state_data(s), bytes);
    REFUSED(wkv_eval(c, s, late, 3, logits));
    EXPECT(!memcmp(before, wkv_state_data(s), bytes));
    free(before);

    wkv_sequence one = {.state = s, .tokens = ids, .n = 2, .logits = logits}, twice[2] = {one, one}, wrong = one;
    REFUSED(wkv_eval_batch(NULL, &one, 1));
    REFUSED(wkv_eval_batch(c, NULL, 1));
    REFUSED(wkv_eval_batch(c, NULL, 0));
    REFUSED(wkv_eval_batch(c, &one, 0));
    REFUSED(wkv_eval_batch(c, &one, -1));
    REFUSED(wkv_eval_batch(c, twice, 2));
    wrong.state = NULL;
    REFUSED(wkv_eval_batch(c, &wrong, 1));
    wrong = one, wrong.tokens = NULL;
    REFUSED(wkv_eval_batch(c, &wrong, 1));
    wrong = one, wrong.n = 0;
    REFUSED(wkv_eval_batch(c, &wrong, 1));
    REFUSED(wkv_head(NULL, logits, 1, logits));
    REFUSED(wkv_head(c, NULL, 1, logits));
    REFUSED(wkv_head(c, logits, 0, logits));
    REFUSED(wkv_head(c, logits, 1, NULL));
}

static void text(void)
{
    int32_t out_ids[8];
    size_t bytes = 7;
    char shown[64] = "x";
    REFUSED(wkv_tokenizer_open(NULL, "bytes", NULL));
    NOTHING(wkv_tokenizer, wkv_tokenizer_open(&out, NULL, NULL));
    EXPECT(!wkv_tokenizer_name(NULL) && !wkv_tokenizer_path(NULL));
    EXPECT_EQ(wkv_tokenizer_size(NULL), 0);
    EXPECT_EQ(wkv_tokenizer_end(NULL), -1);
    REFUSED(wkv_encode(NULL, "a", 1, out_ids, 8));
    REFUSED(wkv_encode(t, NULL, 1, out_ids, 8));
    REFUSED(wkv_encode(t, "a", 1, NULL, 8));
    REFUSED(wkv_encode(t, "a", 1, out_ids, -1));
    REFUSED(wkv_encode(t, "a", (size_t)INT_MAX + 1, out_ids, 1));
    EXPECT_EQ(wkv_encode(t, NULL, 0, NULL, 0), 0);
    EXPECT(wkv_encode(t, "Once upon", 9, out_ids, 1) >= 1);
    REFUSED(wkv_encode_prompt(NULL, "a", 1, out_ids, 8));
    REFUSED(wkv_encode_prompt(t, NULL, 2, out_ids, 8));
    REFUSED(wkv_encode_prompt(t, "a", 1, out_ids, -1));
    EXPECT_EQ(wkv_encode_prompt(t, NULL, 0, NULL, 0), 0);
    EXPECT(!wkv_token_bytes(NULL, 1, &bytes) && bytes == 0);
    EXPECT(!wkv_token_bytes(t, 1, NULL));
    EXPECT(*wkv_token_bytes(t, -1, &bytes) == 0 && bytes == 0);
    EXPECT(*wkv_token_bytes(t, 1 << 30, &bytes) == 0 && bytes == 0);
    wkv_decoder d = {0};
    EXPECT_EQ(wkv_decode(NULL, t, 1, shown), 0);
    EXPECT_EQ(wkv_decode(&d, NULL, 1, shown), 0);
    EXPECT_EQ(wkv_decode(&d, t, 1, NULL), 0);
    EXPECT_EQ(wkv_decode(&d, t, -5, shown), 0);
    EXPECT_EQ(wkv_decode_end(NULL, shown), 0);
    EXPECT_EQ(wkv_decode_end(&d, NULL), 0);
    EXPECT_EQ(wkv_decoder_room(NULL), 0);

    const wkv_template *g1;
    REFUSED(wkv_template_find(NULL, "g1", NULL, NULL));
    NOTHING(const wkv_template, wkv_template_find(&out, "nope", NULL, NULL));
    EXPECT_EQ(wkv_template_find(&g1, "g1", NULL, NULL), 0);
    EXPECT_EQ(wkv_template_turn(NULL, 1, NULL, "hi", WKV_THINK_OFF, shown, sizeof shown), 0);
    EXPECT_EQ(wkv_template_turn(g1, 1, NULL, NULL, WKV_THINK_OFF, shown, sizeof shown), 0);
    EXPECT_STR(shown, "");
    EXPECT(wkv_template_turn(g1, 1, NULL, "hi", (wkv_think)77, NULL, 10) > 0);
    EXPECT_EQ(wkv_template_reply(NULL, "hi", shown, sizeof shown), 0);
    EXPECT_EQ(wkv_template_reply(g1, NULL, shown, sizeof shown), 0);
    EXPECT(wkv_template_reply(g1, "hi", NULL, 0) > 0);
    const wkv_think off = WKV_THINK_OFF;
    EXPECT_EQ(wkv_template_tools_turn(NULL, 1, NULL, "- f()", "hi", off, 1, shown, sizeof shown), 0);
    EXPECT_STR(shown, "");
    EXPECT_EQ(wkv_template_tools_turn(g1, 1, NULL, "- f()", NULL, off, 1, shown, sizeof shown), 0);
    EXPECT(wkv_template_tools_turn(g1, 0, NULL, NULL, "hi", (wkv_think)77, 1, NULL, 10) > 0);
    EXPECT_EQ(wkv_template_tools_reply(NULL, "{}", shown, sizeof shown), 0);
    EXPECT_EQ(wkv_template_tools_reply(g1, NULL, shown, sizeof shown), 0);
    EXPECT(wkv_template_tools_reply(g1, "{}", NULL, 10) > 0);

    wkv_profile p = {.name = "as it was"};
    wkv_template_profile(NULL, g1, off, m);
    wkv_template_profile(&p, NULL, off, m);
    EXPECT_STR(p.name, "as it was");
    wkv_template_profile(&p, g1, (wkv_think)77, NULL);
    EXPECT(strstr(p.name, "g1") == p.name);
    wkv_sampler_options o = {.temperature = nan_, .top_k = -1, .top_p = 0.25f};
    wkv_profile_fill(NULL, &p, NULL);
    wkv_profile_fill(&o, NULL, NULL);
    EXPECT(isnan(o.temperature) && o.top_k == -1);
    wkv_profile_fill(&o, &p, NULL);
    EXPECT(o.temperature == p.sampler.temperature && o.top_k == p.sampler.top_k && o.top_p == 0.25f);
    wkv_tokenizer *of_bytes = NULL; /* penalties are for words */
    EXPECT_EQ(wkv_tokenizer_open(&of_bytes, "bytes", NULL), 0);
    p.sampler.presence = 1;
    o.presence = o.frequency = nan_;
    wkv_profile_fill(&o, &p, of_bytes);
    EXPECT_NEAR(o.presence, 0, 0);
    o.presence = nan_;
    wkv_profile_fill(&o, &p, NULL);
    EXPECT_NEAR(o.presence, 1, 0);
    wkv_tokenizer_close(of_bytes);
}

static void tools(void)
{
    char *list;
    wkv_tools *tools;
    wkv_call_reader *calls;
    wkv_call_part part;
    REFUSED(wkv_tools_new(NULL, "[]", 2));
    NOTHING(wkv_tools, wkv_tools_new(&out, NULL, 0));
    EXPECT_EQ(wkv_tools_new(&tools, "[{\"name\":\"f\"}]", 14), 0);
    REFUSED(wkv_tools_list(NULL, tools));
    NOTHING(char, wkv_tools_list(&out, NULL));
    EXPECT_EQ(wkv_tools_list(&list, tools), 0);
    free(list);
    EXPECT_EQ(wkv_tools_count(NULL), 0);
    EXPECT_EQ(wkv_tools_count(tools), 1);
    EXPECT(!wkv_tools_name(NULL, 0) && !wkv_tools_name(tools, -1) && !wkv_tools_name(tools, 1));
    EXPECT_STR(wkv_tools_name(tools, 0), "f");
    const wkv_template *how, *raven;
    EXPECT_EQ(wkv_template_find(&how, "g1", NULL, NULL), 0);
    EXPECT_EQ(wkv_template_find(&raven, "raven", NULL, NULL), 0);
    const wkv_answer_form form = {.how = how, .tools = tools}, none = {0}, old = {.how = raven, .tools = tools};
    REFUSED(wkv_grammar_answer(NULL, &form, t));
    NOTHING(wkv_grammar, wkv_grammar_answer(&out, NULL, t));
    NOTHING(wkv_grammar, wkv_grammar_answer(&out, &form, NULL));
    NOTHING(wkv_grammar, wkv_grammar_answer(&out, &none, t));
    NOTHING(wkv_grammar, wkv_grammar_answer(&out, &old, t));
    wkv_tools_free(tools);
    wkv_tools_free(NULL);
    REFUSED(wkv_call_reader_new(NULL));
    EXPECT_EQ(wkv_call_reader_new(&calls), 0);
    REFUSED(wkv_call_reader_put(NULL, "", 0));
    EXPECT_EQ(wkv_call_reader_put(calls, "", 0), 0);
    EXPECT_EQ(wkv_call_reader_next(NULL, &part), 0);
    EXPECT_EQ(wkv_call_reader_next(calls, NULL), 0);
    EXPECT_EQ(wkv_call_reader_next(calls, &part), 0);
    wkv_call_reader_free(calls);
    wkv_call_reader_free(NULL);
    REFUSED(wkv_call_text(NULL, "f", "{}"));
    NOTHING(char, wkv_call_text(&out, NULL, "{}"));
    NOTHING(char, wkv_call_text(&out, "f", NULL));
}

static void samplers(void)
{
    const int32_t outside[2] = {-1, V};
    const float bias[2] = {1, nan_};
    wkv_sampler *sampler;
    REFUSED(wkv_sampler_new(NULL, NULL, V, NULL));
    NOTHING(wkv_sampler, wkv_sampler_new(&out, NULL, 0, NULL));
    NOTHING(wkv_sampler, wkv_sampler_new(&out, NULL, -1, NULL));
#define WRONG(...) NOTHING(wkv_sampler, wkv_sampler_new(&out, &(wkv_sampler_options){__VA_ARGS__}, V, NULL))
    WRONG(.temperature = nan_);
    WRONG(.temperature = -1);
    WRONG(.top_k = -1);
    WRONG(.top_p = 2);
    WRONG(.bans = outside, .n_bans = 2);
    WRONG(.n_bans = 2);
    WRONG(.bans = ids, .n_bans = -1);
    WRONG(.bias_ids = outside, .bias = bias, .n_bias = 2);
    WRONG(.bias_ids = ids, .n_bias = 2);
    WRONG(.bias_ids = ids, .bias = bias, .n_bias = 2);
    EXPECT_EQ(wkv_sampler_new(&sampler, NULL, V, NULL), 0);
    REFUSED(wkv_sample(NULL, logits));
    REFUSED(wkv_sample(sampler, NULL));
    REFUSED(wkv_sample_masked(NULL, logits, NULL));
    REFUSED(wkv_sample_masked(sampler, NULL, NULL));
    REFUSED(wkv_sampler_count(NULL, 1));
    wkv_sampler_reset(NULL);
    EXPECT_EQ(wkv_sampler_count(sampler, -1), 0);
    EXPECT_EQ(wkv_sampler_count(sampler, 1 << 30), 0);
    wkv_sampler_free(sampler);
}

static void files(void)
{
    REFUSED(wkv_convert(NULL, "x.gguf", NULL));
    REFUSED(wkv_convert(m, NULL, NULL));
    REFUSED(wkv_convert(m, "x.doc", NULL));
    REFUSED(wkv_convert(m, "x.gguf", &(wkv_convert_options){.type = "q9"}));
    char folder[64];
    EXPECT_EQ(wkv_model_folder(NULL, 64, 0), 0);
    EXPECT_EQ(wkv_model_folder(folder, 0, 0), 0);
    EXPECT_EQ(wkv_model_folder(folder, sizeof folder, -1), 0);
    EXPECT_EQ(wkv_model_folder(folder, sizeof folder, 3), 0);
    REFUSED(wkv_model_refuse_output(NULL, "x"));
    REFUSED(wkv_model_refuse_output(m, NULL));

    size_t bytes;
    char *text = NULL;
    REFUSED(wkv_file_open(NULL, "x"));
    NOTHING(FILE, wkv_file_open(&out, NULL));
    REFUSED(wkv_file_read(NULL, &bytes, "x"));
    REFUSED(wkv_file_read(&text, NULL, "x"));
    NOTHING(char, wkv_file_read(&out, &bytes, NULL));
    EXPECT(!wkv_file_same(NULL, "x") && !wkv_file_same("x", NULL));
    REFUSED(wkv_file_refuse_input(NULL, "x", "the text"));
    EXPECT_EQ(wkv_file_refuse_input("x", NULL, "the text"), 0);
    REFUSED(wkv_file_refuse_input("/dev/null", "/dev/null", NULL));
    REFUSED(wkv_file_make_folders(NULL, 0755));
    REFUSED(wkv_file_create(NULL, "x"));
    NOTHING(wkv_file, wkv_file_create(&out, NULL));
    REFUSED(wkv_file_put(NULL, "x", 1));
    REFUSED(wkv_file_commit(NULL));
    wkv_file_abandon(NULL);

    const wkv_array sound = {.name = "x", .ids = ids, .dims = 1, .shape = {2}};
    wkv_array wrong = sound;
#define WRONG_ARRAY(field, value)                                                                                      \
    do {                                                                                                               \
        wrong = sound;                                                                                                 \
        wrong.field = value;                                                                                           \
        REFUSED(wkv_arrays_write("x.npz", &wrong, 1, NULL));                                                           \
    } while (0)
    REFUSED(wkv_arrays_write(NULL, &sound, 1, NULL));
    REFUSED(wkv_arrays_write("x.npz", NULL, 1, NULL));
    REFUSED(wkv_arrays_write("x.npz", &sound, 0, NULL));
    REFUSED(wkv_arrays_write("x.doc", &sound, 1, NULL));
    REFUSED(wkv_arrays_write("x.npz", (const wkv_array[]){sound, sound}, 2, NULL));
    REFUSED(wkv_arrays_write("x.npz", &sound, 1, (const char *const[]){"key", NULL}));
    REFUSED(wkv_arrays_write("x.npz", &sound, 1, (const char *const[]){"key", "\xff", NULL}));
    WRONG_ARRAY(name, NULL);
    WRONG_ARRAY(name, "");
    WRONG_ARRAY(name, "a/b");
    WRONG_ARRAY(name, "\xff");
    WRONG_ARRAY(ids, NULL);
    WRONG_ARRAY(values, logits);
    WRONG_ARRAY(dims, 5);
    WRONG_ARRAY(dims, -1);
    WRONG_ARRAY(shape[0], 0);
    WRONG_ARRAY(shape[0], INT64_MAX);
    EXPECT_EQ(wkv_arrays_write("api-array.npz", &sound, 1, NULL), 0);
    remove("api-array.npz");
}

static void base(void)
{
    char id[32];
    json_t *value;
    EXPECT_EQ(wkv_json_read(&value, "{\"a\": [1]}", 10), 0);
    EXPECT_EQ(json_array_size(json_object_get(value, "a")), 1);
    json_decref(value);
    REFUSED(wkv_json_read(NULL, "{}", 2));
    NOTHING(json_t, wkv_json_read(&out, NULL, 2));
    EXPECT_EQ(wkv_json_read(&value, NULL, 0), WKV_EFORMAT);
    EXPECT_EQ(wkv_json_read(&value, "{", 1), WKV_EFORMAT);
    EXPECT(!value);
    EXPECT_EQ(wkv_utf8_length("\xe4\xbd\xa0", 3), 3);
    EXPECT_EQ(wkv_utf8_length("\xe4\xbd\xa0", 2), 0);
    EXPECT_EQ(wkv_utf8_length("\xff", 1), -1);
    EXPECT_EQ(wkv_utf8_length(NULL, 1), 0);
    EXPECT_EQ(wkv_utf8_length("a", 0), 0);
    REFUSED(wkv_id_new(NULL, "a"));
    REFUSED(wkv_id_new(id, NULL));
    EXPECT_EQ(wkv_id_new(id, "a"), 0);
    EXPECT_EQ(strlen(id), 28);
    EXPECT(wkv_random_seed() < (uint64_t)1 << 32);
}

int main(void)
{
    if (api_begin()) return 1;
    RUN(models);
    RUN(contexts_and_states);
    RUN(evaluation);
    RUN(text);
    RUN(tools);
    RUN(samplers);
    RUN(files);
    RUN(base);
    api_end();
    return DONE();
}
