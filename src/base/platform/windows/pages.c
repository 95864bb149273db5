/* pages.c - memory by pages: VirtualAlloc. Windows counts granted memory whether it is used or not. */
#include "base/platform/windows/windows.h"
#include "base/platform/pages.h"
#include <malloc.h>

size_t pages_size(void)
{
    SYSTEM_INFO s;
    GetSystemInfo(&s);
    return s.dwPageSize;
}

void *pages_reserve(size_t bytes) { return VirtualAlloc(NULL, bytes, MEM_RESERVE, PAGE_READWRITE); }

int pages_commit(void *pages, size_t before, size_t bytes)
{
    if (bytes <= before) return 0;
    return VirtualAlloc((char *)pages + before, bytes - before, MEM_COMMIT, PAGE_READWRITE) ? 0 : -1;
}

void *pages_new(size_t bytes) { return VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE); }

void pages_release(void *pages, size_t bytes)
{
    (void)bytes;
    VirtualFree(pages, 0, MEM_RELEASE);
}

void pages_prefer_large(void *pages, size_t bytes) { (void)pages, (void)bytes; /* they need a right of the user */ }

void pages_forbid(void *pages, size_t bytes)
{
    DWORD before;
    VirtualProtect(pages, bytes, PAGE_NOACCESS, &before);
}

void *aligned_new(size_t alignment, size_t bytes) { return _aligned_malloc(bytes ? bytes : 1, alignment); }
void aligned_free(void *p) { _aligned_free(p); }
void memory_return_blocks(size_t bytes) { (void)bytes; }
