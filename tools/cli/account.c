// Accounts: their settings, suspension, and the end of all their keys.
#include "list.h"

#include <string.h>

// -------------------------------------------------------------------------------------------------- put, get, delete

static const enum postern_environment *read_environments(struct cli *cli, size_t *count)
{
    const char *const *texts = argument_all(cli, "env", count);
    enum postern_environment *environments = cli_keep(cli, *count + 1, sizeof *environments);
    for (size_t i = 0; i < *count; i++)
        environments[i] = value_environment(cli, texts[i]);
    return environments;
}

static void print_put(const struct postern_put_account_reply *reply)
{
    const struct postern_account *account = &reply->account;
    char environments[OUTPUT_LIST_SIZE], limits[OUTPUT_LIST_SIZE];
    printf("account %s: tier %s, environments %s, at most %u keys%s%s%s\n", account->account, account->tier,
           output_environments(account, environments), account->max_keys, account->suspended ? ", suspended" : "",
           account->limit_count > 0 ? ", own limits " : "",
           output_limits(account->limits, account->limit_count, limits));
    if (reply->default_public_key != NULL)
        fprintf(stderr, "It came with the public key %s: %s\n", reply->default_public_key->key_id,
                reply->default_public_key->public_token);
}

static void run_put(struct cli *cli)
{
    struct postern_put_account_request request = {
        .account = cli->operands[0],
        .display_name = argument_text(cli, "display-name"),
        .tier = argument_text(cli, "tier"),
        .suspended = argument_has(cli, "suspended"),
        .max_keys = (uint32_t)value_number(cli, "max-keys", UINT32_MAX),
        .no_default_public_key = argument_has(cli, "no-default-public-key"),
        .if_version = value_version(cli),
    };
    struct postern_put_account_reply *reply = NULL;
    request.environments = read_environments(cli, &request.environment_count);
    request.limits = value_limits(cli, &request.limit_count);
    request.metadata = value_metadata(cli, &request.metadata_count);
    if (cli_good(cli) && call_done(cli, postern_put_account(cli->client, &request, &reply, &cli->error)) &&
        call_in_words(cli, reply))
        print_put(reply);
    postern_reply_free(reply);
}

static void run_get(struct cli *cli)
{
    const struct postern_get_account_request request = {.account = cli->operands[0]};
    struct postern_get_account_reply *reply = NULL;
    if (call_done(cli, postern_get_account(cli->client, &request, &reply, &cli->error)) && call_in_words(cli, reply))
        output_account(&reply->account);
    postern_reply_free(reply);
}

static void run_delete(struct cli *cli)
{
    const struct postern_delete_account_request request = {.account = cli->operands[0],
                                                           .if_version = value_version(cli)};
    struct postern_delete_account_reply *reply = NULL;
    if (cli_good(cli) && call_done(cli, postern_delete_account(cli->client, &request, &reply, &cli->error)) &&
        call_in_words(cli, reply))
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

static void add_account(struct libscols_table *table, const void *entry, uint64_t now_ms)
{
    const struct postern_account *account = entry;
    char environments[OUTPUT_LIST_SIZE], when[OUTPUT_TIME_SIZE];
    table_add(table, "%s\t%s\t%s\t%s\t%s\t%s", account->account, account->display_name, account->tier,
              output_environments(account, environments), account->suspended ? "suspended" : "active",
              output_when(account->created_at_ms, now_ms, "", when));
}

static void run_list(struct cli *cli)
{
    static const struct list accounts = {.name = "accounts",
                                         .none = "There is no account yet; make one: postern account put ID",
                                         .heads = "ACCOUNT\t+DISPLAY NAME\t+TIER\tENVIRONMENTS\tSTATE\tCREATED",
                                         .entry_size = sizeof(struct postern_account),
                                         .ask = ask_accounts,
                                         .add_row = add_account};
    list_run(cli, &accounts, NULL);
}

// --------------------------------------------------------------------------------------------------- suspend, resume

// Somebody else may change the account between reading and writing it; each turn needs another such change.
enum { TURNS_MAX = 16 };

// All its settings as they are, but for the mark. Points into `account`.
static struct postern_put_account_request with_mark(const struct postern_account *account, bool suspended)
{
    return (struct postern_put_account_request){.account = account->account,
                                                .display_name = account->display_name,
                                                .tier = account->tier,
                                                .environments = account->environments,
                                                .environment_count = account->environment_count,
                                                .suspended = suspended,
                                                .limits = account->limits,
                                                .limit_count = account->limit_count,
                                                .max_keys = account->max_keys,
                                                .no_default_public_key = account->no_default_public_key,
                                                .metadata = account->metadata,
                                                .metadata_count = account->metadata_count,
                                                .if_version = account->version};
}

// One turn: reads the account and writes it with the mark. ABORTED: it was changed meanwhile.
static enum postern_status set_mark(struct cli *cli, bool suspended)
{
    const struct postern_get_account_request ask = {.account = cli->operands[0]};
    struct postern_get_account_reply *found = NULL;
    struct postern_put_account_reply *reply = NULL;
    enum postern_status status = postern_get_account(cli->client, &ask, &found, &cli->error);
    if (status != POSTERN_OK)
        return status;
    bool already = found->account.suspended == suspended;
    const struct postern_put_account_request request = with_mark(&found->account, suspended);
    if (!already)
        status = postern_put_account(cli->client, &request, &reply, &cli->error);
    if (status == POSTERN_OK && call_in_words(cli, already ? (const void *)found : reply))
        printf("account %s: %s%s\n", cli->operands[0], already ? "already " : "", suspended ? "suspended" : "active");
    postern_reply_free(found);
    postern_reply_free(reply);
    return status;
}

static void run_suspend_or_resume(struct cli *cli)
{
    bool suspended = strcmp(cli->command->words, "account suspend") == 0;
    enum postern_status outcome = POSTERN_ABORTED;
    for (int turn = 0; turn < TURNS_MAX && outcome == POSTERN_ABORTED; turn++)
        outcome = set_mark(cli, suspended);
    call_done(cli, outcome);
}

static void run_revoke_all(struct cli *cli)
{
    const struct postern_revoke_all_request request = {.account = cli->operands[0],
                                                       .reason = argument_text(cli, "reason"),
                                                       .created_before_ms =
                                                           value_moment_flag(cli, "created-before", true)};
    struct postern_revoke_all_reply *reply = NULL;
    char at[OUTPUT_TIME_SIZE];
    if (cli_good(cli) && call_done(cli, postern_revoke_all(cli->client, &request, &reply, &cli->error)) &&
        call_in_words(cli, reply))
        printf("revoked all keys of account %s that were made until %s\n", reply->account.account,
               output_time(reply->account.revoked_before_ms, "now", at));
    postern_reply_free(reply);
}

static const struct flag put_flags[] = {
    {"tier", "NAME", "its tier (default: the tier marked default, or the one it has)"},
    {"env", "test|live...", "the environments it may have keys in (default test)"},
    {"limit", "TEXT...", "instead of the tier's limit with the same resource and window"},
    {"suspended", NULL, "refuse all its keys until it is put again without this"},
    {"max-keys", "N", "keys that are neither revoked nor expired (default 1000)"},
    {"display-name", "NAME", "a name for people"},
    {"metadata", "KEY=VALUE...", "kept with the account"},
    {"no-default-public-key", NULL, "a new account gets no public key of its own"},
    {IF_VERSION_FLAG},
    {0},
};

static const struct flag revoke_all_flags[] = {
    {"created-before", "TIME", "only those made before: 30d (ago), 2027-01-31T12:00:00Z (default now)"},
    {"reason", "TEXT", "why; kept with the account"},
    {0},
};

static const struct flag delete_flags[] = {{IF_VERSION_FLAG}, {0}};

const struct command account_commands[] = {
    {"account put", "ID", "make an account, or replace its settings as a whole", put_flags, run_put,
     "What is not given goes back to its default; only the tier stays."},
    {"account get", "ID", "show an account's settings", NULL, run_get, NULL},
    {"account list", "", "list accounts", list_flags, run_list, NULL},
    {"account suspend", "ID", "refuse all keys of an account, until it is resumed", NULL, run_suspend_or_resume, NULL},
    {"account resume", "ID", "let the keys of a suspended account work again", NULL, run_suspend_or_resume, NULL},
    {"account revoke-all", "ID", "revoke all keys of an account, at once and for ever", revoke_all_flags,
     run_revoke_all, "Keys that are made afterwards work."},
    {"account delete", "ID", "delete an account that has no working key any more", delete_flags, run_delete,
     "Revoke its keys first: postern account revoke-all ID"},
    {0},
};
