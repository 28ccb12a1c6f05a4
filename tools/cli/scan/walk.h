// The bytes of files: of one, or of all regular ones below a directory, binary ones too. Symbolic links are not
// followed, but for the path itself.
#ifndef CLI_SCAN_WALK_H
#define CLI_SCAN_WALK_H

#include <stddef.h>

// What is done with them.
struct scan_visitor {
    void *context;
    void (*file_begin)(void *context, const char *path);
    void (*bytes)(void *context, const char *bytes, size_t size);
    void (*problem)(void *context, const char *path, int error); // what could not be read; it goes on
};

void scan_walk(const char *path, const struct scan_visitor *visitor);
// What a descriptor gives until its end.
void scan_read(int descriptor, const char *path, const struct scan_visitor *visitor);

#endif
