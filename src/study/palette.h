/* palette.h - the colours of pictures, light and dark, as classes of a style sheet.
 *
 * The colours of series keep apart with each of the common colour vision deficiencies and have a contrast of at least
 * 4.5 with the ground, so that they serve for texts too. Dashes and shapes tell the series apart without colour.
 *
 *     ground                the ground; ink, soft: texts; grid, axis, rule: lines
 *     sK fK dK              stroke, fill, dashes of series K
 *     line fit thin band    lines of 2.2 px, 1.4 px, 1 px; an interval
 *     qI kI wI              fill and stroke of level I of the sequential scale, and the fill of texts on it
 *     vI yI                 the same of the diverging scale: fill, texts */
#ifndef WKV_STUDY_PALETTE_H
#define WKV_STUDY_PALETTE_H

#include <stdio.h>

enum { PALETTE_SERIES = 6, PALETTE_LEVELS = 33, PALETTE_FAINT = 8 };
/* LEVELS is odd, because the diverging scale has a middle. Thin lines below the level FAINT are hard to see. */

typedef struct {
    const char *ground, *ink, *soft, *grid, *axis, *panel;
} palette_theme;
extern const palette_theme palette_light, palette_dark;

/* The rules of a chart: light, and dark where the reader's screen is. scales: not 0: the colour scales too. */
void palette_style(FILE *f, int scales);

/* The level of a value in [0, 1]. */
int palette_level(double x);

#endif
