// Finds libarchive's functions in the library that is installed now. Its name carries the version of its interface, and
// every release since 3.0 has the same.
#include "scan/libarchive.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIBARCHIVE_FILE "libarchive.so.13"

static const struct {
    const char *name;
    size_t at;
} calls[] = {
#define CALL_ROW(name) {#name, offsetof(struct libarchive, name)},
    LIBARCHIVE_CALLS(CALL_ROW)
#undef CALL_ROW
};

bool libarchive_load(struct libarchive *libarchive, const char **why)
{
    void *library = dlopen(LIBARCHIVE_FILE, RTLD_NOW | RTLD_LOCAL);
    bool is_whole = library != NULL;
    for (size_t i = 0; is_whole && i < sizeof calls / sizeof calls[0]; i++) {
        void *function = dlsym(library, calls[i].name);
        memcpy((char *)libarchive + calls[i].at, &function, sizeof function);
        is_whole = function != NULL;
    }
    *why = is_whole ? NULL : dlerror();
    return is_whole;
}
