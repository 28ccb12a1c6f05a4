// Finds the struct that holds a member: pending.c gives back the part of a call that it knows.
//
// The server has the same in base/container.h. The library is built and installed without the server and sees none of
// its headers, so this is the library's own.
#ifndef POSTERN_CONTAINER_H
#define POSTERN_CONTAINER_H

#include <stddef.h>

static inline void *postern_container_at(void *member, size_t offset)
{
    return (char *)member - offset;
}

// The `type` whose `member` is at `pointer`.
#define POSTERN_CONTAINER_OF(pointer, type, member) ((type *)postern_container_at(pointer, offsetof(type, member)))

#endif
