// The presented token: by standard input or the environment, never by the command line, where it would stay in the
// shell's history and in the list of processes.
#include "cli.h"

#include <stdlib.h>
#include <string.h>

bool token_is_likely(const char *text)
{
    if (strcmp(text, "-") == 0 || strncmp(text, "key_", 4) == 0)
        return false;
    return strstr(text, "_live_") != NULL || strstr(text, "_test_") != NULL || strlen(text) > 40;
}

bool token_refuse(struct cli *cli)
{
    const char *way = cli->command->token_way;
    return misuse(cli,
                  "a token does not belong on the command line, where it stays in the shell's history: give it by "
                  "standard input, printf %%s \"$TOKEN\" | postern %s",
                  way != NULL ? way : "verify -, or in the environment variable POSTERN_TOKEN");
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
    if (size > 0 && line[size - 1] == '\r')
        size--;
    char *token = pool_text(pool, line, size);
    explicit_bzero(line, sizeof line);
    return token;
}

const char *token_read(struct cli *cli, bool from_stdin)
{
    bool wrong = false;
    const char *token = from_stdin ? token_line(&cli->pool, &wrong) : getenv("POSTERN_TOKEN");
    if (wrong)
        misuse(cli, "what came by standard input is not the text of a token (at most %d bytes on one line)",
               TOKEN_SIZE_MAX);
    else if (token == NULL && from_stdin)
        return "";
    else if (token == NULL)
        misuse(cli,
               "no token: give it by standard input, printf %%s \"$TOKEN\" | postern %s -, or in the environment "
               "variable POSTERN_TOKEN",
               cli->command->words);
    return wrong ? NULL : token;
}

const char *token_read_dash(struct cli *cli, const char *text)
{
    if (strcmp(text, "-") == 0)
        return token_read(cli, true);
    token_refuse(cli);
    return NULL;
}
