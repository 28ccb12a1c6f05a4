// What operators keep by name: tiers and scopes.
#include "change.h"
#include "json.h"
#include "list.h"

#include <string.h>

static const struct flag version_flags[] = {{IF_VERSION_FLAG}, {0}};

// Finds the record that is changed in its list, as the protocol has no call that gets one tier or scope alone.
static enum postern_status read_listed(struct cli *cli, struct change *change)
{
    struct list_page page;
    size_t index;
    enum postern_status status = list_seek(cli, change->kind->list, &page, &index);
    if (status == POSTERN_OK) {
        change->found = page.reply;
        change->before = list_entry(change->kind->list, &page, index);
    }
    return status;
}

// ------------------------------------------------------------------------------------------------------------ tiers

// A tier's fields. A new field is a new row.
static const struct field tier_fields[] = {
    {FIELD(tier, tier), .line = "tier %s", .column = 1, .head = "TIER"},
    {FIELD_LIST(tier, limits, limit_count),
     .flag = {"limit", "TEXT...", "e.g. requests=60/min, requests=300/min:token_bucket,burst=50"},
     .update_help = "instead of all the limits that it has", .unset = {"no-limits", NULL, "take all its limits away"},
     .gone = "The tier limits nothing any more.", .line = ": %s", .line_unset = ": no limits declared", .column = 3,
     .head = "+LIMITS"},
    {FIELD(tier, time_zone),
     .flag = {"time-zone", "NAME", "where days, weeks, months ... of its accounts begin, e.g. Europe/Berlin"},
     .unset = {"no-time-zone", NULL, "they begin where posternd's do"}, .line = ", time zone %s", .column = 4,
     .head = "+TIME ZONE"},
    {FIELD(tier, is_default), .flag = {"default", NULL, "new accounts get this tier"},
     .unset = {"no-default", NULL, "new accounts get it no more"}, .line = " (default)", .yes = "default", .column = 2,
     .head = ""},
    {0},
};

static const struct schema tier_schema = {"tier", tier_fields};

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

// The mark of the default tier moves: says which tier loses it. NULL: none does.
static const char *find_other_default(struct cli *cli)
{
    struct list_position at = {.size = 500};
    const char *taken = NULL;
    do {
        struct list_page page;
        if (tiers.ask(cli, &at, NULL, &page) != POSTERN_OK)
            return NULL;
        const struct postern_tier *tier = page.entries;
        for (size_t n = 0; n < page.count; n++, tier++)
            if (tier->is_default && strcmp(tier->tier, cli->operands[0]) != 0)
                taken = cli_format(cli, "The tier %.64s is no longer the default.", tier->tier);
        list_move_on(cli, &at, &page);
    } while (at.token_size > 0 && taken == NULL);
    return taken;
}

static enum postern_status write_tier(struct cli *cli, struct change *change)
{
    struct postern_put_tier_reply *reply = NULL;
    change->taken = argument_has(cli, "default") ? find_other_default(cli) : NULL;
    enum postern_status status = postern_put_tier(cli->client, change->request, &reply, &cli->error);
    change->reply = reply;
    change->after = reply != NULL ? &reply->tier : NULL;
    return status;
}

static void run_tier_change(struct cli *cli)
{
    static const struct change_kind tier = {.schema = &tier_schema,
                                            .list = &tiers,
                                            .example = "--add-limit requests=1000/day",
                                            CHANGE_BY_PUT(tier),
                                            .read = read_listed,
                                            .write = write_tier};
    change_run(cli, &tier);
}

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

static const char tier_put_help[] =
    "A limit is RESOURCE=AMOUNT/WINDOW[:ALGORITHM[,burst=N]][:shadow] or RESOURCE=unlimited. WINDOW: a number (may be\n"
    "left out) and s, min, h, d or w; or day, week, month, year or total. ALGORITHM: fixed_window, sliding_window\n"
    "or token_bucket. Windows of up to an hour slide. day, week (from Monday), month and year are the calendar's in\n"
    "the time zone of the account, its tier or posternd, in that order, as are min:fixed_window and\n"
    "hour:fixed_window. 2h, 12h, 2d, 7d and the like are counted from 1970-01-01T00:00:00Z, whatever the zone. total\n"
    "never begins again: what was paid for in advance, topped up by a larger amount. A shadow limit never refuses,\n"
    "and says when it would have: to try one out beside the limit that holds.\n"
    "A tier that is there keeps what is not given: its other limits, too, but for one with the same resource and\n"
    "window. To take away: postern tier update\n"
    "  postern tier put free --limit requests=10/min --limit requests=100/day --default";

// ----------------------------------------------------------------------------------------------------------- scopes

// Scopes that are always there, and in no catalogue: `scope get` says what they do.
static const struct {
    const char *scope, *description;
} built_in[] = {
    {"admin", "always there: covers every scope of the catalogue, but none of postern:"},
    {"postern:verify", "always there: may ask about presented keys"},
    {"postern:ratecheck", "always there: may charge other accounts"},
    {"postern:account-admin", "always there: administers the keys of its account"},
    {"postern:meter-reset", "always there: an account-admin with it may reset meters of its account"},
    {"postern:operator", "always there: may do everything, in the account postern"},
};

enum { BUILT_IN = sizeof built_in / sizeof built_in[0] };

// Returns which one it is; BUILT_IN: none of them.
static size_t find_built_in(const char *scope)
{
    size_t i = 0;
    while (i < BUILT_IN && strcmp(built_in[i].scope, scope) != 0)
        i++;
    return i;
}

static bool show_built_in_scope(const struct cli *cli)
{
    size_t i = find_built_in(cli->operands[0]);
    if (i == BUILT_IN)
        return false;
    const char *scope = built_in[i].scope, *description = built_in[i].description;
    if (cli->json)
        json_print(json_pack("{s:{s:s, s:s, s:[], s:b, s:b}}", "scope", "scope", scope, "description", description,
                             "implies", "is_default", false, "public_safe", false));
    else
        printf("scope %s (%s)\n", scope, description);
    return true;
}

// A scope's fields. A new field is a new row.
static const struct field scope_fields[] = {
    {FIELD(scope, scope), .line = "scope %s", .column = 1, .head = "SCOPE"},
    {FIELD(scope, description), .flag = {"description", "TEXT", "what it permits, for people"},
     .unset = {"no-description", NULL, "take it away"}, .line = " (%s)", .column = 5, .head = "+DESCRIPTION"},
    {FIELD_LIST(scope, implies, implies_count), .flag = {"implies", "SCOPE...", "who has this one has that one too"},
     .update_help = "instead of all that it implies", .unset = {"no-implies", NULL, "it implies nothing"},
     .line = ": implies %s", .column = 4, .head = "+IMPLIES"},
    {FIELD(scope, is_default), .flag = {"default", NULL, "keys that are made without scopes get it"},
     .unset = {"no-default", NULL, "they get it no more"}, .line = ", default", .yes = "yes", .column = 2,
     .head = "DEFAULT"},
    {FIELD(scope, public_safe), .flag = {"public-safe", NULL, "public keys may have it"},
     .unset = {"no-public-safe", NULL, "they may be granted it no more"}, .line = ", public-safe", .yes = "yes",
     .column = 3, .head = "PUBLIC"},
    {0},
};

static const struct schema scope_schema = {"scope", scope_fields};

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

static enum postern_status write_scope(struct cli *cli, struct change *change)
{
    struct postern_put_scope_reply *reply = NULL;
    enum postern_status status = postern_put_scope(cli->client, change->request, &reply, &cli->error);
    change->reply = reply;
    change->after = reply != NULL ? &reply->scope : NULL;
    return status;
}

// What is built in is in no list.
static enum postern_status read_scope(struct cli *cli, struct change *change)
{
    const char *name = cli->operands[0];
    enum postern_status status = read_listed(cli, change);
    if (status == POSTERN_NOT_FOUND && cli->command->updates && find_built_in(name) < BUILT_IN)
        snprintf(cli->error.message, sizeof cli->error.message,
                 "\"%s\" is always there, in no catalogue, and cannot be changed or deleted: see what it does with: "
                 "postern scope get %s",
                 name, name);
    return status;
}

static void run_scope_change(struct cli *cli)
{
    static const struct change_kind scope = {.schema = &scope_schema,
                                             .list = &scopes,
                                             .example = "--add-implies jobs:read",
                                             CHANGE_BY_PUT(scope),
                                             .read = read_scope,
                                             .write = write_scope};
    change_run(cli, &scope);
}

static void run_scope_list(struct cli *cli)
{
    list_run(cli, &scopes, NULL);
}

static void run_scope_get(struct cli *cli)
{
    if (!show_built_in_scope(cli))
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

static const char scope_put_help[] =
    "Keys can be granted what the catalogue has, and NAME:* for all that begins so. A role is a scope that\n"
    "implies others; admin is always there and implies all. A scope that is there keeps what is not given; to take\n"
    "away: postern scope update\n"
    "  postern scope put jobs:run --description \"start jobs\"\n"
    "  postern scope put worker --implies jobs:run --implies jobs:read";

const struct command catalogue_commands[] = {
    {"tier put", "NAME", "make a tier, or set what is given", version_flags, run_tier_change, .help = tier_put_help,
     .schema = &tier_schema},
    {"tier update", "NAME", "change a tier; what is not given stays", version_flags, run_tier_change,
     .help = LIMIT_HELP "  postern tier update free --add-limit exports=5/day --remove-limit requests=100/day",
     .schema = &tier_schema, .updates = true},
    {"tier get", "NAME", "show a tier", NULL, run_tier_get, .help = NULL},
    {"tier list", "", "list tiers", list_flags, run_tier_list, .help = NULL},
    {"tier delete", "NAME", "delete a tier that no account is on", version_flags, run_tier_delete, .help = NULL},
    {"scope put", "NAME", "put a scope into the catalogue, or set what is given", version_flags, run_scope_change,
     .help = scope_put_help, .schema = &scope_schema},
    {"scope update", "NAME", "change a scope; what is not given stays", version_flags, run_scope_change,
     .help = "  postern scope update worker --remove-implies jobs:read", .schema = &scope_schema, .updates = true},
    {"scope get", "NAME", "show a scope", NULL, run_scope_get, .help = NULL},
    {"scope list", "", "list scopes", list_flags, run_scope_list, .help = NULL},
    {"scope delete", "NAME", "delete a scope from the catalogue; keys that have it keep its name", version_flags,
     run_scope_delete, .help = NULL},
    {0},
};
