// What operators keep by name: tiers and scopes.
#include "list.h"

static const struct flag delete_flags[] = {{IF_VERSION_FLAG}, {0}};

// ------------------------------------------------------------------------------------------------------------ tiers

static void print_tier(const void *entry)
{
    const struct postern_tier *tier = entry;
    char limits[OUTPUT_LIST_SIZE];
    printf("tier %s: %s%s\n", tier->tier,
           tier->limit_count == 0 ? "no limits declared" : output_limits(tier->limits, tier->limit_count, limits),
           tier->is_default ? " (default)" : "");
}

static void run_tier_put(struct cli *cli)
{
    struct postern_put_tier_request request = {
        .tier = cli->operands[0], .is_default = argument_has(cli, "default"), .if_version = value_version(cli)};
    struct postern_put_tier_reply *reply = NULL;
    request.limits = value_limits(cli, &request.limit_count);
    if (cli_good(cli) && call_done(cli, postern_put_tier(cli->client, &request, &reply, &cli->error)) &&
        call_in_words(cli, reply))
        print_tier(&reply->tier);
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

static void add_tier(struct libscols_table *table, const void *entry, uint64_t now_ms)
{
    const struct postern_tier *tier = entry;
    char limits[OUTPUT_LIST_SIZE];
    (void)now_ms;
    table_add(table, "%s\t%s\t%s", tier->tier, tier->is_default ? "default" : "",
              output_limits(tier->limits, tier->limit_count, limits));
}

_Static_assert(offsetof(struct postern_tier, tier) == 0, "a tier begins with its name");
static const struct list tiers = {.name = "tiers",
                                  .none = "There is no tier yet; make one: postern tier put NAME --limit TEXT",
                                  .heads = "TIER\t\t+LIMITS",
                                  .entry_size = sizeof(struct postern_tier),
                                  .ask = ask_tiers,
                                  .add_row = add_tier};

static void run_tier_list(struct cli *cli)
{
    list_run(cli, &tiers, NULL);
}

static void run_tier_get(struct cli *cli)
{
    list_find(cli, &tiers, "tier", print_tier);
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

static const struct flag tier_put_flags[] = {
    {"limit", "TEXT...", "e.g. requests=60/min, requests=300/min:token_bucket,burst=50"},
    {"default", NULL, "new accounts get this tier"},
    {IF_VERSION_FLAG},
    {0},
};

static const char tier_put_notes[] =
    "A limit is RESOURCE=AMOUNT/WINDOW[:ALGORITHM[,burst=N]] or RESOURCE=unlimited. WINDOW: a number (may be\n"
    "left out) and s, min, h, day or month. ALGORITHM: fixed_window, sliding_window or token_bucket.\n"
    "  postern tier put free --limit requests=10/min --limit requests=100/day --default";

// ----------------------------------------------------------------------------------------------------------- scopes

static void print_scope(const void *entry)
{
    const struct postern_scope *scope = entry;
    char implies[OUTPUT_LIST_SIZE];
    bool is_described = scope->description[0] != '\0';
    printf("scope %s%s%s%s%s%s%s%s\n", scope->scope, is_described ? " (" : "", scope->description,
           is_described ? ")" : "", scope->implies_count > 0 ? ": implies " : "",
           output_texts(scope->implies, scope->implies_count, implies), scope->is_default ? ", default" : "",
           scope->public_safe ? ", public-safe" : "");
}

static void run_scope_put(struct cli *cli)
{
    struct postern_put_scope_request request = {.scope = cli->operands[0],
                                                .description = argument_text(cli, "description"),
                                                .is_default = argument_has(cli, "default"),
                                                .public_safe = argument_has(cli, "public-safe"),
                                                .if_version = value_version(cli)};
    struct postern_put_scope_reply *reply = NULL;
    request.implies = argument_all(cli, "implies", &request.implies_count);
    if (cli_good(cli) && call_done(cli, postern_put_scope(cli->client, &request, &reply, &cli->error)) &&
        call_in_words(cli, reply))
        print_scope(&reply->scope);
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

static void add_scope(struct libscols_table *table, const void *entry, uint64_t now_ms)
{
    const struct postern_scope *scope = entry;
    char implies[OUTPUT_LIST_SIZE];
    (void)now_ms;
    table_add(table, "%s\t%s\t%s\t%s\t%s", scope->scope, scope->is_default ? "yes" : "",
              scope->public_safe ? "yes" : "", output_texts(scope->implies, scope->implies_count, implies),
              scope->description);
}

_Static_assert(offsetof(struct postern_scope, scope) == 0, "a scope begins with its name");
static const struct list scopes = {.name = "scopes",
                                   .none = "The catalogue is empty; add to it: postern scope put NAME",
                                   .heads = "SCOPE\tDEFAULT\tPUBLIC\t+IMPLIES\t+DESCRIPTION",
                                   .entry_size = sizeof(struct postern_scope),
                                   .ask = ask_scopes,
                                   .add_row = add_scope};

static void run_scope_list(struct cli *cli)
{
    list_run(cli, &scopes, NULL);
}

static void run_scope_get(struct cli *cli)
{
    list_find(cli, &scopes, "scope", print_scope);
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

static const struct flag scope_put_flags[] = {
    {"implies", "SCOPE...", "who has this one has that one too"},
    {"description", "TEXT", "what it permits, for people"},
    {"default", NULL, "keys that are made without scopes get it"},
    {"public-safe", NULL, "public keys may have it"},
    {IF_VERSION_FLAG},
    {0},
};

static const char scope_put_notes[] =
    "Keys can be granted what the catalogue has, and NAME:* for all that begins so. A role is a scope that\n"
    "implies others; admin is always there and implies all.\n"
    "  postern scope put jobs:run --description \"start jobs\"\n"
    "  postern scope put worker --implies jobs:run --implies jobs:read";

const struct command catalogue_commands[] = {
    {"tier put", "NAME", "make a tier, or replace its limits", tier_put_flags, run_tier_put, tier_put_notes},
    {"tier get", "NAME", "show a tier", NULL, run_tier_get, NULL},
    {"tier list", "", "list tiers", list_flags, run_tier_list, NULL},
    {"tier delete", "NAME", "delete a tier that no account is on", delete_flags, run_tier_delete, NULL},
    {"scope put", "NAME", "put a scope into the catalogue, or replace its entry as a whole", scope_put_flags,
     run_scope_put, scope_put_notes},
    {"scope get", "NAME", "show a scope", NULL, run_scope_get, NULL},
    {"scope list", "", "list scopes", list_flags, run_scope_list, NULL},
    {"scope delete", "NAME", "delete a scope from the catalogue; keys that have it keep its name", delete_flags,
     run_scope_delete, NULL},
    {0},
};
