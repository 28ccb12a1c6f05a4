// What the library asks of the system: the time, random bytes, and letting threads sleep.
//
// Threads: any.
#ifndef POSTERN_SYSTEM_H
#define POSTERN_SYSTEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t postern_now_ms(void); // monotonic

// Fills in random bytes, at most 256.
// Errors: false when the system gives none; errno says why.
bool postern_random(void *out, size_t size_bytes);

// Sleeps while the word holds `value`, until `until_ms` at most. It may return early.
void postern_sleep_until(_Atomic uint32_t *word, uint32_t value, uint64_t until_ms);
// Wakes a thread that sleeps on the word. Only the address is used: the word may be gone by now.
void postern_wake(_Atomic uint32_t *word);

#endif
