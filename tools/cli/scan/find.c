// Looks for the middle of a token ("_live_" or "_test_"), which is rare in any input, then for the body behind it and
// the prefix before it, and computes the checksum only for what fits so far.
#include "scan/find.h"

#include <stdio.h>
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

void scan_find_begin(struct scan_find *find, void (*found)(void *context, const struct scan_token *token),
                     void *context)
{
    find->found = found;
    find->context = context;
    find->line = 1;
    find->used = 0;
    find->next = 0;
}

void scan_find_end(struct scan_find *find)
{
    explicit_bzero(find->bytes, sizeof find->bytes);
    find->used = 0;
}

static int base62_digit(unsigned char c)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const char *found = memchr(digits, c, sizeof digits - 1);
    return found != NULL ? (int)(found - digits) : -1;
}

static bool is_prefix_byte(unsigned char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (!first && c >= '0' && c <= '9');
}

static bool is_body(const unsigned char *body)
{
    for (size_t i = 0; i < BODY_SIZE; i++)
        if (base62_digit(body[i]) < 0)
            return false;
    return true;
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

static uint64_t count_lines(const unsigned char *bytes, size_t size)
{
    uint64_t lines = 0;
    const unsigned char *at = bytes, *end = bytes + size;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        lines++;
        at++;
    }
    return lines;
}

static void report(const struct scan_find *find, size_t begin, size_t word, bool is_public)
{
    struct scan_token token = {.is_public = is_public, .is_live = find->bytes[word + 1] == 'l'};
    memcpy(token.text, find->bytes + begin, word + REACH - begin);
    memcpy(token.key_id, "key_", SCAN_KEY_ID_SIZE - ID_DIGITS);
    memcpy(token.key_id + SCAN_KEY_ID_SIZE - ID_DIGITS, find->bytes + word + WORD_SIZE, ID_DIGITS);
    token.line = find->line + count_lines(find->bytes, begin);
    find->found(find->context, &token);
    explicit_bzero(&token, sizeof token);
}

// The environment's word is at `word` and all of a body follows. Where the prefix begins only the checksum tells:
// "\nacme_live_..." in a quoted text is not of the prefix "nacme".
static void examine(const struct scan_find *find, size_t word)
{
    const unsigned char *bytes = find->bytes;
    if (!is_body(bytes + word + WORD_SIZE))
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
            report(find, begin, word, is_public);
            return;
        }
    }
}

static void search(struct scan_find *find)
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
            examine(find, find->next);
        find->next++;
    }
}

// Keeps only what a token may begin with.
static void slide(struct scan_find *find)
{
    size_t gone = find->next > HEAD_MAX ? find->next - HEAD_MAX : 0;
    find->line += count_lines(find->bytes, gone);
    find->used -= gone;
    find->next -= gone;
    memmove(find->bytes, find->bytes + gone, find->used);
}

void scan_find_feed(struct scan_find *find, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    while (size > 0) {
        size_t room = sizeof find->bytes - find->used;
        size_t piece = size < room ? size : room;
        memcpy(find->bytes + find->used, at, piece);
        find->used += piece;
        at += piece;
        size -= piece;
        search(find);
        slide(find);
    }
}

// -------------------------------------------------------------------------------------------------- git log -p

// A file that the commit takes away has its name before the change only.
static void read_line(struct scan_history *history)
{
    char hash[sizeof history->commit + 1];
    int size = 0;
    (void)sscanf(history->line, "commit %65[0-9a-f]%n", hash, &size);
    size_t digits = size > 0 ? strlen(hash) : 0;
    if (digits >= 7 && digits < sizeof history->commit && strchr(" ", history->line[size]) != NULL) {
        memcpy(history->commit, hash, digits + 1);
        history->path[0] = '\0';
    } else if (strncmp(history->line, "--- a/", 6) == 0 || strncmp(history->line, "+++ b/", 6) == 0) {
        snprintf(history->path, sizeof history->path, "%.*s", (int)sizeof history->path - 1, history->line + 6);
    }
}

void scan_history_feed(struct scan_history *history, const char *bytes, size_t size)
{
    size_t room = sizeof history->line - 1 - history->used;
    memcpy(history->line + history->used, bytes, size < room ? size : room);
    history->used += size < room ? size : room;
    if (size == 0 || bytes[size - 1] != '\n')
        return;
    history->line[history->used] = '\0';
    char *end = strchr(history->line, '\n');
    if (end != NULL)
        *end = '\0';
    read_line(history);
    history->used = 0;
}
