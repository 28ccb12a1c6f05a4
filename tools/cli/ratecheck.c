// ratecheck: charges units, looks at them or gives them back.
#include "command.h"
#include "decide.h"

#include <stdio.h>
#include <string.h>

// Cuts NAMESPACE/IDENTIFIER at its first slash.
static struct postern_custom *split_custom(struct cli *cli, const char *text)
{
    size_t size = strcspn(text, "/");
    if (size == 0 || text[size] == '\0' || text[size + 1] == '\0') {
        misuse(cli, "--custom \"%s\" is not NAMESPACE/IDENTIFIER, e.g. signup/192.0.2.7", text);
        return NULL;
    }
    struct postern_custom *custom = cli_keep(cli, 1, sizeof *custom);
    custom->space = pool_text(&cli->pool, text, size);
    custom->identifier = text + size + 1;
    custom->relaxed = argument_has(cli, "relaxed");
    return custom;
}

static bool read_custom(struct cli *cli, struct postern_rate_check_request *request)
{
    const char *text = argument_text(cli, "custom");
    if (text == NULL) {
        if (!argument_has(cli, "limit") && !argument_has(cli, "relaxed"))
            return true;
        misuse(cli, "--limit and --relaxed belong to --custom; accounts and keys have their own limits");
        return false;
    }
    struct postern_custom *custom = split_custom(cli, text);
    request->custom = custom;
    if (custom == NULL)
        return false;
    if (!argument_has(cli, "limit")) {
        misuse(cli, "--custom needs its limits: --limit requests=5/min");
        return false;
    }
    return value_limits_flag(cli, &custom->limits, &custom->limit_count);
}

static bool read_token(struct cli *cli, struct postern_rate_check_request *request)
{
    const char *text = argument_text(cli, "api-key");
    if (text == NULL)
        return true;
    if (strcmp(text, "-") != 0) {
        token_refuse(cli);
        return false;
    }
    request->api_key = token_read(cli, true);
    return request->api_key != NULL;
}

// One of the four.
static bool read_subject(struct cli *cli, struct postern_rate_check_request *request)
{
    request->account = argument_text(cli, "account");
    request->key_id = argument_text(cli, "key");
    size_t count = argument_count(cli, "account") + argument_count(cli, "key") + argument_count(cli, "api-key") +
                   argument_count(cli, "custom");
    if (count != 1) {
        misuse(cli, "give exactly one of --account ID, --key KEY_ID, --api-key - and --custom NAMESPACE/IDENTIFIER");
        return false;
    }
    return read_custom(cli, request) && read_token(cli, request);
}

static bool read_mode(struct cli *cli, struct postern_rate_check_request *request)
{
    bool is_refund = argument_has(cli, "refund");
    if (is_refund + argument_has(cli, "peek") + argument_has(cli, "charge-id") > 1) {
        misuse(cli, "--peek, --refund and --charge-id exclude each other");
        return false;
    }
    if (argument_has(cli, "peek"))
        request->mode = POSTERN_RATE_CHECK_PEEK;
    if (is_refund)
        request->mode = POSTERN_RATE_CHECK_REFUND;
    if (!is_refund && !argument_has(cli, "charge")) {
        misuse(cli, "say what to charge: --charge productions, --charge productions=3");
        return false;
    }
    return decide_id_flag(cli, is_refund ? "refund" : "charge-id", &request->charge_id);
}

static bool read_ratecheck(struct cli *cli, struct postern_rate_check_request *request)
{
    return read_mode(cli, request) && value_charges_flag(cli, &request->charges, &request->charge_count) &&
           read_subject(cli, request);
}

static void print_ratecheck(const struct cli *cli, const struct postern_rate_check_reply *reply)
{
    char id[DECIDE_ID_SIZE];
    bool is_refund = argument_has(cli, "refund");
    if (is_refund && reply->allowed)
        printf("REFUNDED");
    else
        decide_print_verdict(reply->allowed, reply->reason);
    putchar('\n');
    output_meters(reply->meters, reply->meter_count);
    if (reply->reason == POSTERN_REASON_RATE_LIMITED)
        output_retry(reply->retry_after_ms);
    if (reply->allowed && reply->has_charge_id && !is_refund)
        printf("charge id %s\n", decide_id_text(reply->charge_id, id));
}

static void print_ratecheck_json(const struct postern_rate_check_reply *reply)
{
    char id[DECIDE_ID_SIZE] = "";
    if (reply->has_charge_id)
        decide_id_text(reply->charge_id, id);
    output_json(reply, "charge_id", id);
}

static int run_ratecheck(struct cli *cli)
{
    struct postern_rate_check_request request = {0};
    struct postern_rate_check_reply *reply = NULL;
    if (!read_ratecheck(cli, &request))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_rate_check(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        print_ratecheck_json(reply);
    else
        print_ratecheck(cli, reply);
    status = reply->allowed ? CLI_DONE : CLI_FAILED;
    postern_reply_free(reply);
    return status;
}

static const struct flag ratecheck_flags[] = {
    {"account", "ID", false, "charge this account"},
    {"key", "KEY_ID", false, "charge the account of this key, and the key's own limits"},
    {"api-key", "-", false, "the same, of the key whose token comes by standard input; the key must be good"},
    {"custom", "NAMESPACE/IDENTIFIER", false, "charge something else, with the limits given here"},
    {"limit", "TEXT", true, "a limit of --custom, e.g. requests=5/min"},
    {"relaxed", NULL, false, "with --custom: do not wait for the disk"},
    {"charge", "RESOURCE[=N]", true, "what to charge"},
    {"charge-id", "HEX|new", false, "charge under this id, once however often it is repeated (default: new)"},
    {"peek", NULL, false, "decide and show, charge nothing"},
    {"refund", "HEX", false, "give back what this charge id charged, without --charge all of it"},
    {0},
};

const struct command command_ratecheck = {
    .words = "ratecheck",
    .operands = "",
    .summary = "charge units of a limit, or look at them",
    .flags = ratecheck_flags,
    .notes = "The answer ends with the charge's id, by which it can be given back while its window lasts:\n"
             "  postern ratecheck --account acme --charge productions=2\n"
             "  postern ratecheck --account acme --refund 5f0c1b9e7a3d48e2a6b1c0d9e8f70312\n"
             "Any program may limit anything of its own, with the limits that it gives:\n"
             "  postern ratecheck --custom signup/192.0.2.7 --limit requests=5/min --charge requests",
    .run = run_ratecheck,
};
