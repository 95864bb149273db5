/* commands.h - the commands, one file each: cmd_NAME.c. */
#ifndef WKV_CLI_COMMANDS_H
#define WKV_CLI_COMMANDS_H

#include "option.h"

extern const command cmd_generate, cmd_chat, cmd_serve, cmd_info, cmd_tokenize, cmd_logits, cmd_dump, cmd_state,
    cmd_session, cmd_train, cmd_vocab, cmd_tune, cmd_merge, cmd_convert, cmd_pull, cmd_eval, cmd_curve, cmd_decay,
    cmd_lens, cmd_trace, cmd_bench, cmd_doctor, cmd_selftest;

#endif
