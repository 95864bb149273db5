/* canvas.c - SVG with texts that do not overlap. */
#include "study/canvas.h"
#include "base/markup.h"
#include "base/number.h"
#include "study/palette.h"
#include <stdlib.h>

#define GAP 2.0 /* between texts side by side */

void canvas_open(canvas *c, canvas_form form, double width)
{
    *c = (canvas){.form = form, .width = width, .height = 1e6};
    c->f = stream_open(&c->text);
    c->lost = !c->f;
}

/* The drawing is written first, because the height is known last. */
char *canvas_close(canvas *c, const char *title, const char *description)
{
    stream all;
    if (c->f && fclose(c->f)) c->lost = 1;
    FILE *f = c->lost || c->text.lost ? NULL : stream_open(&all);
    if (f) {
        static const char *const classes[] = {"chart wide", "chart narrow", "chart"};
        fprintf(f, "<svg ");
        if (c->form == CANVAS_FILE)
            fprintf(f, "xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" ", c->width, c->height);
        const char *class = c->natural && c->form == CANVAS_WIDE ? "chart" : classes[c->form];
        fprintf(f, "class=\"%s\" viewBox=\"0 0 %.0f %.0f\" role=\"img\"", class, c->width, c->height);
        if (c->natural && c->form != CANVAS_FILE)
            fprintf(f, " style=\"min-width:%.0fpx;max-width:%.0fpx\"", c->width, c->width);
        fputs(" aria-label=\"", f);
        markup_put(f, title, SIZE_MAX);
        fputs("\">", f);
        if (c->form == CANVAS_FILE) {
            canvas_title(&(canvas){.f = f}, title);
            fputs("<style>", f);
            palette_style(f, c->scales);
            fputs("</style>\n", f);
        }
        fputs("<desc>", f);
        markup_put(f, description, SIZE_MAX);
        fputs("</desc>\n", f);
        if (c->form == CANVAS_FILE)
            fprintf(f, "<path class=\"ground\" d=\"M0 0H%.0fV%.0fH0Z\"/>\n", c->width, c->height);
        if (c->text.text) fputs(c->text.text, f);
        fputs("</svg>\n", f);
    }
    free(c->text.text);
    free(c->boxes);
    if (!f || stream_close(f, &all, "a chart")) return NULL;
    return all.text;
}

box canvas_box(double x, double y, double size, int anchor, const char *text)
{
    const double w = label_width(text, size);
    return (box){x - (anchor == ANCHOR_MIDDLE ? w / 2
                      : anchor == ANCHOR_END  ? w
                                              : 0),
                 y - TEXT_ABOVE * size, w, (TEXT_ABOVE + TEXT_BELOW) * size};
}

int canvas_is_free(const canvas *c, box b)
{
    if (b.x < 0 || b.y < 0 || b.x + b.w > c->width || b.y + b.h > c->height) return 0;
    for (int i = 0; i < c->n; i++) {
        const box *o = &c->boxes[i];
        if (b.x < o->x + o->w + GAP && o->x < b.x + b.w + GAP && b.y < o->y + o->h && o->y < b.y + b.h) return 0;
    }
    return 1;
}

void canvas_reserve(canvas *c, box b)
{
    if (c->n == c->capacity) {
        const int capacity = 2 * c->capacity + 64;
        box *boxes = realloc(c->boxes, sizeof *boxes * (size_t)capacity);
        if (!boxes) {
            c->lost = 1;
            return;
        }
        c->boxes = boxes;
        c->capacity = capacity;
    }
    c->boxes[c->n++] = b;
}

static void put_text(canvas *c, double x, double y, double size, int anchor, int up, const char *class,
                     const char *text)
{
    static const char *const anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    fprintf(c->f, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%g\"%s", x, y, size, anchors[anchor]);
    if (up) fprintf(c->f, " transform=\"rotate(-90 %.1f %.1f)\"", x, y);
    fprintf(c->f, " class=\"%s\">", class);
    markup_put(c->f, text, SIZE_MAX);
    fputs("</text>\n", c->f);
}

static int place(canvas *c, box b, double x, double y, double size, int anchor, int up, const char *class,
                 const char *text)
{
    if (!*text) return 1;
    if (!canvas_is_free(c, b)) return 0;
    canvas_reserve(c, b);
    put_text(c, x, y, size, anchor, up, class, text);
    return 1;
}

int canvas_text(canvas *c, double x, double y, double size, int anchor, const char *class, const char *text)
{
    return place(c, canvas_box(x, y, size, anchor, text), x, y, size, anchor, 0, class, text);
}

int canvas_text_up(canvas *c, double x, double y, double size, const char *class, const char *text)
{
    const box b = canvas_box(0, 0, size, ANCHOR_START, text);
    return place(c, (box){x + b.y, y - b.w, b.h, b.w}, x, y, size, ANCHOR_START, 1, class, text);
}

double canvas_lines(canvas *c, double x, double y, double size, const char *class, const char *text, double width)
{
    char line[LABEL_BYTES];
    for (; *text; y += 1.35 * size) {
        text = label_line(line, text, size, width);
        canvas_text(c, x, y, size, ANCHOR_START, class, line);
    }
    return y;
}

void canvas_title(canvas *c, const char *text)
{
    fputs("<title>", c->f);
    markup_put(c->f, text, SIZE_MAX);
    fputs("</title>", c->f);
}
