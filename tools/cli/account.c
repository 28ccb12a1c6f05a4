// account put, get, list, delete.
#include "catalogue.h"
#include "command.h"

#include <stdio.h>
#include <string.h>

// ------------------------------------------------------------------------------------------------------ account put

static bool read_environments(struct cli *cli, struct postern_put_account_request *request)
{
    const char *const *texts = argument_all(cli, "env", &request->environment_count);
    enum postern_environment *read = cli_keep(cli, request->environment_count + 1, sizeof *read);
    request->environments = read;
    for (size_t i = 0; i < request->environment_count; i++)
        if (!value_environment(cli, texts[i], &read[i]))
            return false;
    return true;
}

static bool read_account_put(struct cli *cli, struct postern_put_account_request *request)
{
    uint64_t max_keys = 0;
    request->account = cli->operands[0];
    request->display_name = argument_text(cli, "display-name");
    request->tier = argument_text(cli, "tier");
    request->suspended = argument_has(cli, "suspended");
    request->no_default_public_key = argument_has(cli, "no-default-public-key");
    if (!value_number(cli, "max-keys", UINT32_MAX, &max_keys))
        return false;
    request->max_keys = (uint32_t)max_keys;
    return value_number(cli, "if-version", UINT64_MAX, &request->if_version) && read_environments(cli, request) &&
           value_limits_flag(cli, &request->limits, &request->limit_count) &&
           value_metadata_flag(cli, &request->metadata, &request->metadata_count);
}

static void print_account_put(const struct postern_account *account)
{
    char word[32];
    printf("account %s: tier %s, environments ", account->account, account->tier);
    for (size_t i = 0; i < account->environment_count; i++)
        printf("%s%s", i > 0 ? " and " : "",
               output_lower(postern_environment_name(account->environments[i]), word, sizeof word));
    printf(", at most %u keys%s", account->max_keys, account->suspended ? ", suspended" : "");
    if (account->limit_count > 0) {
        printf(", own limits ");
        output_limits(account->limits, account->limit_count);
    }
    putchar('\n');
}

static int run_account_put(struct cli *cli)
{
    struct postern_put_account_request request = {0};
    struct postern_put_account_reply *reply = NULL;
    if (!read_account_put(cli, &request))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_put_account(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        print_account_put(&reply->account);
    if (!cli->json && reply->default_public_key != NULL)
        fprintf(stderr, "It came with the public key %s: %s\n", reply->default_public_key->key_id,
                reply->default_public_key->public_token);
    postern_reply_free(reply);
    return CLI_DONE;
}

static const struct flag account_put_flags[] = {
    {"tier", "NAME", false, "its tier (default: the tier marked default, or the one it has)"},
    {"env", "test|live", true, "the environments it may have keys in (default test)"},
    {"limit", "TEXT", true, "instead of the tier's limit with the same resource and window"},
    {"suspended", NULL, false, "refuse all its keys until it is put again without this"},
    {"max-keys", "N", false, "keys that are neither revoked nor expired (default 1000)"},
    {"display-name", "NAME", false, "a name for people"},
    {"metadata", "KEY=VALUE", true, "kept with the account"},
    {"no-default-public-key", NULL, false, "a new account gets no public key of its own"},
    {IF_VERSION_FLAG},
    {0},
};

const struct command command_account_put = {
    .words = "account put",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "make an account, or replace its settings as a whole",
    .flags = account_put_flags,
    .notes = "What is not given goes back to its default; only the tier stays.",
    .run = run_account_put,
};

// ------------------------------------------------------------------------------------------------------ account get

static int run_account_get(struct cli *cli)
{
    const struct postern_get_account_request request = {.account = cli->operands[0]};
    struct postern_get_account_reply *reply = NULL;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_get_account(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        output_account(&reply->account);
    postern_reply_free(reply);
    return CLI_DONE;
}

static const struct flag no_flags[] = {{0}};

const struct command command_account_get = {
    .words = "account get",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show an account's settings",
    .flags = no_flags,
    .run = run_account_get,
};

// ----------------------------------------------------------------------------------------------------- account list

static enum postern_status ask_accounts(struct cli *cli, const struct page *page, struct catalogue_page *answer)
{
    const struct postern_list_accounts_request request = {
        .page_size = page->size, .page_token = page->token, .page_token_size = page->token_size};
    struct postern_list_accounts_reply *reply = NULL;
    enum postern_status status = postern_list_accounts(cli->client, &request, &reply, &cli->error);
    if (status == POSTERN_OK)
        *answer = (struct catalogue_page){.reply = &reply->base,
                                          .entries = reply->accounts,
                                          .count = reply->account_count,
                                          .next_page_token = reply->next_page_token,
                                          .next_page_token_size = reply->next_page_token_size};
    return status;
}

static void add_row(struct table *table, const void *entry, uint64_t now_ms)
{
    char word[32], when[OUTPUT_TIME_SIZE];
    const struct postern_account *account = entry;
    char environments[64] = "";
    for (size_t i = 0; i < account->environment_count; i++) {
        size_t size = strlen(environments);
        snprintf(environments + size, sizeof environments - size, "%s%s", i > 0 ? ", " : "",
                 output_lower(postern_environment_name(account->environments[i]), word, sizeof word));
    }
    table_add(table, "%s", account->account);
    table_add(table, "%s", account->display_name);
    table_add(table, "%s", account->tier);
    table_add(table, "%s", environments);
    table_add(table, "%s", account->suspended ? "suspended" : "active");
    table_add(table, "%s", output_when(account->created_at_ms, now_ms, "", when));
}

static const char *const heads[] = {"ACCOUNT", "DISPLAY NAME", "TIER", "ENVIRONMENTS", "STATE", "CREATED"};

_Static_assert(offsetof(struct postern_account, account) == 0, "a account begins with its name");
static const struct catalogue accounts = {
    .list = "accounts",
    .entry = "account",
    .entry_size = sizeof(struct postern_account),
    .none = "There is no account yet; make one: postern account put ID",
    .heads = heads,
    .columns = sizeof heads / sizeof heads[0],
    .ask = ask_accounts,
    .add_row = add_row,
};

static int run_account_list(struct cli *cli)
{
    return catalogue_list(cli, &accounts);
}

const struct command command_account_list = {
    .words = "account list",
    .operands = "",
    .summary = "list accounts",
    .flags = catalogue_list_flags,
    .run = run_account_list,
};

// --------------------------------------------------------------------------------------------------- account delete

static int run_account_delete(struct cli *cli)
{
    struct postern_delete_account_request request = {.account = cli->operands[0]};
    struct postern_delete_account_reply *reply = NULL;
    if (!value_number(cli, "if-version", UINT64_MAX, &request.if_version))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_delete_account(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        printf("deleted account %s\n", reply->account.account);
    postern_reply_free(reply);
    return CLI_DONE;
}

static const struct flag account_delete_flags[] = {{IF_VERSION_FLAG}, {0}};

const struct command command_account_delete = {
    .words = "account delete",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "delete an account that has no working key any more",
    .flags = account_delete_flags,
    .notes = "Revoke its keys first: postern account revoke-all ID",
    .run = run_account_delete,
};
