// Parses the keyring line by line. An error names the line and what was expected, never what stands there.
#include "base/text.h"
#include "secret/keyring.h"

#include <sodium.h>
#include <string.h>

static const char first_line[] = "postern-keyring 1";

// Functions that return a text say what is wrong, for the operator and without quoting the content; NULL: nothing.
struct parser {
    struct slice rest;
    struct keyring *out;
    size_t line; // number of the line last taken
};

static const char *take_line(struct parser *parser, struct slice *line)
{
    const uint8_t *end = memchr(parser->rest.data, '\n', parser->rest.size);
    parser->line++;
    if (end == NULL)
        return "the line does not end with a newline; the file may be cut short: restore it from a copy";
    *line = slice_make(parser->rest.data, (size_t)(end - parser->rest.data));
    parser->rest = slice_make(end + 1, parser->rest.size - line->size - 1);
    return NULL;
}

static bool is_blank_or_comment(struct slice line)
{
    return line.size == 0 || line.data[0] == '#';
}

// Takes a decimal without sign or leading zero and the one space behind it. 0 when the line begins otherwise.
static uint32_t take_id(struct slice *line)
{
    uint64_t id = 0;
    struct slice rest = *line;
    bool leads_with_zero = rest.size > 0 && rest.data[0] == '0';
    if (leads_with_zero || !text_take_number(&rest, &id) || id > UINT32_MAX || rest.size == 0 || rest.data[0] != ' ')
        return 0;
    *line = slice_make(rest.data + 1, rest.size - 1);
    return (uint32_t)id;
}

// libsodium reads the digits, because it takes the same time for all digits of a secret; text_take_hex does not.
static bool parse_hex(struct slice text, uint8_t out[KEYRING_MASTER_SIZE])
{
    size_t size = 0;
    return sodium_hex2bin(out, KEYRING_MASTER_SIZE, (const char *)text.data, text.size, NULL, &size, NULL) == 0 &&
           size == KEYRING_MASTER_SIZE;
}

static const char *parse_master(struct keyring *keyring, struct slice line)
{
    uint32_t id = take_id(&line);
    if (id == 0)
        return "expected \"<id> <64 hex digits>\" with an id from 1 to 4294967295";
    if (keyring->count == 0 && id != 1)
        return "the first master secret must have id 1 (account slots come from it): restore the missing line";
    if (keyring->count > 0 && id <= keyring->masters[keyring->count - 1].id)
        return "ids must be ascending, each used once";
    if (keyring->count == KEYRING_MASTERS_MAX)
        return "more than 64 master secrets";
    if (!parse_hex(line, keyring->masters[keyring->count].secret))
        return "expected exactly 64 hex digits after the id; the file may be damaged: restore it from a copy";
    keyring->masters[keyring->count++].id = id;
    return NULL;
}

static const char *parse_lines(struct parser *parser)
{
    while (parser->rest.size > 0) {
        struct slice line;
        const char *fault = take_line(parser, &line);
        if (fault != NULL)
            return fault;
        if (parser->line == 1 && !slice_equal(line, slice_text(first_line)))
            return "expected \"postern-keyring 1\"; this is not a keyring, or one of a newer version";
        if (parser->line > 1 && !is_blank_or_comment(line))
            fault = parse_master(parser->out, line);
        if (fault != NULL)
            return fault;
    }
    return parser->out->count == 0 ? "no master secret found; the file may be cut short: restore it from a copy" : NULL;
}

enum status keyring_parse(struct slice content, const char *path, struct keyring *out, struct status_failure *failure)
{
    sodium_memzero(out, sizeof *out);
    struct parser parser = {.rest = content, .out = out};
    const char *fault = parse_lines(&parser);
    if (fault == NULL)
        return STATUS_OK;
    return status_fail(failure, STATUS_FAILED_PRECONDITION, NULL, "%s:%zu: %s", path, parser.line > 0 ? parser.line : 1,
                       fault);
}
