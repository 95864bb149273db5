/* poison.h - inaccessible memory under AddressSanitizer; without it the macros do nothing. */
#ifndef WKV_BASE_POISON_H
#define WKV_BASE_POISON_H

#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif
#ifdef ASAN
#include <sanitizer/asan_interface.h>
enum { GAP = 64 }; /* poisoned bytes after a buffer, to detect an overrun */
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
enum { GAP = 0 };
#endif

#endif
