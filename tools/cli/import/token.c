// Clients trim what they send, and a gateway takes "Bearer " away: nobody can present a token with these around it.
#include "import/token.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

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

static const char *skip_bearer(const char *text, size_t *size, unsigned *findings)
{
    static const char bearer[] = "Bearer";
    size_t word = sizeof bearer - 1;
    unsigned inner = 0; // the space behind it is no other note
    if (*size <= word || strncasecmp(text, bearer, word) != 0 ||
        space_at(text + word, *size - word, false, &inner) == 0)
        return text;
    *size -= word;
    *findings |= IMPORT_TOKEN_BEARER;
    return trim(text + word, size, &inner);
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
    text = skip_bearer(text, size, findings);
    size_t digits = count_leading(text, *size, "0123456789");
    if (digits > 0 && digits <= ID_DIGITS_MAX && digits < *size && text[digits] == '|')
        *findings |= IMPORT_TOKEN_ID_BEFORE;
    if (*size == DIGEST_DIGITS && count_leading(text, *size, "0123456789abcdefABCDEF") == DIGEST_DIGITS)
        *findings |= IMPORT_TOKEN_DIGEST;
    return text;
}
