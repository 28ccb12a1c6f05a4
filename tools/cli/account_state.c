// account suspend, resume, revoke-all.
#include "command.h"

#include <stdio.h>

// ------------------------------------------------------------------------------------------------- suspend, resume

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

static void say_mark(const struct cli *cli, const void *reply, const char *account, bool suspended, bool already)
{
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        printf("account %s: %s%s\n", account, already ? "already " : "", suspended ? "suspended" : "active");
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
    if (found->account.suspended == suspended) {
        say_mark(cli, found, found->account.account, suspended, true);
        goto out;
    }
    const struct postern_put_account_request request = with_mark(&found->account, suspended);
    status = postern_put_account(cli->client, &request, &reply, &cli->error);
    if (status == POSTERN_OK)
        say_mark(cli, reply, reply->account.account, suspended, false);
out:
    postern_reply_free(found);
    postern_reply_free(reply);
    return status;
}

static int run_mark(struct cli *cli, bool suspended)
{
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    enum postern_status outcome = POSTERN_ABORTED;
    for (int turn = 0; turn < TURNS_MAX && outcome == POSTERN_ABORTED; turn++)
        outcome = set_mark(cli, suspended);
    return outcome == POSTERN_OK ? CLI_DONE : call_failed(cli);
}

static int run_account_suspend(struct cli *cli)
{
    return run_mark(cli, true);
}

static int run_account_resume(struct cli *cli)
{
    return run_mark(cli, false);
}

static const struct flag no_flags[] = {{0}};

const struct command command_account_suspend = {
    .words = "account suspend",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "refuse all keys of an account, until it is resumed",
    .flags = no_flags,
    .run = run_account_suspend,
};

const struct command command_account_resume = {
    .words = "account resume",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "let the keys of a suspended account work again",
    .flags = no_flags,
    .run = run_account_resume,
};

// ------------------------------------------------------------------------------------------------------- revoke-all

static int run_account_revoke_all(struct cli *cli)
{
    struct postern_revoke_all_request request = {.account = cli->operands[0], .reason = argument_text(cli, "reason")};
    struct postern_revoke_all_reply *reply = NULL;
    char at[OUTPUT_TIME_SIZE];
    if (!value_moment_flag(cli, "created-before", true, &request.created_before_ms))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_revoke_all(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        printf("revoked all keys of account %s that were made until %s\n", reply->account.account,
               output_time(reply->account.revoked_before_ms, "now", at));
    postern_reply_free(reply);
    return CLI_DONE;
}

static const struct flag revoke_all_flags[] = {
    {"created-before", "TIME", false, "only those made before: 30d (ago), 2027-01-31T12:00:00Z (default now)"},
    {"reason", "TEXT", false, "why; kept with the account"},
    {0},
};

const struct command command_account_revoke_all = {
    .words = "account revoke-all",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "revoke all keys of an account, at once and for ever",
    .flags = revoke_all_flags,
    .notes = "Keys that are made afterwards work.",
    .run = run_account_revoke_all,
};
