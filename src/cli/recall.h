/* recall.h - lines of earlier sessions, in $XDG_STATE_HOME/wkv/history or ~/.local/state/wkv/history.
 *
 * The file has mode 600. Each line is appended as it is entered, so that sessions at the same time do not lose each
 * other's; when the file has grown to twice RECALL_MOST lines, loading cuts it to the last RECALL_MOST. A file that
 * cannot be read or written is no error: then nothing is recalled. */
#ifndef WKV_CLI_RECALL_H
#define WKV_CLI_RECALL_H

enum { RECALL_MOST = 1000, RECALL_LONGEST = 4096 }; /* lines; bytes of a line, longer ones are not kept */

void recall_load(void (*add)(const char *line)); /* oldest first */
void recall_keep(const char *line);              /* may have line ends in it */

#endif
