/* base_api.c - wkv_base.h over this folder. */
#include "wkv_base.h"
#include "base/error.h"
#include "base/id.h"
#include "base/json.h"
#include "base/platform/system.h"
#include "base/utf8.h"
#include <string.h>
#include <time.h>

int wkv_json_read(struct json_t **out, const char *text, size_t bytes)
{
    REQUIRE(out, "out");
    *out = NULL;
    if (!text && bytes) return fail(WKV_EARG, "%s: the text is NULL", __func__);
    return json_read(out, text ? text : "", bytes, 0);
}

int wkv_utf8_length(const char *p, size_t n) { return p && n ? utf8_length(p, n) : 0; }

int wkv_id_new(char out[32], const char *prefix)
{
    REQUIRE(out, "out");
    REQUIRE(prefix, "the prefix");
    return id_new(out, prefix);
}

uint64_t wkv_random_seed(void)
{
    uint32_t seed;
    if (system_random(&seed, sizeof seed)) seed = (uint32_t)time(NULL) ^ (uint32_t)system_process() << 16;
    return seed;
}
