/* svg.h - assertions on pictures in SVG, alone or in a page: well-formed XML, no NaN or infinite number, all texts inside
 * the picture, and no two texts on each other.
 *
 * The width of a text is an estimate of its own, of a narrower font than the one that the pictures are laid out for. */
#ifndef WKV_TESTS_SVG_H
#define WKV_TESTS_SVG_H

#include <ctype.h>
#include <stdlib.h>
#include "test.h"

enum { SVG_TEXTS = 8192, SVG_DEPTH = 64 };

typedef struct {
    double x0, y0, x1, y1;
    char text[48];
} svg_box;

/* The attribute `name` of a tag, copied to out; 0: there is none. */
static inline int svg_attribute(const char *tag, const char *end, const char *name, char *out, size_t capacity)
{
    const size_t n = strlen(name);
    for (const char *p = tag; p + n + 2 < end; p++) {
        if (p[0] != ' ' || strncmp(p + 1, name, n) || p[n + 1] != '=' || p[n + 2] != '"') continue;
        const char *from = p + n + 3, *to = memchr(from, '"', (size_t)(end - from));
        if (!to) return 0;
        snprintf(out, capacity, "%.*s", (int)(to - from), from);
        return 1;
    }
    return 0;
}

static inline double svg_number(const char *tag, const char *end, const char *name)
{
    char text[64];
    return svg_attribute(tag, end, name, text, sizeof text) ? atof(text) : 0;
}

/* Hundredths of the font size: letters, capitals, narrow letters; characters of three bytes and more are wide. */
static inline double svg_width(const char *text, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c == '&') {
            sum += 60;
            while (i < n && text[i] != ';') i++;
        } else if (c >= 0xe0)
            sum += c >= 0xe3 && c <= 0xed ? 100 : 50;
        else if (c >= 0xc0)
            sum += 55;
        else if (c < 0x80)
            sum += strchr(" ijl.,:;|'!()[]It", c) ? 28 : isupper(c) || strchr("mw%", c) ? 62 : 52;
    }
    return sum / 100;
}

static inline svg_box svg_text_box(const char *tag, const char *end, const char *text, size_t n)
{
    char anchor[16] = "", turn[64];
    const double size = svg_number(tag, end, "font-size"), w = svg_width(text, n) * size;
    const double x = svg_number(tag, end, "x"), y = svg_number(tag, end, "y");
    svg_attribute(tag, end, "text-anchor", anchor, sizeof anchor);
    const double back = !strcmp(anchor, "middle") ? w / 2 : !strcmp(anchor, "end") ? w : 0;
    svg_box b = {x - back, y - 0.75 * size, x - back + w, y + 0.2 * size, ""};
    if (svg_attribute(tag, end, "transform", turn, sizeof turn)) { /* rotate(-90 x y) */
        if (strncmp(turn, "rotate(-90 ", 11)) FAILED("a text has the transform %s", turn);
        b = (svg_box){x - 0.75 * size, y - w, x + 0.2 * size, y, ""};
    }
    snprintf(b.text, sizeof b.text, "%.*s", (int)n, text);
    return b;
}

static inline void svg_check_numbers(const char *tag, const char *end, const char *of)
{
    static const char *const names[] = {"d",     "x",      "y",       "cx",        "cy",        "r",
                                        "width", "height", "viewBox", "transform", "font-size", "style"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *text = malloc((size_t)(end - tag) + 1);
        if (svg_attribute(tag, end, names[i], text, (size_t)(end - tag) + 1))
            if (strstr(text, "nan") || strstr(text, "inf") || strstr(text, "e+"))
                FAILED("%s: %s=\"%.60s\"", of, names[i], text);
        free(text);
    }
}

/* The first place that is not XML, NULL: there is none. `&` begins an entity, attributes have quotes, and elements end
 * in the order in which they began. */
static inline const char *svg_fault(const char *p, const char *end)
{
    static const char *const entities[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&#39;"};
    char open[SVG_DEPTH][24];
    int depth = 0;
    while (p < end) {
        const char *const at = p;
        int valid = *p != '&';
        for (int i = 0; i < 5; i++) valid |= !strncmp(p, entities[i], strlen(entities[i]));
        if (!valid || ((unsigned char)*p < 32 && *p != '\n' && *p != '\t')) return at;
        if (*p++ != '<') continue;
        const char *name = p + (*p == '/'), *close = p;
        const size_t n = strcspn(name, " >/");
        for (int quotes = 0; close < end && (*close != '>' || quotes % 2); close++) quotes += *close == '"';
        if (close == end || n == 0 || n >= sizeof open[0]) return at;
        if (*p == '/') {
            if (!depth || strncmp(open[depth - 1], name, n) || open[depth - 1][n]) return at;
            depth--;
        } else if (close[-1] != '/') {
            if (depth == SVG_DEPTH) return at;
            snprintf(open[depth++], sizeof open[0], "%.*s", (int)n, name);
        }
        p = close + 1;
    }
    return depth ? end : NULL;
}

/* Check the picture from `svg` to `end`; returns its number of texts. */
static inline int svg_check_one(const char *svg, const char *end, const char *of)
{
    double width = 0, height = 0;
    char view[64] = "";
    const char *fault = svg_fault(svg, end);
    if (fault) {
        FAILED("%s: not well-formed at \"%.40s\"", of, fault);
        return 0;
    }
    svg_attribute(svg, strchr(svg, '>') + 1, "viewBox", view, sizeof view);
    if (sscanf(view, "0 0 %lf %lf", &width, &height) != 2 || !(width > 50) || !(height > 20) || height > 1e5)
        FAILED("%s: the viewBox is \"%s\"", of, view);
    svg_box *boxes = malloc(SVG_TEXTS * sizeof *boxes);
    int n = 0;
    for (const char *p = svg; p && p < end; p = strchr(p + 1, '<')) {
        const char *close = strchr(p, '>');
        svg_check_numbers(p, close, of);
        if (strncmp(p, "<text ", 6) || n == SVG_TEXTS) continue;
        const svg_box b = svg_text_box(p, close, close + 1, strcspn(close + 1, "<"));
        if (b.x0 < -0.5 || b.y0 < -0.5 || b.x1 > width + 0.5 || b.y1 > height + 0.5)
            FAILED("%s: \"%s\" at %.0f,%.0f to %.0f,%.0f leaves the picture of %.0f x %.0f", of, b.text, b.x0, b.y0,
                   b.x1, b.y1, width, height);
        for (int i = 0; i < n; i++)
            if (b.x0 < boxes[i].x1 && boxes[i].x0 < b.x1 && b.y0 < boxes[i].y1 && boxes[i].y0 < b.y1)
                FAILED("%s: \"%s\" overlaps \"%s\"", of, b.text, boxes[i].text);
        boxes[n++] = b;
    }
    free(boxes);
    return n;
}

/* Check every picture of a page or a file; returns their number. */
static inline int svg_check(const char *text, const char *of)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, "<svg ")); n++) {
        const char *end = strstr(p, "</svg>");
        if (!end) {
            FAILED("%s: an <svg> does not end", of);
            break;
        }
        svg_check_one(p, end + 6, of);
        p = end;
    }
    return n;
}

#endif
