#include "scan/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_SIZE = 32768 };

void scan_read(int descriptor, const char *path, const struct scan_visitor *visitor)
{
    char chunk[CHUNK_SIZE];
    visitor->file_begin(visitor->context, path);
    for (;;) {
        ssize_t got = read(descriptor, chunk, sizeof chunk);
        if (got > 0)
            visitor->bytes(visitor->context, chunk, (size_t)got);
        else if (got == 0)
            break;
        else if (errno != EINTR) {
            visitor->problem(visitor->context, path, errno);
            break;
        }
    }
    explicit_bzero(chunk, sizeof chunk);
}

// What was found to be a file may have become something else, which must not be followed and must not block.
static void read_file(const FTSENT *entry, const struct scan_visitor *visitor)
{
    bool is_named = entry->fts_level == FTS_ROOTLEVEL;
    struct stat status;
    int descriptor =
        open(entry->fts_accpath, O_RDONLY | O_CLOEXEC | O_NOCTTY | (is_named ? 0 : O_NOFOLLOW | O_NONBLOCK));
    if (descriptor < 0) {
        visitor->problem(visitor->context, entry->fts_path, errno);
        return;
    }
    if (is_named || (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)))
        scan_read(descriptor, entry->fts_path, visitor);
    close(descriptor);
}

static void visit(const FTSENT *entry, const struct scan_visitor *visitor)
{
    switch (entry->fts_info) {
    case FTS_F:
        read_file(entry, visitor);
        break;
    case FTS_DEFAULT: // a pipe or a device: only when it was named
        if (entry->fts_level == FTS_ROOTLEVEL)
            read_file(entry, visitor);
        break;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        visitor->problem(visitor->context, entry->fts_path, entry->fts_errno);
        break;
    case FTS_SLNONE:
        visitor->problem(visitor->context, entry->fts_path, ENOENT);
        break;
    default: // directories, and links in them
        break;
    }
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

void scan_walk(const char *path, const struct scan_visitor *visitor)
{
    char *copy = strdup(path);
    char *paths[] = {copy, NULL};
    // Without changing the directory: that of the socket may be relative.
    FTS *tree = copy != NULL ? fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name) : NULL;
    if (tree == NULL) {
        visitor->problem(visitor->context, path, errno);
        goto out;
    }
    const FTSENT *entry;
    while (errno = 0, (entry = fts_read(tree)) != NULL)
        visit(entry, visitor);
    if (errno != 0)
        visitor->problem(visitor->context, path, errno);
    fts_close(tree);
out:
    free(copy);
}
