// tier put, list, get, delete.
#include "command.h"
#include "page.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

// ------------------------------------------------------------------------------------------------------ tier put

static void print_tier(const struct postern_tier *tier)
{
    printf("tier %s: ", tier->tier);
    output_limits(tier->limits, tier->limit_count);
    printf("%s%s\n", tier->limit_count == 0 ? "no limits declared" : "", tier->is_default ? " (default)" : "");
}

static int run_tier_put(struct cli *cli)
{
    struct postern_put_tier_request request = {.tier = cli->operands[0], .is_default = argument_has(cli, "default")};
    struct postern_put_tier_reply *reply = NULL;
    if (!value_limits_flag(cli, &request.limits, &request.limit_count) ||
        !value_number(cli, "if-version", UINT64_MAX, &request.if_version))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_put_tier(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        print_tier(&reply->tier);
    postern_reply_free(reply);
    return CLI_DONE;
}

static const struct flag tier_put_flags[] = {
    {"limit", "TEXT", true, "e.g. requests=60/min, requests=300/min:token_bucket,burst=50"},
    {"default", NULL, false, "new accounts get this tier"},
    IF_VERSION_FLAG,
    {0},
};

const struct command command_tier_put = {
    .words = "tier put",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "make a tier, or replace its limits",
    .flags = tier_put_flags,
    .notes = "A limit is RESOURCE=AMOUNT/WINDOW[:ALGORITHM[,burst=N]] or RESOURCE=unlimited. WINDOW: a number (may be\n"
             "left out) and s, min, h, day or month. ALGORITHM: fixed_window, sliding_window or token_bucket.\n"
             "  postern tier put free --limit requests=10/min --limit requests=100/day --default",
    .run = run_tier_put,
};

// ------------------------------------------------------------------------------------------------ tier list, get

static void add_rows(struct table *table, const struct postern_list_tiers_reply *reply)
{
    for (size_t i = 0; i < reply->tier_count; i++) {
        const struct postern_tier *tier = &reply->tiers[i];
        char limits[POSTERN_LIMIT_TEXT_MAX * 8] = "";
        for (size_t n = 0; n < tier->limit_count; n++) {
            char text[POSTERN_LIMIT_TEXT_MAX + 1];
            size_t size = strlen(limits);
            postern_limit_format(&tier->limits[n], text);
            snprintf(limits + size, sizeof limits - size, "%s%s", n > 0 ? ", " : "", text);
        }
        table_add(table, "%s", tier->tier);
        table_add(table, "%s", tier->is_default ? "default" : "");
        table_add(table, "%s", limits);
    }
}

static enum postern_status ask_tiers(struct cli *cli, const struct page *page, struct postern_list_tiers_reply **reply)
{
    const struct postern_list_tiers_request request = {
        .page_size = page->size, .page_token = page->token, .page_token_size = page->token_size};
    return postern_list_tiers(cli->client, &request, reply, &cli->error);
}

static int show_tiers(struct cli *cli, struct page *page, void *table)
{
    struct postern_list_tiers_reply *reply = NULL;
    if (ask_tiers(cli, page, &reply) != POSTERN_OK)
        return call_failed(cli);
    add_rows(table, reply);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        table_print(table);
    page_shown(cli, page, reply->tier_count, reply->next_page_token, reply->next_page_token_size);
    postern_reply_free(reply);
    return CLI_DONE;
}

static int run_tier_list(struct cli *cli)
{
    static const char *const heads[] = {"TIER", "", "LIMITS"};
    struct table table;
    struct page page = {0};
    if (!page_read(cli, &page))
        return CLI_MISUSED;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    int status =
        page_run(cli, &page, "There is no tier yet; make one: postern tier put NAME --limit TEXT", show_tiers, &table);
    table_end(&table);
    return status;
}

static const struct flag tier_list_flags[] = {PAGE_FLAGS, {0}};

const struct command command_tier_list = {
    .words = "tier list",
    .operands = "",
    .summary = "list tiers",
    .flags = tier_list_flags,
    .run = run_tier_list,
};

// The protocol has no call for one: looks for it on this page.
static int find_tier(struct cli *cli, struct page *page, void *found)
{
    struct postern_list_tiers_reply *reply = NULL;
    if (ask_tiers(cli, page, &reply) != POSTERN_OK)
        return call_failed(cli);
    for (size_t i = 0; i < reply->tier_count; i++) {
        if (strcmp(reply->tiers[i].tier, cli->operands[0]) != 0)
            continue;
        *(bool *)found = true;
        if (cli->json)
            output_json_entry(reply, "tiers", i, "tier");
        else
            print_tier(&reply->tiers[i]);
    }
    page_shown(cli, page, reply->tier_count, reply->next_page_token, reply->next_page_token_size);
    postern_reply_free(reply);
    return CLI_DONE;
}

static int run_tier_get(struct cli *cli)
{
    struct page page = {.size = 500};
    bool found = false;
    int status = call_open(cli);
    if (status == CLI_DONE)
        status = find_tier(cli, &page, &found);
    while (status == CLI_DONE && !found && page.token_size > 0)
        status = find_tier(cli, &page, &found);
    if (status != CLI_DONE || found)
        return status;
    cli->error = (struct postern_error){.status = POSTERN_NOT_FOUND};
    snprintf(cli->error.message, sizeof cli->error.message, "there is no tier \"%.100s\"; see them: postern tier list",
             cli->operands[0]);
    return call_failed(cli);
}

static const struct flag no_flags[] = {{0}};

const struct command command_tier_get = {
    .words = "tier get",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show a tier",
    .flags = no_flags,
    .run = run_tier_get,
};

// --------------------------------------------------------------------------------------------------- tier delete

static int run_tier_delete(struct cli *cli)
{
    struct postern_delete_tier_request request = {.tier = cli->operands[0]};
    struct postern_delete_tier_reply *reply = NULL;
    if (!value_number(cli, "if-version", UINT64_MAX, &request.if_version))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_delete_tier(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        printf("deleted tier %s\n", reply->tier.tier);
    postern_reply_free(reply);
    return CLI_DONE;
}

static const struct flag tier_delete_flags[] = {IF_VERSION_FLAG, {0}};

const struct command command_tier_delete = {
    .words = "tier delete",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "delete a tier that no account is on",
    .flags = tier_delete_flags,
    .run = run_tier_delete,
};
