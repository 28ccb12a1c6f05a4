// Accounts: makes and changes them, suspends them, and ends all their keys.
#include "change.h"
#include "confirm.h"
#include "list.h"

// ------------------------------------------------------------------------------------------ put, update, get, delete

// An account's fields. A new field is a new row.
static const struct field account_fields[] = {
    {FIELD(account, account), .line = "account %s", .label = "account", .column = 1, .head = "ACCOUNT"},
    {FIELD(account, display_name), .flag = {"display-name", "NAME", "a name for people"},
     .unset = {"no-display-name", NULL, "take it away"}, .label = "display name", .column = 2, .head = "+DISPLAY NAME"},
    {FIELD(account, tier), .flag = {"tier", "NAME", "its tier (of a new account: the tier marked default)"},
     .update_help = "its tier", .unset = {"no-tier", NULL, "it has no tier, and so no limits of one"},
     .gone = "No limits of a tier hold for it any more.", .line = ": tier %s", .line_unset = ": no tier",
     .label = "tier", .column = 3, .head = "+TIER"},
    {FIELD_LIST(account, environments, environment_count),
     .flag = {"env", "test|live...", "the environments it may have keys in (default test)"},
     .update_help = "the only environments it may have keys in",
     .if_none = "an account has at least one environment: add another one first, with --add-env",
     .line = ", environments %s", .label = "environments", .column = 4, .head = "?ENVIRONMENTS"},
    {FIELD(account, time_zone),
     .flag = {"time-zone", "NAME", "where its days, weeks, months ... begin, e.g. Europe/Berlin"},
     .unset = {"no-time-zone", NULL, "they begin where its tier's do, or else posternd's"}, .line = ", time zone %s",
     .label = "time zone"},
    {FIELD(account, max_keys), .flag = {"max-keys", "N", "keys that are neither revoked nor expired (default 1000)"},
     .update_help = "keys that are neither revoked nor expired",
     .if_zero = "would leave no room for any key: give 1 or more; 1000 is the default of a new account. To refuse all "
                "keys: postern account suspend ID",
     .line = ", at most %s keys", .label = "keys at most"},
    {FIELD(account, suspended), .flag = {"suspended", NULL, "refuse all its keys, until: account resume"},
     .line = ", suspended", .label = "state", .yes = "suspended", .no = "active", .column = 5, .head = "*STATE"},
    {FIELD_LIST(account, limits, limit_count),
     .flag = {"limit", "TEXT...", "instead of the tier's limit with the same resource and window"},
     .update_help = "instead of all limits of its own", .unset = {"no-limits", NULL, "it has those of its tier alone"},
     .gone = "It has no limits of its own any more: those of its tier hold, if it has one.", .line = ", own limits %s",
     .label = "own limits"},
    {FIELD_LIST(account, metadata, metadata_count), .flag = {"metadata", "KEY=VALUE...", "kept with the account"},
     .update_help = "instead of all that it has", .unset = {"no-metadata", NULL, "take all of it away"},
     .label = "metadata"},
    {FIELD(account, no_default_public_key),
     .flag = {"no-default-public-key", NULL, "a new account gets no public key of its own"}},
    {FIELD_SHOWN(account, created_at_ms), .label = "created", .column = 6, .head = "?CREATED"},
    {FIELD_SHOWN(account, revoked_before_ms), .label = "keys revoked until"},
    {0},
};

static const struct schema account_schema = {"account", account_fields};

static enum postern_status read_account(struct cli *cli, struct change *change)
{
    const struct postern_get_account_request request = {.account = cli->operands[0]};
    struct postern_get_account_reply *reply = NULL;
    enum postern_status status = postern_get_account(cli->client, &request, &reply, &cli->error);
    change->found = reply;
    change->before = reply != NULL ? &reply->account : NULL;
    return status;
}

static enum postern_status write_account(struct cli *cli, struct change *change)
{
    struct postern_put_account_reply *reply = NULL;
    enum postern_status status = postern_put_account(cli->client, change->request, &reply, &cli->error);
    change->reply = reply;
    change->after = reply != NULL ? &reply->account : NULL;
    return status;
}

static void print_account(struct cli *cli, const struct change *change)
{
    (void)cli;
    const struct postern_put_account_reply *reply = change->reply;
    schema_print_line(&account_schema, &reply->account);
    if (reply->default_public_key != NULL)
        fprintf(stderr, "It came with the public key %s: %s\n", reply->default_public_key->key_id,
                reply->default_public_key->public_token);
}

static void run_change(struct cli *cli)
{
    static const struct change_kind account = {.schema = &account_schema,
                                               .example = "--tier big or --add-env live",
                                               CHANGE_BY_PUT(account),
                                               .read = read_account,
                                               .write = write_account,
                                               .print = print_account};
    change_run(cli, &account);
}

static void run_get(struct cli *cli)
{
    const struct postern_get_account_request request = {.account = cli->operands[0]};
    struct postern_get_account_reply *reply = NULL;
    if (call_done(cli, postern_get_account(cli->client, &request, &reply, &cli->error)) && call_in_words(cli, reply))
        schema_print(&account_schema, &reply->account, reply->base.server_time_ms);
    postern_reply_free(reply);
}

static void run_delete(struct cli *cli)
{
    const struct postern_delete_account_request request = {.account = cli->operands[0],
                                                           .if_version = value_version(cli)};
    struct postern_delete_account_reply *reply = NULL;
    if (confirm(cli, "Delete account %s?", request.account) &&
        call_done(cli, postern_delete_account(cli->client, &request, &reply, &cli->error)) && call_in_words(cli, reply))
        printf("deleted account %s\n", reply->account.account);
    postern_reply_free(reply);
}

// ------------------------------------------------------------------------------------------------------------- list

static enum postern_status ask_accounts(struct cli *cli, const struct list_position *at, const void *filter,
                                        struct list_page *page)
{
    (void)filter;
    const struct postern_list_accounts_request request = {
        .page_size = at->size, .page_token = at->token, .page_token_size = at->token_size};
    struct postern_list_accounts_reply *reply = NULL;
    enum postern_status status = postern_list_accounts(cli->client, &request, &reply, &cli->error);
    if (status == POSTERN_OK)
        *page = (struct list_page){&reply->base, reply->accounts, reply->account_count, reply->next_page_token,
                                   reply->next_page_token_size};
    return status;
}

static void run_list(struct cli *cli)
{
    static const struct list accounts = {.name = "accounts",
                                         .none = "There is no account yet; make one: postern account put ID",
                                         .schema = &account_schema,
                                         .entry_size = sizeof(struct postern_account),
                                         .ask = ask_accounts};
    list_run(cli, &accounts, NULL);
}

// --------------------------------------------------------------------------------------------------- suspend, resume

static void run_suspend_or_resume(struct cli *cli)
{
    static const char *const mask[] = {"suspended"};
    const bool suspended = cli->command->on;
    const struct postern_get_account_request ask = {.account = cli->operands[0]};
    const struct postern_put_account_request request = {
        .account = cli->operands[0], .suspended = suspended, .update_mask = mask, .update_mask_count = 1};
    struct postern_get_account_reply *found = NULL;
    struct postern_put_account_reply *reply = NULL;
    enum postern_status status = postern_get_account(cli->client, &ask, &found, &cli->error);
    bool already = status == POSTERN_OK && found->account.suspended == suspended;
    if (status == POSTERN_OK && !already)
        status = postern_put_account(cli->client, &request, &reply, &cli->error);
    if (call_done(cli, status) && call_in_words(cli, already ? (const void *)found : reply))
        printf("account %s: %s%s\n", cli->operands[0], already ? "already " : "", suspended ? "suspended" : "active");
    postern_reply_free(found);
    postern_reply_free(reply);
}

static void run_revoke_all(struct cli *cli)
{
    const struct postern_revoke_all_request request = {.account = cli->operands[0],
                                                       .reason = argument_text(cli, "reason"),
                                                       .created_before_ms = moment_flag(cli, "created-before", true)};
    struct postern_revoke_all_reply *reply = NULL;
    char at[OUTPUT_TIME_SIZE];
    if (confirm(cli, "Revoke all keys of account %s, at once and for ever?", request.account) &&
        call_done(cli, postern_revoke_all(cli->client, &request, &reply, &cli->error)) && call_in_words(cli, reply))
        printf("revoked all keys of account %s that were made until %s\n", reply->account.account,
               output_time(reply->account.revoked_before_ms, "now", at));
    postern_reply_free(reply);
}

static const struct flag revoke_all_flags[] = {
    {"created-before", "TIME", "only those made before: 30d (ago), 2027-01-31, 2027-01-31T12:00:00Z (default now)"},
    {"reason", "TEXT", "why; kept with the account"},
    {YES_FLAG},
    {0},
};

static const struct flag version_flags[] = {{IF_VERSION_FLAG}, {0}};
static const struct flag delete_flags[] = {{IF_VERSION_FLAG}, {YES_FLAG}, {0}};

const struct command account_commands[] = {
    {"account put", "ID", "make an account, or set what is given", version_flags, run_change,
     .help = LIMIT_HELP "An account that is there keeps what is not given. To take away: postern account update",
     .schema = &account_schema},
    {"account update", "ID", "change an account; what is not given stays", version_flags, run_change,
     .help = LIMIT_HELP "  postern account update acme --tier big --add-env live --set-metadata owner=ops",
     .schema = &account_schema, .updates = true},
    {"account get", "ID", "show an account's settings", NULL, run_get, .help = NULL},
    {"account list", "", "list accounts", list_flags, run_list, .help = NULL},
    {"account suspend", "ID", "refuse all keys of an account, until it is resumed", NULL, run_suspend_or_resume,
     .on = true},
    {"account resume", "ID", "let the keys of a suspended account work again", NULL, run_suspend_or_resume,
     .on = false},
    {"account revoke-all", "ID", "revoke all keys of an account, at once and for ever", revoke_all_flags,
     run_revoke_all, .help = "Keys that are made afterwards work."},
    {"account delete", "ID", "delete an account that has no working key any more", delete_flags, run_delete,
     .help = "Revoke its keys first: postern account revoke-all ID"},
    {0},
};
