// verify: may this key do this, now?
#include "command.h"
#include "decide.h"

#include <stdio.h>
#include <string.h>

// A peek charges nothing, and each of many tokens is a charge of its own.
static int check_flags(const struct cli *cli)
{
    const char *id = argument_text(cli, "charge-id");
    if (id != NULL && argument_has(cli, "peek"))
        return misuse(cli, "--charge-id and --peek exclude each other: a peek charges nothing");
    if (id != NULL && strcmp(id, "new") != 0 && argument_has(cli, "batch"))
        return misuse(cli, "with --batch each token is charged under an id of its own: --charge-id new shows them");
    if (argument_has(cli, "atomic") && !argument_has(cli, "batch"))
        return misuse(cli, "--atomic belongs to --batch");
    return CLI_DONE;
}

static void print_verify(const struct cli *cli, const struct postern_verify_reply *reply)
{
    char id[DECIDE_ID_SIZE];
    decide_print_verify(reply);
    putchar('\n');
    output_meters(reply->meters, reply->meter_count);
    if (reply->reason == POSTERN_REASON_RATE_LIMITED)
        output_retry(reply->retry_after_ms);
    if (reply->allowed && reply->has_charge_id && argument_has(cli, "charge-id"))
        printf("charge id %s\n", decide_id_text(reply->charge_id, id));
    if (reply->successor_key_id[0] != '\0')
        fprintf(stderr, "This key is being replaced by %s; use that one soon.\n", reply->successor_key_id);
}

static void print_verify_json(const struct postern_verify_reply *reply)
{
    char id[DECIDE_ID_SIZE] = "";
    if (reply->has_charge_id)
        decide_id_text(reply->charge_id, id);
    output_json(reply, "charge_id", id);
}

static int ask(struct cli *cli, const struct postern_verify_request *request)
{
    struct postern_verify_reply *reply = NULL;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_verify(cli->client, request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        print_verify_json(reply);
    else
        print_verify(cli, reply);
    status = reply->allowed ? CLI_DONE : CLI_FAILED;
    postern_reply_free(reply);
    return status;
}

static int run_verify(struct cli *cli)
{
    struct postern_verify_request request = {0};
    bool from_stdin = cli->operand_count > 0;
    if (from_stdin && strcmp(cli->operands[0], "-") != 0)
        return token_refuse(cli);
    int status = check_flags(cli);
    if (status != CLI_DONE)
        return status;
    if (argument_has(cli, "batch"))
        return verify_batch_run(cli);
    if (!decide_read_verify(cli, &request) || !decide_id_flag(cli, "charge-id", &request.charge_id))
        return CLI_MISUSED;
    request.api_key = token_read(cli, from_stdin);
    return request.api_key != NULL ? ask(cli, &request) : CLI_MISUSED;
}

static const struct flag verify_flags[] = {
    {"scope", "SCOPE", true, "the key must have it"},
    {"account", "ID", false, "the key must belong to it"},
    {"env", "test|live", false, "the key must be of it"},
    {"secret-only", NULL, false, "refuse public keys"},
    {"address", "IP", false, "where the presented key came from"},
    {"charge", "RESOURCE[=N]", true, "what to charge (default: requests=1)"},
    {"peek", NULL, false, "decide and show, charge nothing"},
    {"charge-id", "HEX|new", false, "charge under this id, once however often it is repeated, and show it"},
    {"batch", NULL, false, "ask about many tokens, one on each line of standard input"},
    {"atomic", NULL, false, "with --batch: all or nothing, at most 64 tokens"},
    {0},
};

const struct command command_verify = {
    .words = "verify",
    .operands = "[-]",
    .operands_max = 1,
    .summary = "ask whether a token may do something, now",
    .flags = verify_flags,
    .notes =
        "The token comes by standard input (-), or from the environment variable POSTERN_TOKEN:\n"
        "  printf %s \"$TOKEN\" | postern verify - --scope jobs:run --charge productions=2\n"
        "With --batch there is one answer on a line for each token, in their order, and the exit status is 0 when\n"
        "all are allowed. With --atomic too nobody is charged unless all are allowed. What a charge id charged is\n"
        "given back by postern ratecheck --key KEY_ID --refund HEX.",
    .run = run_verify,
};
