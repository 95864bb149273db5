/* cores.h - the fast cores of a processor that has slow ones too. */
#ifndef WKV_BASE_CORES_H
#define WKV_BASE_CORES_H

/* fast[i], for the n processors 0 .. n - 1: whether it is not much slower than the fastest of them; 1 where the system
 * does not say. `root` is the folder that has sys/, "" for the system's own. A parallel region ends with its slowest
 * thread, so a core of less than half of the capacity may delay the others more than it helps. */
void cores_fast(const char *root, unsigned char *fast, int n);

#endif
