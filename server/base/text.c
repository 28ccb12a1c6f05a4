// Reads and writes numbers and bytes as digits, without C strings.
#include "base/text.h"

bool text_take_number(struct slice *rest, uint64_t *out)
{
    size_t size = 0;
    *out = 0;
    while (size < rest->size && rest->data[size] >= '0' && rest->data[size] <= '9') {
        uint64_t digit = rest->data[size++] - (uint64_t)'0';
        if (*out > (UINT64_MAX - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    *rest = slice_make(rest->data + size, rest->size - size);
    return size > 0;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_take_hex(struct slice *rest, uint8_t *out, size_t size)
{
    if (rest->size / 2 < size)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(rest->data[2 * i]);
        int low = hex_digit(rest->data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    *rest = slice_make(rest->data + 2 * size, rest->size - 2 * size);
    return true;
}

void text_format_hex(const uint8_t *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}
