// Keeps the bytes that a token may have, looks among them for the middle of a token ("_live_" or "_test_"), which is
// rare in any input, then for the body behind it and the prefix before it, and computes the checksum only for what fits
// so far. That other words are then glued to a token does no harm: the checksum tells where it begins and ends.
#include "scan/find.h"

#include "cli.h"

#include <string.h>
#include <zlib.h>

enum {
    PREFIX_MIN = 2,
    PREFIX_MAX = 20,
    PUB_SIZE = 4,  // "_pub"
    WORD_SIZE = 6, // "_live_"
    BODY_SIZE = 64,
    CHECKSUM_SIZE = 6,
    ID_DIGITS = 15,
    HEAD_MAX = PREFIX_MAX + PUB_SIZE,
    REACH = WORD_SIZE + BODY_SIZE
};

_Static_assert(HEAD_MAX + REACH == SCAN_TOKEN_MAX, "parts of a token");

// What a byte is: one that a token may have; an end of line or a backslash; or 0 for all others.
enum { KEPT = 1, SPECIAL = 2 };

static void begin_kinds(unsigned char kinds[256])
{
    memset(kinds, 0, 256);
    for (const char *digit = value_base62_alphabet; *digit != '\0'; digit++)
        kinds[(unsigned char)*digit] = KEPT;
    kinds['_'] = KEPT;
    kinds['\n'] = SPECIAL;
    kinds['\\'] = SPECIAL;
}

void scan_find_begin(struct scan_find *find, enum scan_reading reading,
                     void (*found)(void *context, const struct scan_token *token), void *context)
{
    find->found = found;
    find->context = context;
    find->reading = reading;
    find->mark = (struct scan_mark){.line = 1};
    find->after_backslash = false;
    find->used = 0;
    find->next = 0;
    begin_kinds(find->kinds);
}

void scan_find_end(struct scan_find *find)
{
    explicit_bzero(find->bytes, sizeof find->bytes);
    find->used = 0;
}

static int base62_digit(unsigned char c)
{
    const char *found = memchr(value_base62_alphabet, c, sizeof value_base62_alphabet - 1);
    return found != NULL ? (int)(found - value_base62_alphabet) : -1;
}

static bool is_prefix_byte(unsigned char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (!first && c >= '0' && c <= '9');
}

static uint64_t written_checksum(const unsigned char *digits)
{
    uint64_t value = 0;
    for (size_t i = 0; i < CHECKSUM_SIZE; i++)
        value = value * 62 + (uint64_t)base62_digit(digits[i]);
    return value;
}

static bool checksum_holds(const unsigned char *token, size_t size)
{
    size_t covered = size - CHECKSUM_SIZE;
    return crc32_z(crc32_z(0, NULL, 0), token, covered) == written_checksum(token + covered);
}

// ------------------------------------------------------------------------------------------------------------ tokens

static void report_token(const struct scan_find *find, size_t begin, size_t word, bool is_public)
{
    struct scan_token token = {.is_public = is_public,
                               .is_live = find->bytes[word + 1] == 'l',
                               .is_base64 = find->reading == SCAN_BASE64,
                               .line = find->marks[begin].line};
    memcpy(token.text, find->bytes + begin, word + REACH - begin);
    memcpy(token.key_id, "key_", SCAN_KEY_ID_SIZE - ID_DIGITS);
    memcpy(token.key_id + SCAN_KEY_ID_SIZE - ID_DIGITS, find->bytes + word + WORD_SIZE, ID_DIGITS);
    find->found(find->context, &token);
    explicit_bzero(&token, sizeof token);
}

// Is the token for this reading to report? The plain reading finds those without escapes.
static bool is_of_this_reading(const struct scan_find *find, size_t begin, size_t end)
{
    return find->reading != SCAN_ESCAPED || find->marks[begin].escapes != find->marks[end - 1].escapes;
}

// Looks for a token whose environment is at `word`; enough bytes for a body follow it. Only the checksum tells where
// the prefix begins: "\nacme_live_..." in a quoted text is not of the prefix "nacme".
static void examine_word(const struct scan_find *find, size_t word)
{
    const unsigned char *bytes = find->bytes;
    if (memchr(bytes + word + WORD_SIZE, '_', BODY_SIZE) != NULL)
        return;
    bool is_public = word >= PUB_SIZE && memcmp(bytes + word - PUB_SIZE, "_pub", PUB_SIZE) == 0;
    size_t head_end = word - (is_public ? PUB_SIZE : 0);
    for (size_t size = 1; size <= PREFIX_MAX && size <= head_end; size++) {
        size_t begin = head_end - size;
        if (!is_prefix_byte(bytes[begin], false))
            return;
        if (size < PREFIX_MIN || !is_prefix_byte(bytes[begin], true))
            continue;
        if (checksum_holds(bytes + begin, word + REACH - begin)) {
            if (is_of_this_reading(find, begin, word + REACH))
                report_token(find, begin, word, is_public);
            return;
        }
    }
}

static void search_kept(struct scan_find *find)
{
    while (find->next < find->used) {
        const unsigned char *from = find->bytes + find->next;
        const unsigned char *found = memchr(from, '_', find->used - find->next);
        if (found == NULL) {
            find->next = find->used;
            return;
        }
        find->next = (size_t)(found - find->bytes);
        if (find->used - find->next < REACH)
            return; // more has to come
        if (memcmp(found, "_live_", WORD_SIZE) == 0 || memcmp(found, "_test_", WORD_SIZE) == 0)
            examine_word(find, find->next);
        find->next++;
    }
}

// ------------------------------------------------------------------------------------------------------------- bytes

// Skips the letter of an escape behind a backslash; in wide characters a zero comes before it.
static const unsigned char *skip_escape(struct scan_find *find, const unsigned char *at, const unsigned char *end)
{
    while (at < end && *at == '\0')
        at++;
    if (at == end)
        return at;
    find->after_backslash = false;
    if (*at != 'n' && *at != 'r' && *at != 't')
        return at;
    find->mark.escapes++;
    return at + 1;
}

static void note_special(struct scan_find *find, unsigned char c)
{
    if (c == '\\')
        find->after_backslash = find->reading == SCAN_ESCAPED;
    else if (find->reading != SCAN_BASE64)
        find->mark.line++;
}

// Keeps bytes until the end, until something special, or until there is no room for more; returns where it stopped.
// This is most of the work: no branch depends on ordinary bytes.
static const unsigned char *keep_bytes(struct scan_find *find, const unsigned char *at, const unsigned char *end)
{
    const struct scan_mark mark = find->mark;
    size_t used = find->used;
    unsigned kind = 0;
    while (at < end && used < SCAN_KEPT_SIZE && kind != SPECIAL) {
        kind = find->kinds[*at];
        find->bytes[used] = *at++;
        find->marks[used] = mark;
        used += kind & KEPT;
    }
    find->used = used;
    if (kind == SPECIAL)
        note_special(find, at[-1]);
    return at;
}

// Drops all bytes but those that a token may begin with.
static void drop_searched(struct scan_find *find)
{
    size_t gone = find->next > HEAD_MAX ? find->next - HEAD_MAX : 0;
    find->used -= gone;
    find->next -= gone;
    memmove(find->bytes, find->bytes + gone, find->used);
    memmove(find->marks, find->marks + gone, find->used * sizeof find->marks[0]);
}

void scan_find_feed(struct scan_find *find, const void *bytes, size_t size)
{
    const unsigned char *at = bytes, *end = at + size;
    while (at < end) {
        at = find->after_backslash ? skip_escape(find, at, end) : keep_bytes(find, at, end);
        if (find->used == SCAN_KEPT_SIZE) {
            search_kept(find);
            drop_searched(find);
        }
    }
    search_kept(find);
}
