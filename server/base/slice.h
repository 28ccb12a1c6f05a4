// Bytes with a length: how text and binary data travel inside the daemon. A slice owns nothing.
//
// Threads: everything here is pure.
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const uint8_t *data; // may be NULL when size is 0
    size_t size;
};

// For printf: "%.*s", SLICE_ARGS(s).
#define SLICE_ARGS(s) (int)(s).size, ((s).data != NULL ? (const char *)(s).data : "")

static inline struct slice slice_make(const void *data, size_t size)
{
    return (struct slice){.data = data, .size = size};
}
struct slice slice_text(const char *text); // of a C string without its NUL; NULL gives the empty slice
static inline struct slice slice_empty(void)
{
    return (struct slice){.data = NULL, .size = 0};
}
bool slice_equal(struct slice a, struct slice b);  // not for secrets: takes a data-dependent time
int slice_compare(struct slice a, struct slice b); // memcmp order, shorter first
bool slice_starts_with(struct slice s, struct slice prefix);

// Is it valid UTF-8 (RFC 3629: no surrogates, no overlong forms) without control characters (U+0000-1F, U+007F-9F)?
bool slice_is_text(struct slice s);
// Replaces every byte that slice_is_text would not allow with '?'.
void slice_scrub(char *text, size_t size);

// Is it [a-z0-9][a-z0-9._-]* of 1 to `max` bytes? Names of accounts, tiers, namespaces and resources have this shape.
bool slice_is_name(struct slice s, size_t max);

// Hashes like wyhash (https://github.com/wangyi-fudan/wyhash), with a seed of 64 random bits in place of its constants.
// For a table of names that come from strangers it is secret, so that they cannot make names collide. For names that
// operators choose it is SLICE_HASH_SEED.
uint64_t slice_hash(struct slice s, uint64_t seed);
#define SLICE_HASH_SEED UINT64_C(0x9e3779b97f4a7c15) // 2^64 / golden ratio

#endif
