// The presented token: by standard input or the environment, never by the command line, where it would stay in the
// shell's history and in the list of processes.
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOKENS_AT_FIRST = 64 }; // a power of 2

bool token_is_likely(const char *text)
{
    if (strcmp(text, "-") == 0 || strncmp(text, "key_", 4) == 0)
        return false;
    return strstr(text, "_live_") != NULL || strstr(text, "_test_") != NULL || strlen(text) > 40;
}

static const char *way_of(const struct cli *cli)
{
    const char *way = cli->command->token_way;
    return way != NULL ? way : "verify -, or in the environment variable POSTERN_TOKEN";
}

bool token_refuse(struct cli *cli)
{
    return misuse(cli,
                  "a token does not belong on the command line, where it stays in the shell's history: give it by "
                  "standard input, printf %%s \"$TOKEN\" | postern %s",
                  way_of(cli));
}

bool token_refuse_none(struct cli *cli)
{
    return misuse(cli, "no token came by standard input: give it there, printf %%s \"$TOKEN\" | postern %s",
                  way_of(cli));
}

const char *operand_key_id(struct cli *cli)
{
    const char *text = cli->operands[0];
    if (strncmp(text, "key_", 4) == 0)
        return text;
    if (token_is_likely(text))
        token_refuse(cli);
    else
        misuse(cli, "\"%s\" is not the id of a key: those begin with key_, as postern list shows them", text);
    return NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Returns the size of a token without the white space that a file, a variable or echo adds at its end.
static size_t trimmed_size(const char *text, size_t size)
{
    while (size > 0 && is_blank(text[size - 1]))
        size--;
    return size;
}

char *token_line(struct pool *pool, bool *wrong)
{
    char line[TOKEN_SIZE_MAX + 1];
    size_t size = 0;
    int c = getchar();
    if (c == EOF)
        return NULL;
    for (; c != EOF && c != '\n' && !*wrong; c = getchar()) {
        *wrong = size == TOKEN_SIZE_MAX || c == '\0';
        if (!*wrong)
            line[size++] = (char)c;
    }
    char *token = pool_text(pool, line, trimmed_size(line, size));
    explicit_bzero(line, sizeof line);
    return token;
}

// Makes room for one more token: where there is none left, for twice as many.
static const char **make_room(struct cli *cli, const char **tokens, size_t count)
{
    if (count > 0 && (count < TOKENS_AT_FIRST || (count & (count - 1)) != 0))
        return tokens;
    const char **more = cli_keep(cli, count > 0 ? 2 * count : TOKENS_AT_FIRST, sizeof *more);
    if (count > 0)
        memcpy(more, tokens, count * sizeof *more);
    return more;
}

const char *const *token_read_lines(struct cli *cli, size_t *count)
{
    bool wrong = false, is_typed = isatty(STDIN_FILENO) == 1;
    const char **tokens = NULL, *token;
    *count = 0;
    while ((token = token_line(&cli->pool, &wrong)) != NULL && !wrong) {
        if (token[0] == '\0')
            continue;
        tokens = make_room(cli, tokens, *count);
        tokens[(*count)++] = token;
        if (is_typed)
            break;
    }
    if (wrong)
        misuse(cli, "what came by standard input is not a token on each line, of at most %d bytes", TOKEN_SIZE_MAX);
    else if (*count == 0)
        token_refuse_none(cli);
    return wrong ? NULL : tokens;
}

const char *token_read_one(struct cli *cli)
{
    size_t count;
    const char *const *tokens = token_read_lines(cli, &count);
    if (count > 1)
        misuse(cli, "%zu tokens came by standard input: %s asks about one", count, cli->command->words);
    return cli_good(cli) ? tokens[0] : NULL;
}

const char *token_of_environment(struct cli *cli)
{
    const char *token = getenv("POSTERN_TOKEN");
    if (token != NULL)
        return pool_text(&cli->pool, token, trimmed_size(token, strlen(token)));
    misuse(cli,
           "no token: give it by standard input, printf %%s \"$TOKEN\" | postern %s -, or in the environment variable "
           "POSTERN_TOKEN",
           cli->command->words);
    return NULL;
}

bool token_check_dash(struct cli *cli, const char *text)
{
    return strcmp(text, "-") == 0 || token_refuse(cli);
}
