// A repeatable source of numbers.
#ifndef UNIT_FAKE_RANDOM_H
#define UNIT_FAKE_RANDOM_H

#include <stdint.h>

// splitmix64 (https://prng.di.unimi.it/splitmix64.c)
static inline uint64_t fake_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline uint64_t fake_below(uint64_t *state, uint64_t bound)
{
    return fake_random(state) % bound;
}

#endif
