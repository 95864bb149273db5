/* fields.c - typed fields of a request. */
#include "fields.h"
#include "wkv_base.h"
#include <math.h>
#include <string.h>

enum { VALUES = 96 << 20 /* bytes of memory for the values of a body: a million numbers, 100,000 messages */ };

/* "an array", "a string": the type of a value, in words. */
static const char *type_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a number";
    case JSON_TRUE:
    case JSON_FALSE: return "a boolean";
    default: return "null";
    }
}

/* Bytes of memory of Jansson's values, beside the texts of strings: 8 MB of empty objects would take 700 MB. */
static size_t memory_of(const char *body, size_t bytes)
{
    enum { VALUE = 96, MEMBER = 112, CONTAINER = 256 };
    size_t sum = 0;
    int quoted = 0;
    for (size_t i = 0; i < bytes; i++) {
        const char c = body[i];
        if (c == '"')
            quoted = !quoted;
        else if (quoted)
            i += c == '\\';
        else
            sum += c == ',' ? VALUE : c == ':' ? MEMBER : c == '[' || c == '{' ? CONTAINER : 0;
    }
    return sum;
}

int fields_read(json_t **object, const char *body, size_t bytes, problem *p)
{
    const size_t memory = memory_of(body, bytes);
    *object = NULL;
    if (memory > VALUES)
        return refuse(p, 413, NULL, "too_large", "the values of the body take %zu MB of memory, expected at most %d",
                      memory >> 20, VALUES >> 20);
    const int err = wkv_json_read(object, body, bytes);
    if (err == WKV_ENOMEM) return refuse_library(p, err, NULL);
    if (err) return refuse(p, 400, NULL, "invalid_json", "the body is no JSON object: %s", wkv_error());
    if (json_is_object(*object)) return 0;
    refuse(p, 400, NULL, "invalid_json", "the body is %s, expected an object", type_of(*object));
    json_decref(*object);
    *object = NULL;
    return -1;
}

int field_refuse(problem *p, const char *name, const char *expected, const json_t *found)
{
    return refuse(p, 400, name, "invalid_type", "%s is %s, expected %s", name, type_of(found), expected);
}

/* The value of a field; NULL: missing or null. */
static const json_t *value_of(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return v && !json_is_null(v) ? v : NULL;
}

int field_text(const char **to, const json_t *o, const char *name, problem *p)
{
    const json_t *v = value_of(o, name);
    if (!v) return 0;
    if (!json_is_string(v)) return field_refuse(p, name, "a string", v);
    *to = json_string_value(v);
    return 0;
}

const char *field_word(const json_t *o, const char *name) { return json_string_value(json_object_get(o, name)); }

int field_flag(int *to, const json_t *o, const char *name, problem *p)
{
    const json_t *v = value_of(o, name);
    if (!v) return 0;
    if (!json_is_boolean(v)) return field_refuse(p, name, "a boolean", v);
    *to = json_is_true(v);
    return 0;
}

int field_count(int *to, const json_t *o, const char *name, int64_t least, int64_t most, problem *p)
{
    const json_t *v = value_of(o, name);
    if (!v) return 0;
    const int whole =
        json_is_real(v) && json_real_value(v) == floor(json_real_value(v)); /* 16.0, as some clients write */
    if (!json_is_integer(v) && !whole) return field_refuse(p, name, "an integer", v);
    const double x = json_number_value(v);
    if (x < (double)least || x > (double)most)
        return refuse(p, 400, name, "out_of_range", "%s is %.0f, expected %lld to %lld", name, x, (long long)least,
                      (long long)most);
    *to = (int)x;
    return 0;
}

int field_real(float *to, const json_t *o, const char *name, double least, double most, problem *p)
{
    const json_t *v = value_of(o, name);
    if (!v) return 0;
    if (!json_is_number(v)) return field_refuse(p, name, "a number", v);
    const double x = json_number_value(v);
    if (!(x >= least && x <= most))
        return refuse(p, 400, name, "out_of_range", "%s is %g, expected %g to %g", name, x, least, most);
    *to = (float)x;
    return 0;
}

int field_list(const json_t **to, const json_t *o, const char *name, problem *p)
{
    const json_t *v = value_of(o, name);
    if (!v) return 0;
    if (!json_is_array(v)) return field_refuse(p, name, "an array", v);
    *to = v;
    return 0;
}

int field_object(const json_t **to, const json_t *o, const char *name, problem *p)
{
    const json_t *v = value_of(o, name);
    if (!v) return 0;
    if (!json_is_object(v)) return field_refuse(p, name, "an object", v);
    *to = v;
    return 0;
}
