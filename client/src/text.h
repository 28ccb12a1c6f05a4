// Text from outside: valid UTF-8 without control characters, or made so; the numbers in it, and bytes as text.
//
// Threads: everything here is pure.
#ifndef POSTERN_TEXT_H
#define POSTERN_TEXT_H

#include <stddef.h>
#include <stdint.h>

// Replaces every byte that keeps it from being text (RFC 3629; no U+0000-1F, U+007F-9F) with '?'.
void postern_text_scrub(uint8_t *text, size_t size);
// Reads the decimal digits that the text begins with: nothing else, so no blank and no sign. Returns how many there
// are; a number that does not fit becomes UINT64_MAX.
size_t postern_text_digits(const char *text, size_t size, uint64_t *number);
// Writes base64 (RFC 4648, with padding) to `out`, which has room for postern_base64_size(size) bytes; the NUL is one.
size_t postern_base64_size(size_t size);
void postern_base64(const uint8_t *bytes, size_t size, char *out);

#endif
