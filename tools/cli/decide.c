// verify, ratecheck: may this key, or this account, do this, now?
#include "command.h"

#include <stdio.h>
#include <string.h>

// The first line of a decision, up to what it is about.
static void print_verdict(bool allowed, enum postern_reason reason)
{
    const char *sentence = reason_sentence(reason);
    if (allowed)
        printf("ALLOWED");
    else
        printf("%s%s%s", postern_reason_name(reason), sentence[0] != '\0' ? ": " : "", sentence);
}

static void print_id(const uint8_t id[POSTERN_ID_SIZE], char hex[2 * POSTERN_ID_SIZE + 1])
{
    for (size_t i = 0; i < POSTERN_ID_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
}

// ----------------------------------------------------------------------------------------------------------- verify

static bool read_verify(struct cli *cli, struct postern_verify_request *request)
{
    request->scopes = argument_all(cli, "scope", &request->scope_count);
    request->account = argument_text(cli, "account");
    request->secret_only = argument_has(cli, "secret-only");
    request->remote_address = argument_text(cli, "address");
    request->peek = argument_has(cli, "peek");
    return value_environment_flag(cli, &request->environment) &&
           value_charges_flag(cli, &request->charges, &request->charge_count);
}

static void print_subject(const struct postern_verify_reply *reply)
{
    char environment[32];
    if (reply->key_id[0] != '\0')
        printf(" %s", reply->key_id);
    if (reply->key_name[0] != '\0')
        printf(" (%s)", reply->key_name);
    if (reply->account[0] != '\0')
        printf(", account %s, tier %s, %s", reply->account, reply->tier,
               output_lower(postern_environment_name(reply->environment), environment, sizeof environment));
}

static void print_verify(const struct postern_verify_reply *reply)
{
    print_verdict(reply->allowed, reply->reason);
    if (reply->missing_scope_count > 0) {
        printf(" (missing: ");
        output_texts(reply->missing_scopes, reply->missing_scope_count);
        putchar(')');
    }
    if (reply->allowed)
        print_subject(reply);
    putchar('\n');
    output_meters(reply->meters, reply->meter_count);
    if (reply->reason == POSTERN_REASON_RATE_LIMITED)
        output_retry(reply->retry_after_ms);
    if (reply->successor_key_id[0] != '\0')
        fprintf(stderr, "This key is being replaced by %s; use that one soon.\n", reply->successor_key_id);
}

static int run_verify(struct cli *cli)
{
    struct postern_verify_request request = {0};
    struct postern_verify_reply *reply = NULL;
    bool from_stdin = cli->operand_count > 0;
    if (from_stdin && strcmp(cli->operands[0], "-") != 0)
        return token_refuse(cli);
    if (!read_verify(cli, &request))
        return CLI_MISUSED;
    request.api_key = token_read(cli, from_stdin);
    if (request.api_key == NULL)
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_verify(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        print_verify(reply);
    status = reply->allowed ? CLI_DONE : CLI_FAILED;
    postern_reply_free(reply);
    return status;
}

static const struct flag verify_flags[] = {
    {"scope", "SCOPE", true, "the key must have it"},
    {"account", "ID", false, "the key must belong to it"},
    {"env", "test|live", false, "the key must be of it"},
    {"secret-only", NULL, false, "refuse public keys"},
    {"address", "IP", false, "where the presented key came from"},
    {"charge", "RESOURCE[=N]", true, "what to charge (default: requests=1)"},
    {"peek", NULL, false, "decide and show, charge nothing"},
    {0},
};

const struct command command_verify = {
    .words = "verify",
    .operands = "[-]",
    .operands_max = 1,
    .summary = "ask whether a token may do something, now",
    .flags = verify_flags,
    .notes = "The token comes by standard input (-), or from the environment variable POSTERN_TOKEN:\n"
             "  printf %s \"$TOKEN\" | postern verify - --scope jobs:run --charge productions=2",
    .run = run_verify,
};

// -------------------------------------------------------------------------------------------------------- ratecheck

static bool read_custom(struct cli *cli, struct postern_rate_check_request *request)
{
    const char *text = argument_text(cli, "custom");
    if (text == NULL) {
        if (!argument_has(cli, "limit") && !argument_has(cli, "relaxed"))
            return true;
        misuse(cli, "--limit and --relaxed belong to --custom; accounts and keys have their own limits");
        return false;
    }
    size_t size = strcspn(text, "/");
    struct postern_custom *custom = cli_keep(cli, 1, sizeof *custom);
    char *space = cli_keep(cli, size + 1, 1);
    memcpy(space, text, size);
    *custom = (struct postern_custom){.space = space,
                                      .identifier = text[size] == '/' ? text + size + 1 : "",
                                      .relaxed = argument_has(cli, "relaxed")};
    request->custom = custom;
    if (size == 0 || custom->identifier[0] == '\0') {
        misuse(cli, "--custom \"%s\" is not NAMESPACE/IDENTIFIER, e.g. signup/192.0.2.7", text);
        return false;
    }
    if (!argument_has(cli, "limit")) {
        misuse(cli, "--custom needs its limits: --limit requests=5/min");
        return false;
    }
    return value_limits_flag(cli, &custom->limits, &custom->limit_count);
}

static bool read_mode(struct cli *cli, struct postern_rate_check_request *request)
{
    const char *refund = argument_text(cli, "refund");
    if (refund != NULL && argument_has(cli, "peek")) {
        misuse(cli, "--peek and --refund exclude each other");
        return false;
    }
    if (argument_has(cli, "peek"))
        request->mode = POSTERN_RATE_CHECK_PEEK;
    if (refund == NULL)
        return true;
    uint8_t *id = cli_keep(cli, POSTERN_ID_SIZE, 1);
    request->mode = POSTERN_RATE_CHECK_REFUND;
    request->charge_id = id;
    if (value_hex_id(refund, id))
        return true;
    misuse(cli,
           "--refund \"%s\" is not the id of a charge: 32 digits 0-9 a-f, charge_id in the answer of ratecheck --json",
           refund);
    return false;
}

static bool read_ratecheck(struct cli *cli, struct postern_rate_check_request *request)
{
    request->account = argument_text(cli, "account");
    request->key_id = argument_text(cli, "key");
    if (argument_count(cli, "account") + argument_count(cli, "key") + argument_count(cli, "custom") != 1) {
        misuse(cli, "give exactly one of --account ID, --key KEY_ID and --custom NAMESPACE/IDENTIFIER");
        return false;
    }
    if (!argument_has(cli, "charge")) {
        misuse(cli, "say what to charge: --charge productions, --charge productions=3");
        return false;
    }
    return read_custom(cli, request) && read_mode(cli, request) &&
           value_charges_flag(cli, &request->charges, &request->charge_count);
}

static void print_ratecheck(const struct postern_rate_check_reply *reply)
{
    print_verdict(reply->allowed, reply->reason);
    putchar('\n');
    output_meters(reply->meters, reply->meter_count);
    if (reply->reason == POSTERN_REASON_RATE_LIMITED)
        output_retry(reply->retry_after_ms);
}

static void print_ratecheck_json(const struct postern_rate_check_reply *reply)
{
    char id[2 * POSTERN_ID_SIZE + 1] = "";
    if (reply->has_charge_id)
        print_id(reply->charge_id, id);
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
        print_ratecheck(reply);
    status = reply->allowed ? CLI_DONE : CLI_FAILED;
    postern_reply_free(reply);
    return status;
}

static const struct flag ratecheck_flags[] = {
    {"account", "ID", false, "charge this account"},
    {"key", "KEY_ID", false, "charge the account of this key, and the key's own limits"},
    {"custom", "NAMESPACE/IDENTIFIER", false, "charge something else, with the limits given here"},
    {"limit", "TEXT", true, "a limit of --custom, e.g. requests=5/min"},
    {"relaxed", NULL, false, "with --custom: do not wait for the disk"},
    {"charge", "RESOURCE[=N]", true, "what to charge"},
    {"peek", NULL, false, "decide and show, charge nothing"},
    {"refund", "CHARGE_ID", false, "give back what an earlier ratecheck charged"},
    {0},
};

const struct command command_ratecheck = {
    .words = "ratecheck",
    .operands = "",
    .summary = "charge units of a limit, or look at them",
    .flags = ratecheck_flags,
    .notes = "With --json the answer has the charge's id as charge_id; --refund takes it.",
    .run = run_ratecheck,
};
