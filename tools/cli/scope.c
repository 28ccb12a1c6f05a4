// scope put, list, get, delete.
#include "catalogue.h"
#include "command.h"

#include <stdio.h>
#include <string.h>

// ----------------------------------------------------------------------------------------------------- scope put

static void print_scope(const void *entry)
{
    const struct postern_scope *scope = entry;
    printf("scope %s", scope->scope);
    if (scope->description[0] != '\0')
        printf(" (%s)", scope->description);
    if (scope->implies_count > 0) {
        printf(": implies ");
        output_texts(scope->implies, scope->implies_count);
    }
    printf("%s%s\n", scope->is_default ? ", default" : "", scope->public_safe ? ", public-safe" : "");
}

static int run_scope_put(struct cli *cli)
{
    struct postern_put_scope_request request = {.scope = cli->operands[0],
                                                .description = argument_text(cli, "description"),
                                                .is_default = argument_has(cli, "default"),
                                                .public_safe = argument_has(cli, "public-safe")};
    struct postern_put_scope_reply *reply = NULL;
    request.implies = argument_all(cli, "implies", &request.implies_count);
    if (!value_number(cli, "if-version", UINT64_MAX, &request.if_version))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_put_scope(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        print_scope(&reply->scope);
    postern_reply_free(reply);
    return CLI_DONE;
}

static const struct flag scope_put_flags[] = {
    {"implies", "SCOPE", true, "who has this one has that one too"},
    {"description", "TEXT", false, "what it permits, for people"},
    {"default", NULL, false, "keys that are made without scopes get it"},
    {"public-safe", NULL, false, "public keys may have it"},
    {IF_VERSION_FLAG},
    {0},
};

const struct command command_scope_put = {
    .words = "scope put",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "put a scope into the catalogue, or replace its entry as a whole",
    .flags = scope_put_flags,
    .notes = "Keys can be granted what the catalogue has, and NAME:* for all that begins so. A role is a scope that\n"
             "implies others; admin is always there and implies all.\n"
             "  postern scope put jobs:run --description \"start jobs\"\n"
             "  postern scope put worker --implies jobs:run --implies jobs:read",
    .run = run_scope_put,
};

// ----------------------------------------------------------------------------------------------- scope list, get

static enum postern_status ask_scopes(struct cli *cli, const struct page *page, struct catalogue_page *answer)
{
    const struct postern_list_scopes_request request = {
        .page_size = page->size, .page_token = page->token, .page_token_size = page->token_size};
    struct postern_list_scopes_reply *reply = NULL;
    enum postern_status status = postern_list_scopes(cli->client, &request, &reply, &cli->error);
    if (status == POSTERN_OK)
        *answer = (struct catalogue_page){.reply = &reply->base,
                                          .entries = reply->scopes,
                                          .count = reply->scope_count,
                                          .next_page_token = reply->next_page_token,
                                          .next_page_token_size = reply->next_page_token_size};
    return status;
}

static void add_row(struct table *table, const void *entry, uint64_t now_ms)
{
    const struct postern_scope *scope = entry;
    (void)now_ms;
    char implies[1024] = "";
    for (size_t i = 0; i < scope->implies_count; i++) {
        size_t size = strlen(implies);
        snprintf(implies + size, sizeof implies - size, "%s%s", i > 0 ? ", " : "", scope->implies[i]);
    }
    table_add(table, "%s", scope->scope);
    table_add(table, "%s", scope->is_default ? "yes" : "");
    table_add(table, "%s", scope->public_safe ? "yes" : "");
    table_add(table, "%s", implies);
    table_add(table, "%s", scope->description);
}

static const char *const heads[] = {"SCOPE", "DEFAULT", "PUBLIC", "IMPLIES", "DESCRIPTION"};

_Static_assert(offsetof(struct postern_scope, scope) == 0, "a scope begins with its name");
static const struct catalogue scopes = {
    .list = "scopes",
    .entry = "scope",
    .entry_size = sizeof(struct postern_scope),
    .none = "The catalogue is empty; add to it: postern scope put NAME",
    .heads = heads,
    .columns = sizeof heads / sizeof heads[0],
    .ask = ask_scopes,
    .add_row = add_row,
    .print = print_scope,
};

static int run_scope_list(struct cli *cli)
{
    return catalogue_list(cli, &scopes);
}

static int run_scope_get(struct cli *cli)
{
    return catalogue_get(cli, &scopes);
}

const struct command command_scope_list = {
    .words = "scope list",
    .operands = "",
    .summary = "list scopes",
    .flags = catalogue_list_flags,
    .run = run_scope_list,
};

static const struct flag no_flags[] = {{0}};

const struct command command_scope_get = {
    .words = "scope get",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show a scope",
    .flags = no_flags,
    .run = run_scope_get,
};

// -------------------------------------------------------------------------------------------------- scope delete

static int run_scope_delete(struct cli *cli)
{
    struct postern_delete_scope_request request = {.scope = cli->operands[0]};
    struct postern_delete_scope_reply *reply = NULL;
    if (!value_number(cli, "if-version", UINT64_MAX, &request.if_version))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_delete_scope(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        printf("deleted scope %s\n", reply->scope.scope);
    postern_reply_free(reply);
    return CLI_DONE;
}

static const struct flag scope_delete_flags[] = {{IF_VERSION_FLAG}, {0}};

const struct command command_scope_delete = {
    .words = "scope delete",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "delete a scope from the catalogue; keys that have it keep its name",
    .flags = scope_delete_flags,
    .run = run_scope_delete,
};
