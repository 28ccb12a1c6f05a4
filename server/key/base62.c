// Converts between bytes and base 62 digits. Every digit can depend on every byte, so this is long multiplication and
// division.
#include "key/base62.h"

#include "secret/secret.h"

// Numbers are handled as 32-bit limbs, least significant first, five digits at a time: 62^5 is the largest power that
// fits into a limb.
enum { LIMBS_MAX = BASE62_BYTES_MAX / 4, CHUNK_DIGITS = 5, CHUNK = 62 * 62 * 62 * 62 * 62 };

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// Returns 62 for a character outside the alphabet.
static uint32_t digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0');
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A' + 10);
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a' + 36);
    return 62;
}

static bool read_chunk(const uint8_t *text, size_t digits, uint32_t *value, uint32_t *scale)
{
    *value = 0;
    *scale = 1;
    for (size_t i = 0; i < digits; i++) {
        uint32_t digit = digit_value(text[i]);
        if (digit >= 62)
            return false;
        *value = *value * 62 + digit;
        *scale *= 62;
    }
    return true;
}

// Computes limbs = limbs * scale + value; false when that does not fit.
static bool multiply_add(uint32_t limbs[LIMBS_MAX], size_t count, uint32_t scale, uint32_t value)
{
    uint64_t carry = value;
    for (size_t i = 0; i < count; i++) {
        carry += (uint64_t)limbs[i] * scale;
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return carry == 0;
}

static bool read_limbs(const uint8_t *text, size_t digits, uint32_t limbs[LIMBS_MAX], size_t count)
{
    for (size_t at = 0; at < digits;) {
        size_t size = digits - at < CHUNK_DIGITS ? digits - at : CHUNK_DIGITS;
        uint32_t value, scale;
        if (!read_chunk(text + at, size, &value, &scale) || !multiply_add(limbs, count, scale, value))
            return false;
        at += size;
    }
    return true;
}

bool base62_read(const uint8_t *text, size_t digits, uint8_t *out, size_t size_bytes)
{
    uint32_t limbs[LIMBS_MAX] = {0};
    size_t count = (size_bytes + 3) / 4;
    size_t spare_bits = (4 * count - size_bytes) * 8; // bits of the highest limb that the output has no room for
    bool ok = read_limbs(text, digits, limbs, count);
    if (ok && spare_bits > 0)
        ok = limbs[count - 1] >> (32 - spare_bits) == 0;
    if (!ok)
        secret_wipe(limbs, sizeof limbs);
    for (size_t i = 0; i < size_bytes; i++)
        out[size_bytes - 1 - i] = (uint8_t)(limbs[i / 4] >> (8 * (i % 4)));
    secret_wipe(limbs, sizeof limbs);
    return ok;
}

// Computes limbs = limbs / CHUNK; returns the remainder.
static uint32_t divide(uint32_t limbs[LIMBS_MAX], size_t count)
{
    uint64_t remainder = 0;
    for (size_t i = count; i > 0; i--) {
        uint64_t part = remainder << 32 | limbs[i - 1];
        limbs[i - 1] = (uint32_t)(part / CHUNK);
        remainder = part % CHUNK;
    }
    return (uint32_t)remainder;
}

void base62_write(const uint8_t *number, size_t size_bytes, char *out, size_t digits)
{
    uint32_t limbs[LIMBS_MAX] = {0};
    size_t count = (size_bytes + 3) / 4;
    for (size_t i = 0; i < size_bytes; i++)
        limbs[i / 4] |= (uint32_t)number[size_bytes - 1 - i] << (8 * (i % 4));
    while (digits > 0) {
        uint32_t chunk = divide(limbs, count);
        for (unsigned i = 0; i < CHUNK_DIGITS && digits > 0; i++) {
            out[--digits] = alphabet[chunk % 62];
            chunk /= 62;
        }
    }
    secret_wipe(limbs, sizeof limbs);
}
