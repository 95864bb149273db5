/* commands.h - the commands, one file each: cmd_NAME.c. */
#ifndef WKV_CLI_COMMANDS_H
#define WKV_CLI_COMMANDS_H

#include "option.h"

extern const command cmd_info, cmd_generate, cmd_chat, cmd_tokenize, cmd_logits, cmd_train, cmd_vocab, cmd_tune,
    cmd_merge, cmd_convert, cmd_bench, cmd_selftest, cmd_pull, cmd_doctor, cmd_state, cmd_session, cmd_dump,
    cmd_serve;

#endif
