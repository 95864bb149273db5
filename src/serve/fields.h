/* fields.h - fields of a JSON object with their types: a missing one or null leaves the value as it is, a wrong type is
 * status 400 with the field's name. Fields that nobody asks for are ignored.
 *
 * Functions with a problem return 0, or -1 with it filled in. Texts are borrowed from the object. */
#ifndef WKV_SERVE_FIELDS_H
#define WKV_SERVE_FIELDS_H

#include "problem.h"
#include <jansson.h>
#include <stdint.h>

/* The object of a body: {...} in UTF-8. The caller releases it with json_decref. 413: it has too many values. */
int fields_read(json_t **object, const char *body, size_t bytes, problem *p);

int field_text(const char **to, const json_t *o, const char *name, problem *p);
int field_flag(int *to, const json_t *o, const char *name, problem *p);
int field_count(int *to, const json_t *o, const char *name, int64_t least, int64_t most, problem *p);
int field_real(float *to, const json_t *o, const char *name, double least, double most, problem *p);
int field_list(const json_t **to, const json_t *o, const char *name, problem *p);
int field_object(const json_t **to, const json_t *o, const char *name, problem *p);

/* A text whose absence the caller reports, or takes for another form; NULL: missing, or not a text. */
const char *field_word(const json_t *o, const char *name);

/* 400: the field is of another type than expected. */
int field_refuse(problem *p, const char *name, const char *expected, const json_t *found);

#endif
