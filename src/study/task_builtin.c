/* task_builtin.c - the descriptions of the built-in tasks: data, in the form that a user's file has.
 *
 * Texts are those of lm-evaluation-harness, lm_eval/tasks, and of RWKV-LM, RWKV-v7/rwkv_mmlu_eval.py (blinkdl). */
#include "study/task.h"
#include <string.h>

/* clang-format off */
static const struct {
    const char *name, *text;
} tasks[] = {
    /* The last word of a passage. */
    {"lambada", "{\"name\": \"lambada\", \"title\": \"LAMBADA (OpenAI)\", \"file\": [\"lambada_test\", \"lambada_openai\"],"
    " \"source\": \"https://huggingface.co/datasets/EleutherAI/lambada_openai\","
    " \"context\": \"{text|before_last( )}\", \"target\": \"{text|after_last( )}\","
    " \"metrics\": [\"perplexity\", \"acc\"], \"blinkdl\": {}}"},

    {"piqa", "{\"name\": \"piqa\", \"title\": \"PIQA\", \"file\": [\"piqa_valid\", \"piqa_validation\", \"piqa\"],"
    " \"source\": \"https://huggingface.co/datasets/ybisk/piqa\","
    " \"context\": \"Question: {goal}\\nAnswer:\", \"choices\": [\"{sol1}\", \"{sol2}\"], \"answer\": \"{label}\"}"},

    /* The data set itself has four fields; a cleaned text version has \"query\" and \"choices\". */
    {"hellaswag", "{\"name\": \"hellaswag\", \"title\": \"HellaSwag\","
    " \"file\": [\"hellaswag_val\", \"hellaswag_validation\", \"hellaswag\"],"
    " \"source\": \"https://huggingface.co/datasets/Rowan/hellaswag\","
    " \"context\": \"{activity_label}: {ctx_a} {ctx_b|capitalize}\", \"context_filter\": \"clean\","
    " \"choices\": \"{endings|clean}\", \"answer\": \"{label}\","
    " \"forms\": [{\"has\": \"query\", \"context\": \"{query}\", \"context_filter\": \"\","
    " \"choices\": \"{choices}\"}]}"},

    /* Partial evaluation: the text after the blank, given each option before it. */
    {"winogrande", "{\"name\": \"winogrande\", \"title\": \"WinoGrande\","
    " \"file\": [\"winogrande_dev\", \"winogrande_xl_validation\", \"winogrande_validation\", \"winogrande\"],"
    " \"source\": \"https://huggingface.co/datasets/allenai/winogrande\","
    " \"context\": [\"{sentence|before(_)}{option1}\", \"{sentence|before(_)}{option2}\"],"
    " \"target\": \"{sentence|after(_)|strip}\", \"answer\": \"{answer}\", \"labels\": [\"1\", \"2\"]}"},

    {"arc_easy", "{\"name\": \"arc_easy\", \"title\": \"ARC easy\","
    " \"file\": [\"arc_easy_test\", \"ARC-Easy-Test\", \"arc_easy\"],"
    " \"source\": \"https://huggingface.co/datasets/allenai/ai2_arc\","
    " \"context\": \"Question: {question}\\nAnswer:\", \"choices\": \"{choices.text}\", \"answer\": \"{answerKey}\","
    " \"labels\": \"{choices.label}\"}"},

    {"arc_challenge", "{\"name\": \"arc_challenge\", \"title\": \"ARC challenge\","
    " \"file\": [\"arc_challenge_test\", \"ARC-Challenge-Test\", \"arc_challenge\"],"
    " \"source\": \"https://huggingface.co/datasets/allenai/ai2_arc\","
    " \"context\": \"Question: {question}\\nAnswer:\", \"choices\": \"{choices.text}\", \"answer\": \"{answerKey}\","
    " \"labels\": \"{choices.label}\"}"},

    {"openbookqa", "{\"name\": \"openbookqa\", \"title\": \"OpenBookQA\", \"file\": [\"openbookqa_test\", \"openbookqa\"],"
    " \"source\": \"https://huggingface.co/datasets/allenai/openbookqa\","
    " \"context\": \"{question_stem}\", \"choices\": \"{choices.text}\", \"answer\": \"{answerKey}\","
    " \"labels\": \"{choices.label}\"}"},

    /* SuperGLUE's validation split is the end of COPA's development set. Version 0.4 has two spaces before a choice. */
    {"copa", "{\"name\": \"copa\", \"title\": \"COPA\","
    " \"file\": [\"copa_validation\", \"copa_val\", \"copa_dev[400:]\", \"copa\"],"
    " \"source\": \"https://huggingface.co/datasets/aps/super_glue\","
    " \"context\": \"{premise|strip|drop_last} {question|map(cause=because,effect=therefore)}\","
    " \"choices\": [\"{choice1|lower_first}\", \"{choice2|lower_first}\"], \"answer\": \"{label}\","
    " \"metrics\": [\"acc\"], \"harness-0.4\": {\"choices\": [\" {choice1|lower_first}\", \" {choice2|lower_first}\"]}}"},

    /* Two sentences, each from its beginning; version 0.4 has a space before a choice. */
    {"blimp", "{\"name\": \"blimp\", \"title\": \"BLiMP\", \"file\": [\"blimp_100each\", \"blimp\"],"
    " \"source\": \"https://huggingface.co/datasets/nyu-mll/blimp\","
    " \"context\": \"\", \"choices\": [\"{sentence_good}\", \"{sentence_bad}\"], \"answer\": \"0\","
    " \"group\": \"{UID}\", \"metrics\": [\"acc\"],"
    " \"forms\": [{\"has\": \"good\", \"choices\": [\"{good}\", \"{bad}\"]}],"
    " \"harness-0.3\": {\"delimiter\": \"\"}, \"chatrwkv\": {\"delimiter\": \"\"}}"},

    {"mmlu", "{\"name\": \"mmlu\", \"title\": \"MMLU\", \"file\": [\"mmlu_test\", \"mmlu\", \"mmlu_dev\"],"
    " \"source\": \"https://huggingface.co/datasets/cais/mmlu\","
    " \"description\": \"The following are multiple choice questions (with answers) about {subject|replace(_, )}.\\n\\n\","
    " \"context\": \"{question|strip}\\nA. {choices.0}\\nB. {choices.1}\\nC. {choices.2}\\nD. {choices.3}\\nAnswer:\","
    " \"choices\": [\"A\", \"B\", \"C\", \"D\"], \"answer\": \"{answer}\", \"group\": \"{subject}\","
    " \"shots_by_group\": true, \"single_token\": true, \"metrics\": [\"acc\"], \"rules\": [\"harness-0.4\", \"blinkdl\"],"
    " \"blinkdl\": {\"description\": \"User: You are a very talented expert in {subject|replace(_, )}. Answer this "
    "question:\\n\","
    " \"context\": \"{question}\\nA. {choices.0}\\nB. {choices.1}\\nC. {choices.2}\\nD. {choices.3}\\n\\n"
    "Assistant: The answer is\"}}"},

    {"sciq", "{\"name\": \"sciq\", \"title\": \"SciQ\", \"file\": [\"sciq_test\", \"sciq\"],"
    " \"source\": \"https://huggingface.co/datasets/allenai/sciq\","
    " \"context\": \"{support|strip_left}\\nQuestion: {question}\\nAnswer:\","
    " \"choices\": [\"{distractor1}\", \"{distractor2}\", \"{distractor3}\", \"{correct_answer}\"], \"answer\": \"3\","
    " \"harness-0.3\": {\"context\": \"{support}\\nQuestion: {question}\\nAnswer:\", \"context_filter\": \"strip\"},"
    " \"chatrwkv\": {\"context\": \"{support}\\nQuestion: {question}\\nAnswer:\", \"context_filter\": \"strip\"}}"},

    {"headqa", "{\"name\": \"headqa\", \"title\": \"HeadQA (English)\", \"file\": [\"headqa_en_test\", \"headqa_en\", \"headqa\"],"
    " \"source\": \"https://huggingface.co/datasets/EleutherAI/headqa\","
    " \"context\": \"Question: {qtext}\\nAnswer:\", \"choices\": \"{answers.atext}\", \"answer\": \"{ra}\","
    " \"labels\": \"{answers.aid}\"}"},

    {"storycloze", "{\"name\": \"storycloze\", \"title\": \"StoryCloze 2016\", \"file\": [\"storycloze_2016\", \"storycloze\"],"
    " \"source\": \"https://cs.rochester.edu/nlp/rocstories/\","
    " \"context\": \"{input_sentence_1} {input_sentence_2} {input_sentence_3} {input_sentence_4}\","
    " \"choices\": [\"{sentence_quiz1}\", \"{sentence_quiz2}\"], \"answer\": \"{answer_right_ending}\","
    " \"labels\": [\"1\", \"2\"], \"metrics\": [\"acc\"]}"},
};
/* clang-format on */

enum { TASKS = sizeof tasks / sizeof *tasks };

const char *wkv_task_name(int i) { return i >= 0 && i < TASKS ? tasks[i].name : NULL; }

const char *task_builtin(const char *name)
{
    for (int i = 0; i < TASKS; i++)
        if (!strcmp(tasks[i].name, name)) return tasks[i].text;
    return NULL;
}
