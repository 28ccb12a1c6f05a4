// What operators keep by name: tiers and scopes.
#include "list.h"

static const struct flag version_flags[] = {{IF_VERSION_FLAG}, {0}};

// ------------------------------------------------------------------------------------------------------------ tiers

// A tier's fields: a new one is a row.
static const struct field tier_fields[] = {
    {FIELD(tier, tier), .line = "tier %s", .column = 1, .head = "TIER"},
    {FIELD_LIST(tier, limits, limit_count),
     .flag = {"limit", "TEXT...", "e.g. requests=60/min, requests=300/min:token_bucket,burst=50"}, .line = ": %s",
     .line_unset = ": no limits declared", .column = 3, .head = "+LIMITS"},
    {FIELD(tier, is_default), .flag = {"default", NULL, "new accounts get this tier"}, .line = " (default)",
     .yes = "default", .column = 2, .head = ""},
    {0},
};

static const struct schema tier_schema = {"tier", tier_fields};

static void run_tier_put(struct cli *cli)
{
    struct postern_put_tier_request request = {.if_version = value_version(cli)};
    struct postern_put_tier_reply *reply = NULL;
    schema_read(cli, &tier_schema, &request);
    if (cli_good(cli) && call_done(cli, postern_put_tier(cli->client, &request, &reply, &cli->error)) &&
        call_in_words(cli, reply))
        schema_print_line(&tier_schema, &reply->tier);
    postern_reply_free(reply);
}

static enum postern_status ask_tiers(struct cli *cli, const struct list_position *at, const void *filter,
                                     struct list_page *page)
{
    (void)filter;
    const struct postern_list_tiers_request request = {
        .page_size = at->size, .page_token = at->token, .page_token_size = at->token_size};
    struct postern_list_tiers_reply *reply = NULL;
    enum postern_status status = postern_list_tiers(cli->client, &request, &reply, &cli->error);
    if (status == POSTERN_OK)
        *page = (struct list_page){&reply->base, reply->tiers, reply->tier_count, reply->next_page_token,
                                   reply->next_page_token_size};
    return status;
}

_Static_assert(offsetof(struct postern_tier, tier) == 0, "a tier begins with its name");
static const struct list tiers = {.name = "tiers",
                                  .none = "There is no tier yet; make one: postern tier put NAME --limit TEXT",
                                  .schema = &tier_schema,
                                  .entry_size = sizeof(struct postern_tier),
                                  .ask = ask_tiers};

static void run_tier_list(struct cli *cli)
{
    list_run(cli, &tiers, NULL);
}

static void run_tier_get(struct cli *cli)
{
    list_find(cli, &tiers);
}

static void run_tier_delete(struct cli *cli)
{
    const struct postern_delete_tier_request request = {.tier = cli->operands[0], .if_version = value_version(cli)};
    struct postern_delete_tier_reply *reply = NULL;
    if (cli_good(cli) && call_done(cli, postern_delete_tier(cli->client, &request, &reply, &cli->error)) &&
        call_in_words(cli, reply))
        printf("deleted tier %s\n", reply->tier.tier);
    postern_reply_free(reply);
}

static const char tier_put_notes[] =
    "A limit is RESOURCE=AMOUNT/WINDOW[:ALGORITHM[,burst=N]][:shadow] or RESOURCE=unlimited. WINDOW: a number (may be\n"
    "left out) and s, min, h, d or w; or day, week, month, year or total. ALGORITHM: fixed_window, sliding_window\n"
    "or token_bucket. Windows of up to an hour slide. day, week (from Monday), month and year are the calendar's\n"
    "at posternd's --utc-offset; 2h, 12h, 7d and the like are counted from 1970-01-01T00:00:00Z; total never begins\n"
    "again: what was paid for in advance, topped up by a larger amount. A shadow limit never refuses, and says when\n"
    "it would have: to try one out beside the limit that holds.\n"
    "  postern tier put free --limit requests=10/min --limit requests=100/day --default";

// ----------------------------------------------------------------------------------------------------------- scopes

// A scope's fields: a new one is a row.
static const struct field scope_fields[] = {
    {FIELD(scope, scope), .line = "scope %s", .column = 1, .head = "SCOPE"},
    {FIELD(scope, description), .flag = {"description", "TEXT", "what it permits, for people"}, .line = " (%s)",
     .column = 5, .head = "+DESCRIPTION"},
    {FIELD_LIST(scope, implies, implies_count), .flag = {"implies", "SCOPE...", "who has this one has that one too"},
     .line = ": implies %s", .column = 4, .head = "+IMPLIES"},
    {FIELD(scope, is_default), .flag = {"default", NULL, "keys that are made without scopes get it"},
     .line = ", default", .yes = "yes", .column = 2, .head = "DEFAULT"},
    {FIELD(scope, public_safe), .flag = {"public-safe", NULL, "public keys may have it"}, .line = ", public-safe",
     .yes = "yes", .column = 3, .head = "PUBLIC"},
    {0},
};

static const struct schema scope_schema = {"scope", scope_fields};

static void run_scope_put(struct cli *cli)
{
    struct postern_put_scope_request request = {.if_version = value_version(cli)};
    struct postern_put_scope_reply *reply = NULL;
    schema_read(cli, &scope_schema, &request);
    if (cli_good(cli) && call_done(cli, postern_put_scope(cli->client, &request, &reply, &cli->error)) &&
        call_in_words(cli, reply))
        schema_print_line(&scope_schema, &reply->scope);
    postern_reply_free(reply);
}

static enum postern_status ask_scopes(struct cli *cli, const struct list_position *at, const void *filter,
                                      struct list_page *page)
{
    (void)filter;
    const struct postern_list_scopes_request request = {
        .page_size = at->size, .page_token = at->token, .page_token_size = at->token_size};
    struct postern_list_scopes_reply *reply = NULL;
    enum postern_status status = postern_list_scopes(cli->client, &request, &reply, &cli->error);
    if (status == POSTERN_OK)
        *page = (struct list_page){&reply->base, reply->scopes, reply->scope_count, reply->next_page_token,
                                   reply->next_page_token_size};
    return status;
}

_Static_assert(offsetof(struct postern_scope, scope) == 0, "a scope begins with its name");
static const struct list scopes = {.name = "scopes",
                                   .none = "The catalogue is empty; add to it: postern scope put NAME",
                                   .schema = &scope_schema,
                                   .entry_size = sizeof(struct postern_scope),
                                   .ask = ask_scopes};

static void run_scope_list(struct cli *cli)
{
    list_run(cli, &scopes, NULL);
}

static void run_scope_get(struct cli *cli)
{
    if (!scope_show_built_in(cli))
        list_find(cli, &scopes);
}

static void run_scope_delete(struct cli *cli)
{
    const struct postern_delete_scope_request request = {.scope = cli->operands[0], .if_version = value_version(cli)};
    struct postern_delete_scope_reply *reply = NULL;
    if (cli_good(cli) && call_done(cli, postern_delete_scope(cli->client, &request, &reply, &cli->error)) &&
        call_in_words(cli, reply))
        printf("deleted scope %s\n", reply->scope.scope);
    postern_reply_free(reply);
}

static const char scope_put_notes[] =
    "Keys can be granted what the catalogue has, and NAME:* for all that begins so. A role is a scope that\n"
    "implies others; admin is always there and implies all.\n"
    "  postern scope put jobs:run --description \"start jobs\"\n"
    "  postern scope put worker --implies jobs:run --implies jobs:read";

const struct command catalogue_commands[] = {
    {"tier put", "NAME", "make a tier, or replace its limits", version_flags, run_tier_put, .notes = tier_put_notes,
     .schema = &tier_schema},
    {"tier get", "NAME", "show a tier", NULL, run_tier_get, .notes = NULL},
    {"tier list", "", "list tiers", list_flags, run_tier_list, .notes = NULL},
    {"tier delete", "NAME", "delete a tier that no account is on", version_flags, run_tier_delete, .notes = NULL},
    {"scope put", "NAME", "put a scope into the catalogue, or replace its entry as a whole", version_flags,
     run_scope_put, .notes = scope_put_notes, .schema = &scope_schema},
    {"scope get", "NAME", "show a scope", NULL, run_scope_get, .notes = NULL},
    {"scope list", "", "list scopes", list_flags, run_scope_list, .notes = NULL},
    {"scope delete", "NAME", "delete a scope from the catalogue; keys that have it keep its name", version_flags,
     run_scope_delete, .notes = NULL},
    {0},
};
