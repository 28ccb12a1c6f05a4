// Knows for each command that changes something the one that shows it.
#include "outcome.h"

#include <string.h>

// Writes the words and the option's value, or PLACEHOLDER where it was not given.
static const char *by_option(struct cli *cli, const char *words, const char *option, const char *placeholder)
{
    const char *value = argument_text(cli, option);
    return cli_format(cli, "%s %s", words, value != NULL ? value : placeholder);
}

static const char *look_at_meters(struct cli *cli)
{
    return argument_has(cli, "key") ? by_option(cli, "audit --key", "key", "KEY_ID")
                                    : by_option(cli, "audit --account", "account", "ID");
}

// The command that shows what the running one changes; NULL: there is none.
static const char *find_look(struct cli *cli)
{
    static const struct {
        const char *begin, *look;
    } rows[] = {{"account ", "account get"}, {"tier ", "tier get"}, {"scope ", "scope get"},
                {"update", "get"},           {"roll", "get"},       {"revoke", "get"},
                {"disable", "get"},          {"enable", "get"},     {"delete", "get"}};
    const char *words = cli->command->words;
    if (strcmp(words, "create") == 0 || strcmp(words, "import") == 0)
        return by_option(cli, "list --account", "account", "ID");
    if (strcmp(words, "ratecheck") == 0)
        return look_at_meters(cli);
    if (strcmp(words, "scan") == 0 || (strcmp(words, "revoke") == 0 && cli->operand_count == 0))
        return "get --token -";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strncmp(words, rows[i].begin, strlen(rows[i].begin)) == 0 && cli->operand_count > 0)
            return cli_format(cli, "%s %s", rows[i].look, cli->operands[0]);
    return NULL;
}

const char *outcome_word(struct cli *cli, const char *message)
{
    static const struct {
        const char *said, *instead;
    } rows[] = {{"repeat it with the same request_id to find out", "look before you repeat it"},
                {"look before you repeat it", "look before you repeat it"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *at = strstr(message, rows[i].said), *look = at != NULL ? find_look(cli) : NULL;
        if (at != NULL)
            return cli_format(cli, "%.*s%s%s%s", (int)(at - message), message, rows[i].instead,
                              look != NULL ? ", with: postern " : "", look != NULL ? look : "");
    }
    return message;
}
