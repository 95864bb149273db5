/* binidx.h - the token files of the official trainer: NAME.bin holds tokens, NAME.idx their layout. */
#ifndef WKV_TRAIN_BINIDX_H
#define WKV_TRAIN_BINIDX_H

/* "NAME.idx" if path is that, NAME.bin, or NAME, and the file exists; NULL otherwise. The caller frees it. */
char *binidx_index(const char *path);

/* Does the extension of the path name a token file? */
int binidx_names(const char *path);

#endif
