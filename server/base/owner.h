// From a member to the struct that holds it: how a callback that is handed its job, or its waiter, finds the rest.
#ifndef BASE_OWNER_H
#define BASE_OWNER_H

#include <stddef.h>

// OWNER_OF(job, struct usage, flush.job): the struct usage whose flush.job that is.
#define OWNER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
