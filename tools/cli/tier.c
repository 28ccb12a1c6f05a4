// tier put, list, get, delete.
#include "catalogue.h"
#include "command.h"

#include <stdio.h>
#include <string.h>

// ------------------------------------------------------------------------------------------------------ tier put

static void print_tier(const void *entry)
{
    const struct postern_tier *tier = entry;
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
    {IF_VERSION_FLAG},
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

static enum postern_status ask_tiers(struct cli *cli, const struct page *page, struct catalogue_page *answer)
{
    const struct postern_list_tiers_request request = {
        .page_size = page->size, .page_token = page->token, .page_token_size = page->token_size};
    struct postern_list_tiers_reply *reply = NULL;
    enum postern_status status = postern_list_tiers(cli->client, &request, &reply, &cli->error);
    if (status == POSTERN_OK)
        *answer = (struct catalogue_page){.reply = &reply->base,
                                          .entries = reply->tiers,
                                          .count = reply->tier_count,
                                          .next_page_token = reply->next_page_token,
                                          .next_page_token_size = reply->next_page_token_size};
    return status;
}

static void add_row(struct table *table, const void *entry, uint64_t now_ms)
{
    const struct postern_tier *tier = entry;
    (void)now_ms;
    char limits[POSTERN_LIMIT_TEXT_MAX * 8] = "";
    for (size_t i = 0; i < tier->limit_count; i++) {
        char text[POSTERN_LIMIT_TEXT_MAX + 1];
        size_t size = strlen(limits);
        postern_limit_format(&tier->limits[i], text);
        snprintf(limits + size, sizeof limits - size, "%s%s", i > 0 ? ", " : "", text);
    }
    table_add(table, "%s", tier->tier);
    table_add(table, "%s", tier->is_default ? "default" : "");
    table_add(table, "%s", limits);
}

static const char *const heads[] = {"TIER", "", "LIMITS"};

_Static_assert(offsetof(struct postern_tier, tier) == 0, "a tier begins with its name");
static const struct catalogue tiers = {
    .list = "tiers",
    .entry = "tier",
    .entry_size = sizeof(struct postern_tier),
    .none = "There is no tier yet; make one: postern tier put NAME --limit TEXT",
    .heads = heads,
    .columns = sizeof heads / sizeof heads[0],
    .ask = ask_tiers,
    .add_row = add_row,
    .print = print_tier,
};

static int run_tier_list(struct cli *cli)
{
    return catalogue_list(cli, &tiers);
}

static int run_tier_get(struct cli *cli)
{
    return catalogue_get(cli, &tiers);
}

const struct command command_tier_list = {
    .words = "tier list",
    .operands = "",
    .summary = "list tiers",
    .flags = catalogue_list_flags,
    .run = run_tier_list,
};

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

static const struct flag tier_delete_flags[] = {{IF_VERSION_FLAG}, {0}};

const struct command command_tier_delete = {
    .words = "tier delete",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "delete a tier that no account is on",
    .flags = tier_delete_flags,
    .run = run_tier_delete,
};
