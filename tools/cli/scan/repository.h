// Git repositories among the files. Git packs what it keeps in its own way, and much of it is in no file any more.
#ifndef CLI_SCAN_REPOSITORY_H
#define CLI_SCAN_REPOSITORY_H

#include <stdbool.h>
#include <stddef.h>

enum { REPOSITORY_ADVICE_MAX = 4096 + 256 };

// Is the directory one that git keeps objects in: ".git", or a bare repository?
bool repository_is_directory(const char *path, const char *name);
// Is the file one that git puts into a working copy whose repository is elsewhere?
bool repository_is_link(const char *path, const char *name);
// Writes what to do to have the history read: a command for a shell.
void repository_advise(const char *path, char advice[REPOSITORY_ADVICE_MAX]);

#endif
