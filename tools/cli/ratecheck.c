// ratecheck: charges units, looks at them, gives them back or settles them to what they really were.
#include "confirm.h"
#include "decision.h"
#include "json.h"

#include <string.h>

// NAMESPACE/IDENTIFIER is cut at its first slash.
static void read_subject_name(struct cli *cli, const char *text, const char **space, const char **identifier)
{
    size_t size = strcspn(text, "/");
    if (size == 0 || text[size] == '\0' || text[size + 1] == '\0') {
        misuse(cli, "--custom \"%s\" is not NAMESPACE/IDENTIFIER, e.g. signup/192.0.2.7", text);
        return;
    }
    *space = pool_text(&cli->pool, text, size);
    *identifier = text + size + 1;
}

static const struct postern_custom *read_custom(struct cli *cli)
{
    const char *text = argument_text(cli, "custom");
    struct postern_custom *custom = cli_keep(cli, 1, sizeof *custom);
    if (text == NULL) {
        if (argument_has(cli, "limit") || argument_has(cli, "relaxed"))
            misuse(cli, "--limit and --relaxed belong to --custom; accounts and keys have their own limits");
        return NULL;
    }
    if (!argument_has(cli, "limit"))
        misuse(cli, "--custom needs its limits: --limit requests=5/min");
    if (!cli_good(cli))
        return NULL;
    read_subject_name(cli, text, &custom->space, &custom->identifier);
    if (!cli_good(cli))
        return NULL;
    custom->relaxed = argument_has(cli, "relaxed");
    custom->limits = value_limits(cli, "limit", &custom->limit_count);
    return custom;
}

// Reads which one of the four subjects is charged.
static void read_subject(struct cli *cli, struct postern_rate_check_request *request)
{
    const char *token = argument_text(cli, "api-key");
    request->account = argument_text(cli, "account");
    request->key_id = argument_text(cli, "key");
    if ((request->account != NULL) + (request->key_id != NULL) + (token != NULL) + argument_has(cli, "custom") != 1)
        misuse(cli, "give exactly one of --account ID, --key KEY_ID, --api-key - and --custom NAMESPACE/IDENTIFIER");
    request->custom = read_custom(cli);
    if (token != NULL && cli_good(cli) && token_check_dash(cli, token))
        request->api_key = token_read_one(cli);
}

// Returns the option that names a charge; NULL: none was given.
static const char *id_option(struct cli *cli)
{
    static const char *const names[] = {"charge-id", "refund", "settle"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (argument_has(cli, names[i]))
            return names[i];
    return NULL;
}

static void read_mode(struct cli *cli, struct postern_rate_check_request *request)
{
    bool is_refund = argument_has(cli, "refund"), settles = argument_has(cli, "settle");
    bool peek = argument_has(cli, "peek"), is_amount = argument_has(cli, "refund-amount");
    const char *name = id_option(cli);
    request->overdraw = argument_has(cli, "overdraw");
    if (is_refund + settles + peek + argument_has(cli, "charge-id") > 1)
        misuse(cli, "--peek, --refund, --settle and --charge-id exclude each other");
    if (is_amount && (is_refund || settles || peek || request->overdraw || argument_has(cli, "charge")))
        misuse(cli, "--refund-amount goes with none of --charge, --peek, --refund, --settle and --overdraw");
    if (request->overdraw && (is_refund || settles || peek))
        misuse(cli, "--overdraw charges: it goes with none of --peek, --refund and --settle");
    if (settles && !argument_has(cli, "charge"))
        misuse(cli, "say what it really cost: --charge tokens=700 (to give back all of it: --refund)");
    if (!is_refund && !peek && !is_amount && !argument_has(cli, "charge"))
        misuse(cli, "say what to charge: --charge productions, --charge productions=3 (or --peek to see all limits)");
    if (peek)
        request->mode = POSTERN_RATE_CHECK_PEEK;
    if (is_refund)
        request->mode = POSTERN_RATE_CHECK_REFUND;
    if (settles)
        request->mode = POSTERN_RATE_CHECK_SETTLE;
    if (is_amount)
        request->mode = POSTERN_RATE_CHECK_REFUND_AMOUNT;
    request->charge_id = name != NULL ? decision_id_flag(cli, name) : NULL;
}

static void print_allowed(const struct postern_rate_check_request *request,
                          const struct postern_rate_check_reply *reply)
{
    if (request->mode == POSTERN_RATE_CHECK_REFUND || request->mode == POSTERN_RATE_CHECK_REFUND_AMOUNT)
        printf("REFUNDED");
    else if (request->mode == POSTERN_RATE_CHECK_SETTLE)
        printf("SETTLED");
    else if (request->charge_count == 0)
        printf(reply->meter_count > 0 ? "What is left:" : "No limit applies.");
    else
        decision_print_verdict(true, reply->reason, &reply->base);
}

static void print_ratecheck(const struct postern_rate_check_request *request,
                            const struct postern_rate_check_reply *reply, const char *id)
{
    if (reply->allowed)
        print_allowed(request, reply);
    else
        decision_print_verdict(false, reply->reason, &reply->base);
    putchar('\n');
    decision_print_meters(reply->meters, reply->meter_count);
    if (reply->reason == POSTERN_REASON_RATE_LIMITED)
        decision_print_retry(reply->retry_after_ms);
    if (reply->allowed && id[0] != '\0' && request->mode == POSTERN_RATE_CHECK_CONSUME)
        printf("charge id %s\n", id);
}

// Refuses all options but those that the call takes.
static void refuse_others(struct cli *cli, const char *name, const char *with, const char *const *others)
{
    for (size_t i = 0; others[i] != NULL; i++)
        if (argument_has(cli, others[i]))
            misuse(cli, "--%s goes with %s only, not with --%s", name, with, others[i]);
}

static void remove_custom(struct cli *cli)
{
    static const char *const others[] = {"account",  "key",       "api-key",       "limit",  "relaxed",
                                         "charge",   "charge-id", "peek",          "refund", "settle",
                                         "overdraw", "reset",     "refund-amount", NULL};
    struct postern_reset_meters_request request = {.account = NULL};
    struct postern_reset_meters_reply *reply = NULL;
    const char *text = argument_text(cli, "custom");
    refuse_others(cli, "remove", "--custom", others);
    if (text == NULL)
        misuse(cli, "say what to remove: --custom NAMESPACE/IDENTIFIER");
    else
        read_subject_name(cli, text, &request.space, &request.identifier);
    if (!confirm(cli, "Forget %s, with all that was spent of it?", text) ||
        !call_done(cli, postern_reset_meters(cli->client, &request, &reply, &cli->error)))
        return;
    if (cli->json)
        json_print_reply(reply);
    else if (reply->meters > 0)
        printf("REMOVED\nNothing of %s is spent now.\n", text);
    else
        printf("REMOVED\nNothing of %s was on disk: is it spelled right?\n", text);
    postern_reply_free(reply);
}

static void reset_meters(struct cli *cli)
{
    const struct postern_reset_meters_request request = {.account = argument_text(cli, "account"),
                                                         .key_id = argument_text(cli, "key"),
                                                         .resource = argument_text(cli, "reset")};
    struct postern_reset_meters_reply *reply = NULL;
    static const char *const others[] = {"api-key", "custom", "limit",  "relaxed",  "charge",        "charge-id",
                                         "peek",    "refund", "settle", "overdraw", "refund-amount", NULL};
    refuse_others(cli, "reset", "--account or --key", others);
    if ((request.account != NULL) + (request.key_id != NULL) != 1)
        misuse(cli, "say whose meters: --account ID or --key KEY_ID");
    if (!confirm(cli, "Let nothing of %s be spent of %s any more?", request.resource,
                 request.account != NULL ? request.account : request.key_id) ||
        !call_done(cli, postern_reset_meters(cli->client, &request, &reply, &cli->error)))
        return;
    if (cli->json)
        json_print_reply(reply);
    else
        printf("RESET\nNothing of %s is spent now.\n", request.resource);
    postern_reply_free(reply);
}

static void run_ratecheck(struct cli *cli)
{
    if (argument_has(cli, "remove")) {
        remove_custom(cli);
        return;
    }
    if (argument_has(cli, "reset")) {
        reset_meters(cli);
        return;
    }
    struct postern_rate_check_request request = {0};
    struct postern_rate_check_reply *reply = NULL;
    char id[DECISION_ID_SIZE];
    read_mode(cli, &request);
    request.charges = value_charges(cli, argument_has(cli, "refund-amount") ? "refund-amount" : "charge",
                                    argument_has(cli, "settle") ? 0 : 1, &request.charge_count);
    read_subject(cli, &request);
    if (!cli_good(cli) || !call_done(cli, postern_rate_check(cli->client, &request, &reply, &cli->error)))
        return;
    decision_id_text(reply->has_charge_id, reply->charge_id, id);
    if (cli->json)
        json_print_decision(reply, id, reply->decided_by_policy);
    else
        print_ratecheck(&request, reply, id);
    cli->status = reply->allowed ? CLI_DONE : CLI_FAILED;
    postern_reply_free(reply);
}

static const struct flag ratecheck_flags[] = {
    {"account", "ID", "charge this account"},
    {"key", "KEY_ID", "charge the account of this key, and the key's own limits"},
    {"api-key", "-", "the same, of the key whose token comes by standard input; the key must be good"},
    {"custom", "NAMESPACE/IDENTIFIER", "charge something else, with the limits given here"},
    {"limit", "TEXT...", "a limit of --custom, e.g. requests=5/min"},
    {"relaxed", NULL, "with --custom: do not wait for the disk"},
    {"charge", "RESOURCE[=N]...", "what to charge"},
    {"charge-id", "HEX|new", "charge under this id, once however often it is repeated (default: new)"},
    {"peek", NULL, "decide and show, charge nothing; without --charge show what is left of every limit"},
    {"refund", "HEX", "give back what this charge id charged, without --charge all of it"},
    {"settle", "HEX", "what this charge id charged really cost what --charge says, less or more; once"},
    {"refund-amount", "RESOURCE=N...", "give back so much of what is counted, without a charge id (operators)"},
    {"reset", "RESOURCE",
     "of --account or --key: as if nothing was spent (operators; or the scope postern:meter-reset)"},
    {"remove", NULL, "with --custom alone: forget it, with all that was spent of whatever limit (operators)"},
    {"overdraw", NULL, "charge what is known only afterwards, also beyond the limit"},
    {"yes", NULL, "with --reset or --remove: do it without asking, as it is done where no terminal is"},
    {0},
};

const struct command ratecheck_commands[] = {
    {"ratecheck", "", "charge units of a limit, or look at them", ratecheck_flags, run_ratecheck,
     .help = "The answer ends with the charge's id, by which it can be given back while its window lasts:\n"
             "  postern ratecheck --account acme --charge productions=2\n"
             "  postern ratecheck --account acme --refund 5f0c1b9e7a3d48e2a6b1c0d9e8f70312\n"
             "Or charge an estimate first, and say afterwards what it was:\n"
             "  postern ratecheck --account acme --charge tokens=500\n"
             "  postern ratecheck --account acme --settle 5f0c1b9e7a3d48e2a6b1c0d9e8f70312 --charge tokens=700\n"
             "Credit that was paid again is given back without a charge:\n"
             "  postern ratecheck --account acme --refund-amount credits=500\n"
             "What is left of all limits of an account, or of a key with its own:\n"
             "  postern ratecheck --account acme --peek\n" LIMIT_HELP
             "Any program may limit anything of its own, with the limits that it gives:\n"
             "  postern ratecheck --custom signup/192.0.2.7 --limit requests=5/min --charge requests\n"
             "  postern ratecheck --custom signup/192.0.2.7 --remove",
     .token_way = "ratecheck --api-key -"},
    {0},
};
