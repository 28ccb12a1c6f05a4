// Scopes that are always there, and in no catalogue: who looks for one is told what it does.
#include "cli.h"
#include "json.h"

#include <string.h>

static const struct {
    const char *scope, *description;
} built_in[] = {
    {"admin", "always there: covers every scope of the catalogue, but none of postern:"},
    {"postern:verify", "always there: may ask about presented keys"},
    {"postern:ratecheck", "always there: may charge other accounts"},
    {"postern:account-admin", "always there: administers the keys of its account"},
    {"postern:operator", "always there: may do everything, in the account postern"},
};

bool scope_show_built_in(const struct cli *cli)
{
    size_t i = 0, count = sizeof built_in / sizeof built_in[0];
    while (i < count && strcmp(built_in[i].scope, cli->operands[0]) != 0)
        i++;
    if (i == count)
        return false;
    const char *scope = built_in[i].scope, *description = built_in[i].description;
    if (cli->json)
        json_print(json_pack("{s:{s:s, s:s, s:[], s:b, s:b}}", "scope", "scope", scope, "description", description,
                             "implies", "is_default", false, "public_safe", false));
    else
        printf("scope %s (%s)\n", scope, description);
    return true;
}
