/* binidx.h - the token files of the official trainer: NAME.bin is tokens, NAME.idx says how they are stored. */
#ifndef WKV_TRAIN_BINIDX_H
#define WKV_TRAIN_BINIDX_H

/* "NAME.idx" when path is that, NAME.bin, or NAME and there is such a file; NULL otherwise. Freed by the caller. */
char *binidx_index(const char *path);

/* Is the path one of these, by its name? */
int binidx_names(const char *path);

#endif
