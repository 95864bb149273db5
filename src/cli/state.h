/* state.h - the parts of `wkv state`. Each returns the exit status. */
#ifndef WKV_CLI_STATE_H
#define WKV_CLI_STATE_H

#include "engine.h"
#include "wkv_state.h"

/* Open a state file; NULL after an error message. */
wkv_state_file *state_open(const char *path);

/* Print a note with the differences of the weights and the arithmetic, if there are any; *differs: there are. Returns
 * 0, or 1 after an error message: the state does not fit the model. */
int state_note(const wkv_state_file *f, const char *path, const engine *e, int *differs);

/* info: describe the files. verify: check them, and with a model read their ids again. */
int state_info(int n, char **paths, int as_json);
int state_verify(int n, char **paths);

/* diff: the effect of every layer, and with `heads` of every head, after the probe. */
typedef struct {
    const char *path[2], *probe;
    int heads, as_json;
} state_comparison;
int state_diff(const state_comparison *c);

#endif
