// Finds the struct that holds a member: a callback is handed the member that its caller knows.
#ifndef BASE_CONTAINER_H
#define BASE_CONTAINER_H

#include <stddef.h>

static inline void *container_at(void *member, size_t offset)
{
    return (char *)member - offset;
}

// The `type` whose `member` is at `pointer`.
#define CONTAINER_OF(pointer, type, member) ((type *)container_at(pointer, offsetof(type, member)))

#endif
