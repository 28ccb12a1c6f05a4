// Random bytes from the kernel (getrandom(2)); decisions get theirs handed in.
//
// Threads: any.
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

// Fills the buffer or aborts: a daemon without randomness must not make keys.
void random_fill(void *out, size_t size_bytes);

#endif
