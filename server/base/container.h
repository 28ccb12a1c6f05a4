// From a member to what it is in: callbacks are handed the member that their caller knows.
#ifndef BASE_CONTAINER_H
#define BASE_CONTAINER_H

#include <stddef.h>

// The `type` whose `member` is at `pointer`. Goes by way of void *, as the compiler cannot see that it is aligned.
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
