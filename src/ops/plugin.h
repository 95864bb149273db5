/* plugin.h - a device in a library of its own, which the program loads when the device is asked for.
 *
 * The library exports one function, PLUGIN_SYMBOL, which is given the build's hash of the interfaces that both share
 * and returns its functions, or NULL to another build. */
#ifndef WKV_OPS_PLUGIN_H
#define WKV_OPS_PLUGIN_H

#include "ops/device.h"

typedef struct {
    /* Open device `which` of those that list names, from 0. `said` sets the caller's sentence (base/error.h). WKV_EARG:
     * there is no such device; WKV_EUNSUPPORTED, WKV_ENOMEM. */
    int (*open)(device **out, int which, int (*said)(int code, const char *fmt, ...));
    /* Write a line about device `which` (name, memory, driver); 0 past the last. */
    int (*describe)(int which, char *line, size_t bytes);
} plugin;

typedef const plugin *plugin_symbol(const char *build);
#define PLUGIN_SYMBOL "wkv_plugin"

/* ---- cpu/plugin.c ------------------------------------------------------------------------------------------------ */

/* Load libwkv-NAME.so from $WKV_PLUGINS, or beside the program or the library, or where the build installs it. It stays
 * loaded. WKV_EUNSUPPORTED: it is missing, of another build, or needs a library that is missing. */
int plugin_load(const plugin **out, const char *name);

#endif
