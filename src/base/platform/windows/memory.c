/* memory.c - memory and processors of a Windows machine. */
#include "base/platform/windows/windows.h"
#include "base/platform/system.h"
#include <psapi.h>
#include <stdlib.h>

static MEMORYSTATUSEX status(void)
{
    MEMORYSTATUSEX s = {.dwLength = sizeof s};
    GlobalMemoryStatusEx(&s);
    return s;
}

size_t system_memory(void) { return (size_t)status().ullTotalPhys; }

/* No more than may be granted: it counts whether it is used or not. */
size_t system_memory_available(void)
{
    const MEMORYSTATUSEX s = status();
    return (size_t)(s.ullAvailPhys < s.ullAvailPageFile ? s.ullAvailPhys : s.ullAvailPageFile);
}

static PROCESS_MEMORY_COUNTERS counters(void)
{
    PROCESS_MEMORY_COUNTERS c = {.cb = sizeof c};
    GetProcessMemoryInfo(GetCurrentProcess(), &c, sizeof c);
    return c;
}

size_t system_memory_peak(void) { return counters().PeakWorkingSetSize; }
size_t system_memory_resident(void) { return counters().WorkingSetSize; }

/* ---- processors -------------------------------------------------------------------------------------------------- */

/* The processors of this process's group, 64 at most. */
static uint64_t allowed(void)
{
    DWORD_PTR process, system;
    return GetProcessAffinityMask(GetCurrentProcess(), &process, &system) && process ? process : 1;
}

int system_processors(void) { return __builtin_popcountll(allowed()); }

/* The list of cores and caches; freed by the caller. */
static SYSTEM_LOGICAL_PROCESSOR_INFORMATION *list(size_t *n)
{
    DWORD bytes = 0;
    GetLogicalProcessorInformation(NULL, &bytes);
    SYSTEM_LOGICAL_PROCESSOR_INFORMATION *all = malloc(bytes + 1);
    *n = all && GetLogicalProcessorInformation(all, &bytes) ? bytes / sizeof *all : 0;
    return all;
}

int system_cores(void)
{
    size_t n;
    int cores = 0;
    SYSTEM_LOGICAL_PROCESSOR_INFORMATION *all = list(&n);
    for (size_t i = 0; i < n; i++)
        cores += all[i].Relationship == RelationProcessorCore && all[i].ProcessorMask & allowed();
    free(all);
    return cores ? cores : system_processors();
}

size_t system_cache(void)
{
    size_t n, bytes = 0;
    SYSTEM_LOGICAL_PROCESSOR_INFORMATION *all = list(&n);
    for (size_t i = 0; i < n; i++)
        if (all[i].Relationship == RelationCache && all[i].Cache.Level == 3 && all[i].Cache.Size > bytes)
            bytes = all[i].Cache.Size;
    free(all);
    return bytes;
}

