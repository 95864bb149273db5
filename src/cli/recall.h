/* recall.h - lines of earlier sessions, in $XDG_STATE_HOME/wkv/history or ~/.local/state/wkv/history.
 *
 * The file has mode 600. Each line is appended when entered, so that concurrent sessions keep each other's lines. At
 * twice RECALL_MOST lines, loading truncates the file to the last RECALL_MOST. A file that cannot be read or written is
 * not an error; the history is then empty. */
#ifndef WKV_CLI_RECALL_H
#define WKV_CLI_RECALL_H

enum { RECALL_MOST = 1000, RECALL_LONGEST = 4096 }; /* lines; bytes per line, longer lines are not saved */

void recall_load(void (*add)(const char *line)); /* oldest first */
void recall_keep(const char *line);              /* may contain newlines */

#endif
