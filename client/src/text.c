// Text of a server may steer a terminal or break a log line; here it becomes valid UTF-8 without control characters, by
// a table of lead bytes that needs no decoding.
#include "text.h"

#include <stdbool.h>

// Which bytes may come second after a lead byte, and how many bytes the character has. The bounds keep out overlong
// forms, surrogates, values above U+10FFFF (RFC 3629, section 4) and the controls U+0080-9F.
struct lead {
    uint8_t first, last;
    uint8_t low, high;
    uint8_t size;
};

static const struct lead leads[] = {
    {0x20, 0x7E, 0x00, 0x00, 1}, {0xC2, 0xC2, 0xA0, 0xBF, 2}, {0xC3, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

static bool fits(const struct lead *lead, const uint8_t *text, size_t size)
{
    if (text[0] < lead->first || text[0] > lead->last || size < lead->size)
        return false;
    if (lead->size > 1 && (text[1] < lead->low || text[1] > lead->high))
        return false;
    for (size_t i = 2; i < lead->size; i++)
        if ((text[i] & 0xC0) != 0x80)
            return false;
    return true;
}

// Length of the allowed character at the start, 0 if there is none.
static size_t character_size(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++)
        if (fits(&leads[i], text, size))
            return leads[i].size;
    return 0;
}

void postern_text_scrub(uint8_t *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t good = character_size(text + at, size - at);
        if (good == 0)
            text[at] = '?';
        at += good > 0 ? good : 1;
    }
}

size_t postern_text_digits(const char *text, size_t size, uint64_t *number)
{
    size_t count = 0;
    *number = 0;
    for (; count < size && text[count] >= '0' && text[count] <= '9'; count++) {
        uint64_t digit = (uint64_t)(text[count] - '0');
        *number = *number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *number * 10 + digit;
    }
    return count;
}

size_t postern_base64_size(size_t size)
{
    return (size + 2) / 3 * 4 + 1;
}

void postern_base64(const uint8_t *bytes, size_t size, char *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < size; at += 3) {
        size_t have = size - at < 3 ? size - at : 3;
        uint32_t group = (uint32_t)bytes[at] << 16;
        group |= have > 1 ? (uint32_t)bytes[at + 1] << 8 : 0;
        group |= have > 2 ? (uint32_t)bytes[at + 2] : 0;
        *out++ = alphabet[group >> 18];
        *out++ = alphabet[group >> 12 & 63];
        *out++ = have > 1 ? alphabet[group >> 6 & 63] : '=';
        *out++ = have > 2 ? alphabet[group & 63] : '=';
    }
    *out = '\0';
}
