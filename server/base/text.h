// Numbers and bytes in text: decimal and hexadecimal digits.
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

#endif
