/* id.h - names that are unique without a registry. */
#ifndef WKV_BASE_ID_H
#define WKV_BASE_ID_H

enum { ID_TEXT = 32 };

/* PREFIX_ and 26 characters (a-z, 2-7) of 130 random bits; the prefix has at most 4 bytes. WKV_EIO: the system gives no
 * random bits. */
int id_new(char out[ID_TEXT], const char *prefix);

#endif
