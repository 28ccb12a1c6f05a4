// Clients trim what they send, and a gateway takes "Authorization: Bearer " away: nobody can present a token with these
// around it. Quotation marks are of the file that the token comes from.
#include "import/token.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const char quotes[] = "\"'`";

// Returns the size of the white space, or of a byte order mark, at the beginning of the text, or at its end; 0: there
// is none.
static size_t space_at(const char *text, size_t size, bool end, unsigned *findings)
{
    static const char *const spaces[] = {
        "\xEF\xBB\xBF", " ", "\t", "\r", "\n", "\v", "\f",
        // U+0085, U+00A0, U+2000 to U+200B, U+2028, U+2029, U+202F, U+205F, U+2060, U+3000
        "\xC2\x85", "\xC2\xA0", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84",
        "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\x8B",
        "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE2\x81\xA0", "\xE3\x80\x80"};
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++) {
        size_t space = strlen(spaces[i]);
        if (space <= size && memcmp(end ? text + size - space : text, spaces[i], space) == 0) {
            *findings |= i == 0 ? IMPORT_TOKEN_MARK : IMPORT_TOKEN_SPACE;
            return space;
        }
    }
    return 0;
}

static const char *trim(const char *text, size_t *size, unsigned *findings)
{
    size_t space;
    while ((space = space_at(text, *size, false, findings)) > 0) {
        text += space;
        *size -= space;
    }
    while ((space = space_at(text, *size, true, findings)) > 0)
        *size -= space;
    return text;
}

// Skips a word that begins the text, and the white space behind it.
static const char *skip_word(const char *text, size_t *size, const char *word, bool needs_space, unsigned *inner)
{
    size_t count = strlen(word);
    if (*size <= count || strncasecmp(text, word, count) != 0 ||
        (needs_space && space_at(text + count, *size - count, false, inner) == 0))
        return text;
    *size -= count;
    return trim(text + count, size, inner);
}

// Skips quotation marks of the same kind on both sides, and the white space within.
static const char *skip_quotes(const char *text, size_t *size, unsigned *inner)
{
    if (*size < 2 || strchr(quotes, text[0]) == NULL || text[*size - 1] != text[0])
        return text;
    *size -= 2;
    return trim(text + 1, size, inner);
}

// Takes away what a configuration, a log or a header has around a token, in whatever order.
static const char *skip_around(const char *text, size_t *size, unsigned *findings)
{
    unsigned inner = 0; // white space within is no other finding
    for (const char *before = NULL; before != text;) {
        const char *at = before = text;
        text = skip_quotes(at, size, &inner);
        *findings |= text != at ? IMPORT_TOKEN_QUOTES : 0;
        text = skip_word(at = text, size, "Authorization:", false, &inner);
        *findings |= text != at ? IMPORT_TOKEN_HEADER : 0;
        text = skip_word(at = text, size, "Bearer", true, &inner);
        *findings |= text != at ? IMPORT_TOKEN_BEARER : 0;
    }
    if (*size > 0 && (strchr(quotes, text[0]) != NULL || strchr(quotes, text[*size - 1]) != NULL))
        *findings |= IMPORT_TOKEN_ONE_QUOTE;
    return text;
}

static size_t count_leading(const char *text, size_t size, const char *set)
{
    size_t count = 0;
    while (count < size && text[count] != '\0' && strchr(set, text[count]) != NULL)
        count++;
    return count;
}

const char *import_token_find(const char *text, size_t *size, unsigned *findings)
{
    enum { ID_DIGITS_MAX = 20, DIGEST_DIGITS = 64 };
    *findings = 0;
    text = trim(text, size, findings);
    text = skip_around(text, size, findings);
    size_t digits = count_leading(text, *size, "0123456789");
    if (digits > 0 && digits <= ID_DIGITS_MAX && digits < *size && text[digits] == '|')
        *findings |= IMPORT_TOKEN_ID_BEFORE;
    if (*size == DIGEST_DIGITS && count_leading(text, *size, "0123456789abcdefABCDEF") == DIGEST_DIGITS)
        *findings |= IMPORT_TOKEN_DIGEST;
    return text;
}
