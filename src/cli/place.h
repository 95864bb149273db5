/* place.h - the place of the store: --store, $WKV_STORE, or the user's folder. */
#ifndef WKV_CLI_PLACE_H
#define WKV_CLI_PLACE_H

#include "option.h"

extern const group store_group; /* --store */

/* For wkv_store_open; NULL: the user's folder. */
const char *store_place(void);

#endif
