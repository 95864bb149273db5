/* cmd_selftest.c - `wkv selftest`: verify the results of this build on this machine. */
#include "commands.h"
#include "engine.h"
#include "say.h"
#include "base/platform/system.h"
#include "wkv.h"
#include <jansson.h>
#include <stdlib.h>

static int as_json, failures, checks;
static json_t *list;
static const char *device;

static const option options[] = {
    DEVICE_OPTION(&device),
    {0, "json", OPT_SWITCH, NULL, &as_json, 0, 0, "", "write the checks as JSON"},
};
static const group own = GROUP("Report", options);
static const group *const groups[] = {&own, &general_group, NULL};

static void report(void *user, const char *line, int passed)
{
    (void)user;
    checks++;
    failures += !passed;
    if (as_json)
        json_array_append_new(list, json_pack("{s:s s:b}", "check", line, "passed", passed));
    else
        put_text("%s%s%s  %s\n", passed ? "" : bold(1), passed ? "ok  " : "FAIL", plain(1), line), put_flush();
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    if (device) system_set_variable("WKV_DEVICE", device); /* the library's default device, which the test includes */
    list = json_array();
    int status = wkv_selftest(report, NULL) || failures ? 1 : 0;
    if (as_json) {
        char *text = json_dumps(list, JSON_INDENT(2));
        put_text("%s\n", text);
        free(text);
    }
    json_decref(list);
    if (status && !failures) return complain_library();
    if (failures)
        return complain("%d of %d checks failed: this build gives wrong results on this machine", failures, checks);
    note("all %d checks passed", checks);
    return 0;
}

const command cmd_selftest = {
    .name = "selftest",
    .operands = "",
    .most = 0,
    .summary = "verify this build's results on this machine",
    .about = "Run tiny models of every version with known logits through every instruction set of this processor, and "
             "on --device where it is another one. Prints a line per check; the exit status is 1 if one fails.",
    .examples = "wkv selftest  # takes a second",
    .groups = groups,
    .run = run,
};
