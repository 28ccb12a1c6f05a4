// Reads a stream in several ways at once and has the tokens found in each.
//
// Base64: a token's characters are at one of three places in a group, and text before it may be no base64 at all, so
// that nothing tells where a group begins. But there are only four places for that, and all bytes that are no base64
// (the ends of lines, where it was folded, and what indents them) may be left out. The decoded bytes are read like any
// others: they may be UTF-16.
//
// A diff has marks in front of its lines, and "+" and "-" are base64. They are left out at the beginning of a line,
// whatever it is of: no character that stands for a part of a token is one of them, but for the last one where a byte
// of 0xE0 or more follows the token.
#include "scan/search.h"

#include "cli.h"

#include <string.h>

enum { VALUE_OF_MARKS = 62 }; // of "+" and, in the alphabet for URLs, "-"

static void begin_values(signed char values[256])
{
    memset(values, -1, 256);
    for (int i = 0; i < 64; i++)
        values[(unsigned char)value_base64_alphabet[i]] = (signed char)i;
    values['-'] = VALUE_OF_MARKS; // the alphabet for URLs
    values['_'] = 63;
}

void scan_search_begin(struct scan_search *search, void (*found)(void *context, const struct scan_token *token),
                       void *context)
{
    scan_find_begin(&search->plain, SCAN_PLAIN, found, context);
    scan_find_begin(&search->escaped, SCAN_ESCAPED, found, context);
    for (size_t i = 0; i < SCAN_PHASES; i++) {
        scan_find_begin(&search->phases[i].find, SCAN_BASE64, found, context);
        search->phases[i].used = 0;
    }
    search->phase = 0;
    search->group = 0;
    search->after_backslash = false;
    search->line = 1;
    search->at_line_begin = true;
    begin_values(search->values);
}

static void flush_piece(struct scan_search *search, struct scan_phase *phase)
{
    phase->find.mark.line = search->line;
    scan_find_feed(&phase->find, phase->piece, phase->used);
    phase->used = 0;
}

static void flush_all(struct scan_search *search)
{
    for (size_t i = 0; i < SCAN_PHASES; i++)
        flush_piece(search, &search->phases[i]);
}

// One more character ends a group of one phase.
static void add_value(struct scan_search *search, uint32_t value)
{
    struct scan_phase *phase = &search->phases[search->phase];
    search->phase = (search->phase + 1) % SCAN_PHASES;
    search->group = (search->group << 6 | value) & 0xFFFFFF;
    phase->piece[phase->used++] = (unsigned char)(search->group >> 16);
    phase->piece[phase->used++] = (unsigned char)(search->group >> 8);
    phase->piece[phase->used++] = (unsigned char)search->group;
    if (phase->used > SCAN_PIECE_SIZE - 3)
        flush_piece(search, phase);
}

static void feed_base64(struct scan_search *search, const unsigned char *at, const unsigned char *end)
{
    for (; at < end; at++) {
        int value = search->values[*at];
        bool is_escape = search->after_backslash && (*at == 'n' || *at == 'r');
        bool is_mark = search->at_line_begin && value == VALUE_OF_MARKS;
        if (value >= 0 && !is_escape && !is_mark)
            add_value(search, (uint32_t)value);
        search->at_line_begin = search->at_line_begin && (is_mark || strchr(" \t\r", *at) != NULL);
        if (*at == '\n') {
            flush_all(search);
            search->line++;
            search->at_line_begin = true;
        }
        if (*at != '\0')
            search->after_backslash = *at == '\\';
    }
}

void scan_search_feed(struct scan_search *search, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    scan_find_feed(&search->plain, at, size);
    scan_find_feed(&search->escaped, at, size);
    feed_base64(search, at, at + size);
}

// The last group may lack one or two characters, and padding stands for them.
void scan_search_finish(struct scan_search *search)
{
    add_value(search, 0);
    add_value(search, 0);
    flush_all(search);
}

void scan_search_wipe(struct scan_search *search)
{
    scan_find_end(&search->plain);
    scan_find_end(&search->escaped);
    for (size_t i = 0; i < SCAN_PHASES; i++) {
        scan_find_end(&search->phases[i].find);
        explicit_bzero(search->phases[i].piece, sizeof search->phases[i].piece);
    }
}
