// A directory for one test: made under TMPDIR (or /tmp), removed with everything in it.
//
// Threads: any; the path belongs to the caller.
#ifndef SUPPORT_TEMPDIR_H
#define SUPPORT_TEMPDIR_H

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct tempdir {
    char path[PATH_MAX];
};

// Mode 0700. Aborts when it cannot be made: no test can go on without it.
static inline struct tempdir tempdir_make(void)
{
    struct tempdir directory;
    const char *base = getenv("TMPDIR");
    const int size = snprintf(directory.path, sizeof directory.path, "%s/postern-test-XXXXXX",
                              base != NULL && base[0] != '\0' ? base : "/tmp");
    if (size < 0 || (size_t)size >= sizeof directory.path || mkdtemp(directory.path) == NULL) {
        perror("tempdir_make");
        abort();
    }
    return directory;
}

static inline int tempdir_remove_entry(const char *path, const struct stat *facts, int type, struct FTW *place)
{
    (void)facts;
    (void)type;
    (void)place;
    return remove(path);
}

static inline void tempdir_remove(const struct tempdir *directory)
{
    enum { OPEN_DIRECTORIES_MAX = 16 };
    if (nftw(directory->path, tempdir_remove_entry, OPEN_DIRECTORIES_MAX, FTW_DEPTH | FTW_PHYS) != 0) {
        perror(directory->path);
    }
}

// "DIR/name" in the caller's buffer.
static inline const char *tempdir_join(const struct tempdir *directory, const char *name, char out[PATH_MAX])
{
    const int size = snprintf(out, PATH_MAX, "%s/%s", directory->path, name);
    if (size < 0 || size >= PATH_MAX) {
        abort();
    }
    return out;
}

#endif
