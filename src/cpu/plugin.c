/* plugin.c - finding and loading the library of a device. */
#include "ops/plugin.h"
#include "base/platform/entry.h"
#include "base/platform/system.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 4096 };

/* The folder of the file at `path`. */
static void folder_of(char *folder, const char *path)
{
    const char *slash = path_last_slash(path);
    snprintf(folder, PATH, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
}

/* The i-th folder to look in; 0 past the last. */
static int folder_at(char *folder, int i)
{
    static const char *const inside[] = {"", "/wkv",
                                         ("/" PLUGIN_FOLDER)}; /* a build folder; beside a library; of bin */
    enum { INSIDE = sizeof inside / sizeof *inside };
    const char *given = system_variable("WKV_PLUGINS");
    char file[PATH] = "", near[PATH];
    if (given && *given) {
        snprintf(folder, PATH, "%s", given);
        return i == 0;
    }
    if (i < INSIDE)
        system_program(file, sizeof file);
    else if (i >= 2 * INSIDE || !library_own(file, sizeof file, (const void *)(uintptr_t)&folder_of))
        return 0;
    folder_of(near, file);
    snprintf(folder, PATH, "%.*s%s", PATH - 64, near, inside[i % INSIDE]);
    return 1;
}

static int load(const plugin **out, const char *path)
{
    void *library = library_open(path);
    if (!library) return fail(WKV_EUNSUPPORTED, "%s: the plug-in cannot be loaded: %s", path, library_error());
    plugin_symbol *symbol = (plugin_symbol *)(uintptr_t)library_symbol(library, PLUGIN_SYMBOL);
    *out = symbol ? symbol(WKV_BUILD) : NULL;
    if (*out) return 0;
    library_close(library);
    return fail(WKV_EUNSUPPORTED, "%s: the plug-in is of another build of wkv; install both from one build", path);
}

int plugin_load(const plugin **out, const char *name)
{
    char folder[PATH], path[PATH + 64], first[PATH] = "";
    *out = NULL;
    if (!library_can_open())
        return fail(WKV_EUNSUPPORTED,
                    "this wkv is a static program, which loads no plug-ins; for %s, build one with make, or install a "
                    "package of your system",
                    name);
    for (int i = 0; folder_at(folder, i); i++) {
        snprintf(path, sizeof path, "%s/libwkv-%s%s", folder, name, library_extension);
        if (entry_exists(path)) return load(out, path);
        if (!i) snprintf(first, sizeof first, "%s", folder);
    }
    return fail(
        WKV_EUNSUPPORTED,
        "libwkv-%s.so is neither in %s nor beside the library; it is built where OpenCL's headers and loader are "
        "(Debian and Ubuntu: ocl-icd-opencl-dev); WKV_PLUGINS names another folder",
        name, first);
}
