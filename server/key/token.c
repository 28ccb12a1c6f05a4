// Reads the id in a token from left to right, and writes one.
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "key/base62.h"
#include "key/key.h"
#include "secret/secret.h"

enum { ID_DIGITS = 15, SECRET_DIGITS = 43, CHECKSUM_DIGITS = 6 };

_Static_assert(ID_DIGITS + SECRET_DIGITS + CHECKSUM_DIGITS == KEY_BODY_SIZE, "parts of the body");
_Static_assert((int)KEY_SECRET_SIZE == (int)BASE62_BYTES_MAX, "largest part");

static const char id_prefix[] = "key_";
enum { ID_PREFIX_SIZE = sizeof id_prefix - 1 };
_Static_assert(ID_PREFIX_SIZE + ID_DIGITS == KEY_ID_TEXT_SIZE, "shown key id");

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool key_prefix_is_valid(struct slice prefix)
{
    if (prefix.size < 2 || prefix.size > KEY_PREFIX_MAX || !is_lower(prefix.data[0]))
        return false;
    for (size_t i = 1; i < prefix.size; i++)
        if (!is_lower(prefix.data[i]) && !is_digit(prefix.data[i]))
            return false;
    return !slice_equal(prefix, slice_text("pub")); // otherwise pub_live_… could be read in two ways
}

// Takes everything up to and with the next underscore; `word` is what stands before it.
static bool take_word(struct slice *rest, struct slice *word)
{
    const uint8_t *end = rest->size > 0 ? memchr(rest->data, '_', rest->size) : NULL;
    if (end == NULL)
        return false;
    *word = slice_make(rest->data, (size_t)(end - rest->data));
    *rest = slice_make(end + 1, rest->size - word->size - 1);
    return true;
}

// Takes everything before the body, which is left in *rest.
static bool take_head(struct slice *rest)
{
    struct slice word;
    if (!take_word(rest, &word) || !key_prefix_is_valid(word) || !take_word(rest, &word))
        return false;
    if (slice_equal(word, slice_text("pub")) && !take_word(rest, &word))
        return false;
    return slice_equal(word, slice_text("live")) || slice_equal(word, slice_text("test"));
}

bool key_token_find_id(struct slice text, uint8_t out[KEY_ID_SIZE], bool *whole)
{
    struct slice body = text;
    memset(out, 0, KEY_ID_SIZE);
    bool known = text.size <= KEY_TOKEN_MAX && take_head(&body) && body.size >= ID_DIGITS &&
                 base62_read(body.data, ID_DIGITS, out, KEY_ID_SIZE);
    *whole = known && body.size == KEY_BODY_SIZE;
    return known;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// Does it begin with the word, in any case, and a blank?
static bool begins_with_scheme(struct slice text, const char *word)
{
    size_t size = strlen(word);
    return text.size > size && strncasecmp((const char *)text.data, word, size) == 0 && is_blank(text.data[size]);
}

static bool has(struct slice text, const char *part)
{
    return memmem(text.data, text.size, part, strlen(part)) != NULL;
}

// What pages, mails and word processors put where a blank is seen, or nothing at all.
static bool has_wide_blank(struct slice text)
{
    static const char *const blanks[] = {"\xC2\x85",     "\xC2\xA0",     "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF",
                                         "\xE2\x81\x9F", "\xE2\x81\xA0", "\xE3\x80\x80"}; // U+0085 ... U+3000
    for (size_t i = 0; i < sizeof blanks / sizeof blanks[0]; i++)
        if (has(text, blanks[i]))
            return true;
    for (char last = '\x80'; last <= '\x8B'; last++) // U+2000 to U+200B
        if (has(text, (const char[]){'\xE2', '\x80', last, '\0'}))
            return true;
    return false;
}

const char *key_token_hint(struct slice text)
{
    if (begins_with_scheme(text, "Bearer"))
        return "begins with Bearer";
    if (has(text, "\xEF\xBB\xBF")) // U+FEFF
        return "has a byte order mark";
    for (size_t i = 0; i < text.size; i++)
        if (is_blank(text.data[i]))
            return "has white space";
    return has_wide_blank(text) ? "has white space" : NULL;
}

static char *append(char *at, struct slice text)
{
    memcpy(at, text.data, text.size);
    return at + text.size;
}

size_t key_token_format(const struct key_token *token, char out[KEY_TOKEN_MAX + 1])
{
    char *at = append(out, token->prefix);
    at = append(at, slice_text(token->type == KEY_TYPE_PUBLIC ? "_pub" : ""));
    at = append(at, slice_text(token->environment == KEY_ENVIRONMENT_LIVE ? "_live_" : "_test_"));
    base62_write(token->id, KEY_ID_SIZE, at, ID_DIGITS);
    at += ID_DIGITS;
    base62_write(token->secret, KEY_SECRET_SIZE, at, SECRET_DIGITS);
    at += SECRET_DIGITS;
    uint32_t checksum = (uint32_t)crc32_z(crc32_z(0, NULL, 0), (const uint8_t *)out, (size_t)(at - out));
    uint8_t bytes[] = {(uint8_t)(checksum >> 24), (uint8_t)(checksum >> 16), (uint8_t)(checksum >> 8),
                       (uint8_t)checksum};
    base62_write(bytes, sizeof bytes, at, CHECKSUM_DIGITS);
    at += CHECKSUM_DIGITS;
    *at = '\0';
    return (size_t)(at - out);
}

bool key_id_parse(struct slice text, uint8_t out[KEY_ID_SIZE])
{
    memset(out, 0, KEY_ID_SIZE);
    return text.size == KEY_ID_TEXT_SIZE && slice_starts_with(text, slice_text(id_prefix)) &&
           base62_read(text.data + ID_PREFIX_SIZE, ID_DIGITS, out, KEY_ID_SIZE);
}

void key_id_format(const uint8_t id[KEY_ID_SIZE], char out[KEY_ID_TEXT_SIZE + 1])
{
    memcpy(out, id_prefix, ID_PREFIX_SIZE);
    base62_write(id, KEY_ID_SIZE, out + ID_PREFIX_SIZE, ID_DIGITS);
    out[KEY_ID_TEXT_SIZE] = '\0';
}

void key_id_make(uint16_t account_slot, const uint8_t random[9], uint8_t out[KEY_ID_SIZE])
{
    out[0] = (uint8_t)(account_slot >> 8 & 0x3F);
    out[1] = (uint8_t)account_slot;
    memcpy(out + 2, random, KEY_ID_SIZE - 2);
}
