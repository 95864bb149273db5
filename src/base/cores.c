/* cores.c - fast cores, by the capacity or the highest clock that Linux reports of each processor. */
#include "base/cores.h"
#include <stdio.h>

/* The number in file `name` of a processor's folder; 0: none. */
static long number_of(const char *root, int cpu, const char *name)
{
    char path[4096];
    long n;
    snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%d/%s", root, cpu, name);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    if (fscanf(f, "%ld", &n) != 1 || n < 0) n = 0;
    fclose(f);
    return n;
}

void cores_fast(const char *root, unsigned char *fast, int n)
{
    /* A capacity includes the clock; clocks alone say less, so they must differ more. */
    static const struct {
        const char *name;
        int times, of; /* fast: at least times / of of the largest */
    } figures[] = {{"cpu_capacity", 1, 2}, {"cpufreq/cpuinfo_max_freq", 2, 3}};
    long most = 0, own;
    for (int i = 0; i < n; i++) fast[i] = 1;
    for (int k = 0; k < 2 && !most; k++) {
        for (int i = 0; i < n; i++)
            if ((own = number_of(root, i, figures[k].name)) > most) most = own;
        for (int i = 0; i < n && most; i++) {
            own = number_of(root, i, figures[k].name);
            fast[i] = !own || own * figures[k].of >= most * figures[k].times;
        }
    }
}
