/* label.h - texts in a picture: their width in an unknown font, shortened to a width, broken into lines.
 *
 * A reader's sans-serif font is unknown. The estimate is that of DejaVu Sans, the widest of the usual ones, so that a
 * text without overlap by this estimate has none in Segoe UI, Roboto, San Francisco or Noto Sans either. */
#ifndef WKV_STUDY_LABEL_H
#define WKV_STUDY_LABEL_H

#include <stddef.h>

enum { LABEL_BYTES = 512 };

/* In the unit of the font size. */
double label_width(const char *text, double size);

/* The widest of n texts; NULL texts are empty. */
double label_widest(const char *const *texts, int n, double size);

/* A copy of the text that is at most `width` wide; a shortened one ends in "…". Returns out. */
const char *label_cut(char out[LABEL_BYTES], const char *text, double size, double width);

/* A token as a label: line ends, tabs and blanks at the ends as signs. Returns out. */
const char *label_token(char out[LABEL_BYTES], const char *text);

/* Copy the next line of at most `width` to out and return the rest of the text, "" at its end. */
const char *label_line(char out[LABEL_BYTES], const char *text, double size, double width);

#endif
