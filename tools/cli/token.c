// The presented token: by standard input or the environment, never by the command line, where it would stay in the
// shell's history and in the list of processes.
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_SIZE_MAX = 4096 }; // far more than posternd takes, so that it is posternd who refuses

bool token_is_likely(const char *text)
{
    if (strcmp(text, "-") == 0 || strncmp(text, "key_", 4) == 0)
        return false;
    return strstr(text, "_live_") != NULL || strstr(text, "_test_") != NULL || strlen(text) > 40;
}

int token_refuse(const struct cli *cli)
{
    static const struct {
        const char *words, *instead;
    } ways[] = {{"revoke", "revoke --token -"}, {"ratecheck", "ratecheck --api-key -"}};
    const char *instead = "verify -", *environment = ", or in the environment variable POSTERN_TOKEN";
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(cli->command->words, ways[i].words) == 0) {
            instead = ways[i].instead;
            environment = "";
        }
    return misuse(
        cli,
        "a token does not belong on the command line, where it stays in the shell's history: give it by standard "
        "input, printf %%s \"$TOKEN\" | postern %s%s",
        instead, environment);
}

const char *operand_key_id(const struct cli *cli)
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

const char *token_read(struct cli *cli, bool from_stdin)
{
    if (!from_stdin) {
        const char *token = getenv("POSTERN_TOKEN");
        if (token == NULL)
            misuse(cli,
                   "no token: give it by standard input, printf %%s \"$TOKEN\" | postern %s -, or in the environment "
                   "variable POSTERN_TOKEN",
                   cli->command->words);
        return token;
    }
    char *line = cli_keep(cli, TOKEN_SIZE_MAX + 2, 1);
    size_t size = 0;
    for (int c = getchar(); c != EOF && c != '\n'; c = getchar()) {
        if (size == TOKEN_SIZE_MAX || c == '\0') {
            misuse(cli, "what came by standard input is not the text of a token (at most %d bytes on one line)",
                   TOKEN_SIZE_MAX);
            return NULL;
        }
        line[size++] = (char)c;
    }
    if (size > 0 && line[size - 1] == '\r')
        line[size - 1] = '\0';
    return line;
}
