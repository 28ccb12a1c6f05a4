// Numbers, bytes and times in text.
//
// Threads: everything here is pure.
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/slice.h"

// Takes the decimal digits at the start of `rest`. False when there are none or the number does not fit.
bool text_take_number(struct slice *rest, uint64_t *out) __attribute__((warn_unused_result));

// Takes `size` bytes, each written as two lower-case hexadecimal digits. False when `rest` does not begin with them.
bool text_take_hex(struct slice *rest, uint8_t *out, size_t size) __attribute__((warn_unused_result));
// Writes two digits for each byte, then a NUL.
void text_format_hex(const uint8_t *bytes, size_t size, char *out);

enum { TEXT_TIME_SIZE = 64 };
// Writes a moment in RFC 3339, UTC, with milliseconds where there are any: "2026-01-31T12:00:00Z". Returns `out`.
const char *text_format_moment(uint64_t at_ms, char out[TEXT_TIME_SIZE]);
// Writes a span for people, cut to its two largest units: "30 days", "2 h 5 min", "12.5 s". Returns `out`.
const char *text_format_span(uint64_t span_ms, char out[TEXT_TIME_SIZE]);

#endif
