/* pairs.c - reading pairs of a chosen and a rejected answer. */
#include "train/pairs.h"
#include "base/error.h"
#include <stdint.h>
#include <stdio.h>

static const char *const prompts[] = {"prompt", "question", "instruction", "input"};

/* Messages of prompt and answer as one list. A list that does not begin with an answer is a whole conversation and
 * replaces the prompt. */
static json_t *joined_lists(json_t *prompt, json_t *answer)
{
    json_t *all = json_array();
    int continues = conversation_is_answer(json_array_get(answer, 0));
    if (continues && json_is_array(prompt))
        json_array_extend(all, prompt);
    else if (continues && json_is_string(prompt))
        json_array_append_new(all, json_pack("{ss sO}", "role", "user", "content", prompt));
    json_array_extend(all, answer);
    return json_pack("{so}", "messages", all);
}

/* One answer after the prompt, which may be NULL. */
static json_t *conversation(json_t *prompt, json_t *answer)
{
    if (json_is_array(answer)) return joined_lists(prompt, answer);
    if (json_is_string(prompt)) return json_pack("{sO sO}", "prompt", prompt, "response", answer);
    if (!json_is_array(prompt)) return json_pack("{sO}", "text", answer);
    json_t *list = json_array();
    json_array_append_new(list, json_pack("{ss sO}", "role", "assistant", "content", answer));
    json_t *whole = joined_lists(prompt, list);
    json_decref(list);
    return whole;
}

/* Names of the fields PROMPT,CHOSEN,REJECTED; without --fields the known ones. */
static int find_parts(json_t *parts[3], json_t *object, const char *fields)
{
    char name[3][128] = {"", "chosen", "rejected"};
    if (fields && sscanf(fields, "%127[^,],%127[^,],%127[^,]", name[0], name[1], name[2]) != 3)
        return fail(WKV_EARG, "--fields '%s': expected PROMPT,CHOSEN,REJECTED for pairs", fields);
    parts[0] = json_object_get(object, name[0]);
    for (size_t i = 0; !fields && !parts[0] && i < sizeof prompts / sizeof *prompts; i++)
        parts[0] = json_object_get(object, prompts[i]);
    for (int i = 1; i < 3; i++) {
        parts[i] = json_object_get(object, name[i]);
        if (!json_is_string(parts[i]) && !json_is_array(parts[i]))
            return fail(WKV_EFORMAT,
                        "no string or list of messages \"%s\"; a pair has \"prompt\", \"chosen\" and "
                        "\"rejected\" (--fields PROMPT,CHOSEN,REJECTED names others)",
                        name[i]);
    }
    if (json_typeof(parts[1]) != json_typeof(parts[2]))
        return fail(WKV_EFORMAT, "one answer of the pair is a string and the other a list of messages");
    return fields && !parts[0] ? fail(WKV_EFORMAT, "no field \"%s\" (--fields)", name[0]) : 0;
}

int pair_read(json_t *out[2], const json_t *object, const document_form *form)
{
    json_t *parts[3], *o = (json_t *)(uintptr_t)object, *system = json_object_get(o, "system");
    out[0] = out[1] = NULL;
    int err = find_parts(parts, o, form->fields);
    for (int i = 0; i < 2 && !err; i++) {
        out[i] = conversation(parts[0], parts[i + 1]);
        if (!out[i] || (json_is_string(system) && json_object_set(out[i], "system", system)))
            err = fail(WKV_ENOMEM, "no memory for a pair of answers");
    }
    return err;
}
