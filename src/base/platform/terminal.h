/* terminal.h - the terminal of this process. */
#ifndef WKV_BASE_PLATFORM_TERMINAL_H
#define WKV_BASE_PLATFORM_TERMINAL_H

#include <stddef.h>
#include <stdint.h>

int terminal_is(int fd);    /* 0, 1, 2: a standard stream        */
int terminal_columns(void); /* of standard output; 0: unknown    */
int terminal_shows_colours(void);
int output_is_left(int why);                            /* a write failed with this errno because its reader has gone */
int terminal_waits(int ms);                             /* more input comes within this time */
ptrdiff_t terminal_line(char **line, size_t *capacity); /* getline(3) of standard input, in UTF-8 */
int terminal_width_of(uint32_t character);              /* columns; -1: a control character  */

#endif
