// account put, tier put, health.
#include "command.h"

#include <stdio.h>

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
    return read_environments(cli, request) && value_limits_flag(cli, &request->limits, &request->limit_count) &&
           value_metadata_flag(cli, &request->metadata, &request->metadata_count);
}

static void print_account(const struct postern_account *account)
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
        print_account(&reply->account);
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

// --------------------------------------------------------------------------------------------------------- tier put

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
    if (!value_limits_flag(cli, &request.limits, &request.limit_count))
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

// ----------------------------------------------------------------------------------------------------------- health

static void print_health(const struct postern_health_reply *reply)
{
    printf("%s", reply->serving ? "serving" : "not serving");
    if (reply->version[0] != '\0')
        printf(", version %s, up %llu s, store %s", reply->version, (unsigned long long)(reply->uptime_ms / 1000),
               reply->store);
    if (reply->clock_ahead_ms > 1000)
        printf(", clock %lld ms ahead of the wall clock", (long long)reply->clock_ahead_ms);
    if (reply->clock_jumps > 0)
        printf(", the wall clock jumped %u times", reply->clock_jumps);
    putchar('\n');
}

static int run_health(struct cli *cli)
{
    struct postern_health_reply *reply = NULL;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_health(cli->client, NULL, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        print_health(reply);
    status = reply->serving ? CLI_DONE : CLI_FAILED;
    postern_reply_free(reply);
    return status;
}

static const struct flag health_flags[] = {{0}};

const struct command command_health = {
    .words = "health",
    .operands = "",
    .summary = "ask whether posternd is serving",
    .flags = health_flags,
    .run = run_health,
};
