#include "config/setting.h"

// What the next byte belongs to.
enum place { PLACE_PLAIN, PLACE_DOUBLE, PLACE_SINGLE, PLACE_LINE_COMMENT, PLACE_BLOCK_COMMENT };

static bool begins_word(const char *text, size_t at)
{
    return at == 0 || text[at - 1] == ' ' || text[at - 1] == '\t' || text[at - 1] == '\n' || text[at - 1] == '\r';
}

static enum place leave_plain(const char *text, size_t size, size_t at)
{
    char next = at + 1 < size ? text[at + 1] : '\0';
    if (text[at] == '"')
        return PLACE_DOUBLE;
    if (text[at] == '\'')
        return PLACE_SINGLE;
    if (!begins_word(text, at)) // as the slashes of an address without quotes
        return PLACE_PLAIN;
    if (text[at] == '#' || (text[at] == '/' && next == '/'))
        return PLACE_LINE_COMMENT;
    return text[at] == '/' && next == '*' ? PLACE_BLOCK_COMMENT : PLACE_PLAIN;
}

// The first byte behind the quoted piece or comment that begins at `at`.
static size_t end_of(const char *text, size_t size, size_t at, enum place place)
{
    char quote = text[at];
    for (size_t i = at + 1; i < size; i++) {
        bool is_quote = place == PLACE_DOUBLE || place == PLACE_SINGLE;
        if (is_quote && text[i] == '\\') {
            i++;
        } else if (is_quote && text[i] == quote) {
            return i + 1;
        } else if (place == PLACE_LINE_COMMENT && text[i] == '\n') {
            return i;
        } else if (place == PLACE_BLOCK_COMMENT && i > at + 2 && text[i - 1] == '*' && text[i] == '/') {
            return i + 1;
        }
    }
    return size;
}

void setting_blank_comments(char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        enum place place = leave_plain(text, size, at);
        size_t end = place == PLACE_PLAIN ? at + 1 : end_of(text, size, at, place);
        bool is_comment = place == PLACE_LINE_COMMENT || place == PLACE_BLOCK_COMMENT;
        for (size_t i = at; is_comment && i < end; i++)
            text[i] = text[i] == '\n' ? '\n' : ' ';
        at = end;
    }
}
