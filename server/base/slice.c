// Compares and hashes bytes, and checks whether bytes are text or a name.
#include "base/slice.h"

#include <string.h>

struct slice slice_text(const char *text)
{
    return text != NULL ? slice_make(text, strlen(text)) : slice_empty();
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int slice_compare(struct slice a, struct slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    if (order != 0)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

bool slice_starts_with(struct slice s, struct slice prefix)
{
    return s.size >= prefix.size && slice_equal(slice_make(s.data, prefix.size), prefix);
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

// Returns the size of the allowed character at the start of `s`, or 0. The limits on the second byte exclude
// overlong forms, surrogates and values above U+10FFFF (RFC 3629, section 4), and for C2 the controls U+0080-9F.
static size_t character_size(struct slice s)
{
    uint8_t lead = s.data[0];
    if (lead < 0x80)
        return lead >= 0x20 && lead != 0x7F ? 1 : 0;
    if (s.size < 2)
        return 0;
    uint8_t low = 0x80, high = 0xBF;
    size_t size = 0;
    if (lead >= 0xC2 && lead <= 0xDF) {
        size = 2;
        low = lead == 0xC2 ? 0xA0 : low;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        size = 3;
        low = lead == 0xE0 ? 0xA0 : low;
        high = lead == 0xED ? 0x9F : high;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        size = 4;
        low = lead == 0xF0 ? 0x90 : low;
        high = lead == 0xF4 ? 0x8F : high;
    }
    if (size == 0 || s.size < size || s.data[1] < low || s.data[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if (!is_continuation(s.data[i]))
            return 0;
    return size;
}

bool slice_is_text(struct slice s)
{
    while (s.size > 0) {
        size_t size = character_size(s);
        if (size == 0)
            return false;
        s = slice_make(s.data + size, s.size - size);
    }
    return true;
}

void slice_scrub(char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t good = character_size(slice_make(text + at, size - at));
        if (good == 0)
            text[at] = '?';
        at += good > 0 ? good : 1;
    }
}

static bool is_lower_or_digit(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

bool slice_is_name(struct slice s, size_t max)
{
    if (s.size == 0 || s.size > max || !is_lower_or_digit(s.data[0]))
        return false;
    for (size_t i = 1; i < s.size; i++) {
        uint8_t byte = s.data[i];
        if (!is_lower_or_digit(byte) && byte != '.' && byte != '_' && byte != '-')
            return false;
    }
    return true;
}

// Combines both halves of a product: the mixing step of wyhash.
static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word_at(const uint8_t *data)
{
    uint64_t word = 0;
    memcpy(&word, data, sizeof word);
    return word;
}

// Hashes sixteen bytes at a time. The last two words may overlap those before, so the size is hashed too.
uint64_t slice_hash(struct slice s, uint64_t seed)
{
    const uint64_t key = seed ^ UINT64_C(0x8ebc6af09c88c6e3);
    uint64_t hash = seed ^ s.size, first = 0, last = 0;
    const uint8_t *data = s.data;
    size_t size = s.size;
    for (; size > 16; data += 16, size -= 16)
        hash = fold(word_at(data) ^ key, word_at(data + 8) ^ hash);
    if (size >= 8) {
        first = word_at(data);
        last = word_at(data + size - 8);
    } else if (size > 0) {
        memcpy(&first, data, size);
    }
    hash = fold(first ^ key, last ^ hash);
    return fold(hash ^ UINT64_C(0xe7037ed1a0b428db), seed | 1);
}
