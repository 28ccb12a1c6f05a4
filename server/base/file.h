// Files that are read and written as a whole, and directories whose entries survive a crash of the machine.
//
// Threads: everything here holds no state.
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Reads until the end of the file, or until `size` bytes are there. Returns how many were read; -1 with errno.
ssize_t file_read_all(int fd, void *out, size_t size);
// False with errno: not all was written.
bool file_write_all(int fd, const void *bytes, size_t size);

// Gives "dir" for "dir/name", "." for a path without a slash and "/" for a name in the root. False when it is too long.
bool file_directory_of(const char *path, char out[PATH_MAX]);
// Makes the entries of a directory durable. Returns 0 or the errno.
int file_sync_directory(const char *directory);

#endif
