// scope put, list, get, delete.
#include "command.h"
#include "page.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

// ----------------------------------------------------------------------------------------------------- scope put

static void print_scope(const struct postern_scope *scope)
{
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
    IF_VERSION_FLAG,
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

static void add_rows(struct table *table, const struct postern_list_scopes_reply *reply)
{
    for (size_t i = 0; i < reply->scope_count; i++) {
        const struct postern_scope *scope = &reply->scopes[i];
        char implies[1024] = "";
        for (size_t n = 0; n < scope->implies_count; n++) {
            size_t size = strlen(implies);
            snprintf(implies + size, sizeof implies - size, "%s%s", n > 0 ? ", " : "", scope->implies[n]);
        }
        table_add(table, "%s", scope->scope);
        table_add(table, "%s", scope->is_default ? "yes" : "");
        table_add(table, "%s", scope->public_safe ? "yes" : "");
        table_add(table, "%s", implies);
        table_add(table, "%s", scope->description);
    }
}

static enum postern_status ask_scopes(struct cli *cli, const struct page *page,
                                      struct postern_list_scopes_reply **reply)
{
    const struct postern_list_scopes_request request = {
        .page_size = page->size, .page_token = page->token, .page_token_size = page->token_size};
    return postern_list_scopes(cli->client, &request, reply, &cli->error);
}

static int show_scopes(struct cli *cli, struct page *page, void *table)
{
    struct postern_list_scopes_reply *reply = NULL;
    if (ask_scopes(cli, page, &reply) != POSTERN_OK)
        return call_failed(cli);
    add_rows(table, reply);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        table_print(table);
    page_shown(cli, page, reply->scope_count, reply->next_page_token, reply->next_page_token_size);
    postern_reply_free(reply);
    return CLI_DONE;
}

static int run_scope_list(struct cli *cli)
{
    static const char *const heads[] = {"SCOPE", "DEFAULT", "PUBLIC", "IMPLIES", "DESCRIPTION"};
    struct table table;
    struct page page = {0};
    if (!page_read(cli, &page))
        return CLI_MISUSED;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    int status = page_run(cli, &page, "The catalogue is empty; add to it: postern scope put NAME", show_scopes, &table);
    table_end(&table);
    return status;
}

static const struct flag scope_list_flags[] = {PAGE_FLAGS, {0}};

const struct command command_scope_list = {
    .words = "scope list",
    .operands = "",
    .summary = "list scopes",
    .flags = scope_list_flags,
    .run = run_scope_list,
};

// The protocol has no call for one: looks for it on this page.
static int find_scope(struct cli *cli, struct page *page, void *found)
{
    struct postern_list_scopes_reply *reply = NULL;
    if (ask_scopes(cli, page, &reply) != POSTERN_OK)
        return call_failed(cli);
    for (size_t i = 0; i < reply->scope_count; i++) {
        if (strcmp(reply->scopes[i].scope, cli->operands[0]) != 0)
            continue;
        *(bool *)found = true;
        if (cli->json)
            output_json_entry(reply, "scopes", i, "scope");
        else
            print_scope(&reply->scopes[i]);
    }
    page_shown(cli, page, reply->scope_count, reply->next_page_token, reply->next_page_token_size);
    postern_reply_free(reply);
    return CLI_DONE;
}

static int run_scope_get(struct cli *cli)
{
    struct page page = {.size = 500};
    bool found = false;
    int status = call_open(cli);
    if (status == CLI_DONE)
        status = find_scope(cli, &page, &found);
    while (status == CLI_DONE && !found && page.token_size > 0)
        status = find_scope(cli, &page, &found);
    if (status != CLI_DONE || found)
        return status;
    cli->error = (struct postern_error){.status = POSTERN_NOT_FOUND};
    snprintf(cli->error.message, sizeof cli->error.message,
             "there is no scope \"%.100s\"; see them: postern scope list", cli->operands[0]);
    return call_failed(cli);
}

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

static const struct flag scope_delete_flags[] = {IF_VERSION_FLAG, {0}};

const struct command command_scope_delete = {
    .words = "scope delete",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "delete a scope from the catalogue; keys that have it keep its name",
    .flags = scope_delete_flags,
    .run = run_scope_delete,
};
