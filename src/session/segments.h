/* segments.h - the segments of a session: texts that were appended, and answers. */
#ifndef WKV_SESSION_SEGMENTS_H
#define WKV_SESSION_SEGMENTS_H

typedef enum {
    SEGMENT_TEXT,   /* encoded from a text                                       */
    SEGMENT_ANSWER, /* an answer or the beginning of one, encoded from a text    */
    SEGMENT_SAMPLED /* an answer with the ids that were sampled                  */
} segment_kind;

/* The ids from the end of the segment before it up to `end`. */
typedef struct {
    int end;
    segment_kind kind;
} segment;

typedef struct {
    segment *at;
    int n, cap;
} segments;

int segments_reserve(segments *s, int n); /* room for n more. WKV_ENOMEM */
/* Append a segment for which there is room, unless it is empty. */
void segments_add(segments *s, int end, segment_kind kind);
int segments_copy(segments *to, const segments *from); /* WKV_ENOMEM */
void segments_release(segments *s);

/* The segments of the first n ids as text, the ends in order and sampled answers with an a: "12 40a 55". The caller
 * frees it. WKV_ENOMEM */
int segments_print(char **out, const segments *s, int n);
/* The segments of such a text for n ids; "": one. WKV_EFORMAT: another text; WKV_ENOMEM. */
int segments_parse(segments *out, const char *text, int n);
int segments_check(const char *text, int n); /* the same, without them */

#endif
