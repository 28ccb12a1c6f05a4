// Fixed-width big-endian numbers in base 62 (0-9A-Za-z), zero-padded.
#ifndef KEY_BASE62_H
#define KEY_BASE62_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BASE62_BYTES_MAX = 32 };

// Reads a number into `size_bytes` bytes (1 to BASE62_BYTES_MAX). False for a character outside the alphabet or a
// number that does not fit.
bool base62_read(const uint8_t *text, size_t digits, uint8_t *out, size_t size_bytes)
    __attribute__((warn_unused_result));
// Writes exactly `digits` characters; the number must fit into them.
void base62_write(const uint8_t *number, size_t size_bytes, char *out, size_t digits);

#endif
