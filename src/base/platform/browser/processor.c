/* processor.c - processors: the thread of a worker is the only one. */
#include "base/platform/system.h"

int system_processors(void) { return 1; }
int system_cores(void) { return 1; }
