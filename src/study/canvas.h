/* canvas.h - a picture in SVG. All texts go through it: it keeps their boxes, and refuses one that would overlap
 * another or leave the picture. */
#ifndef WKV_STUDY_CANVAS_H
#define WKV_STUDY_CANVAS_H

#include "base/stream.h"
#include "study/label.h"

/* Font sizes in px at the size of the viewBox: of ticks and values, of axis titles and legends, of the title. */
#define TEXT_SMALL 13.0
#define TEXT_USUAL 14.0
#define TEXT_TITLE 18.0
/* A line's box from its baseline, in parts of the font size. */
#define TEXT_ABOVE 0.93
#define TEXT_BELOW 0.24

typedef enum { CANVAS_WIDE, CANVAS_NARROW, CANVAS_FILE } canvas_form; /* FILE: an SVG file with title and caption */

typedef struct {
    double x, y, w, h;
} box;

typedef struct {
    canvas_form form;
    double width, height; /* of the viewBox; the drawing sets the height, and may set the width */
    int natural;          /* the drawing has one size, and scrolls where the page is narrower */
    int scales;           /* the drawing has colours of the scales */
    FILE *f;
    stream text;
    box *boxes; /* of the texts so far */
    int n, capacity;
    int lost; /* memory was exhausted */
} canvas;

void canvas_open(canvas *c, canvas_form form, double width);
/* The SVG element, which the caller frees; NULL: no memory. title: its accessible name; description: a sentence. */
char *canvas_close(canvas *c, const char *title, const char *description);

enum { ANCHOR_START, ANCHOR_MIDDLE, ANCHOR_END };

/* The box of a text with its baseline beginning, centred or ending at (x, y). */
box canvas_box(double x, double y, double size, int anchor, const char *text);
int canvas_is_free(const canvas *c, box b);
void canvas_reserve(canvas *c, box b); /* no text comes here */

/* Write a text, unless it would overlap; class: of palette.h. Returns 1 when it is written. An empty text is. */
int canvas_text(canvas *c, double x, double y, double size, int anchor, const char *class, const char *text);
/* The same turned to read upwards; ANCHOR_START: (x, y) is its lower end. */
int canvas_text_up(canvas *c, double x, double y, double size, const char *class, const char *text);

/* Lines of text below each other, the first baseline at y; returns the baseline after the last. */
double canvas_lines(canvas *c, double x, double y, double size, const char *class, const char *text, double width);

void canvas_title(canvas *c, const char *text); /* <title>, shown when the pointer is over the parent element */

#endif
