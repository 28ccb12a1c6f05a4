// Git asks the same of a directory before it takes it for a repository: HEAD, objects and refs in it.
#include "scan/repository.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char git_name[] = ".git";

static bool holds(const char *directory, const char *name, bool wants_directory)
{
    char path[PATH_MAX];
    struct stat status;
    int size = snprintf(path, sizeof path, "%s/%s", directory, name);
    return size > 0 && (size_t)size < sizeof path && stat(path, &status) == 0 &&
           (!wants_directory || S_ISDIR(status.st_mode));
}

bool repository_is_directory(const char *path, const char *name)
{
    if (!holds(path, "objects", true))
        return false;
    return strcmp(name, git_name) == 0 || (holds(path, "HEAD", false) && holds(path, "refs", true));
}

bool repository_is_link(const char *path, const char *name)
{
    static const char beginning[] = "gitdir:";
    char read_bytes[sizeof beginning - 1];
    if (strcmp(name, git_name) != 0)
        return false;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    if (descriptor < 0)
        return false;
    bool is_link = read(descriptor, read_bytes, sizeof read_bytes) == (ssize_t)sizeof read_bytes &&
                   memcmp(read_bytes, beginning, sizeof read_bytes) == 0;
    close(descriptor);
    return is_link;
}

// Writes the path as one word of a shell, in quotation marks where it needs them.
static void write_word(FILE *out, const char *path, size_t size)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-=:@%,";
    bool is_plain = strspn(path, plain) >= size;
    fputs(is_plain ? "" : "'", out);
    for (size_t i = 0; i < size; i++)
        if (path[i] == '\'')
            fputs("'\\''", out);
        else
            fputc((unsigned char)path[i] < 0x20 || path[i] == 0x7F ? '?' : path[i], out);
    fputs(is_plain ? "" : "'", out);
}

// The commands are for the working copy, which the path without its last part is.
void repository_advise(const char *path, char advice[REPOSITORY_ADVICE_MAX])
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t size = strlen(path);
    if (strcmp(name, git_name) == 0 && slash != path)
        size = slash != NULL ? (size_t)(slash - path) : 0;
    memset(advice, 0, REPOSITORY_ADVICE_MAX);
    FILE *out = fmemopen(advice, REPOSITORY_ADVICE_MAX - 1, "w");
    if (out == NULL)
        return;
    fputs("it is a git repository, whose history only git can read: git -C ", out);
    write_word(out, size > 0 ? path : ".", size > 0 ? size : 1);
    fputs(" log -p --all -m -a --reflog | postern scan -", out);
    fclose(out);
}
