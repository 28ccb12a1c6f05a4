// verify: asks whether a key may do something, now. With --batch it reads a token from each line, and prints an answer
// on a line for each.
#include "decision.h"
#include "json.h"

#include <string.h>

// Splits "read|admin" at each '|'.
static struct postern_scope_alternatives split_alternatives(struct cli *cli, const char *text)
{
    char *rest = pool_text(&cli->pool, text, strlen(text));
    const char **scopes = cli_keep(cli, strlen(text) + 1, sizeof *scopes);
    size_t count = 0;
    while (rest != NULL) {
        scopes[count++] = strsep(&rest, "|");
        if (scopes[count - 1][0] == '\0')
            misuse(cli, "--scope \"%s\" lacks a scope beside a |: write read|admin, or one scope without |", text);
    }
    return (struct postern_scope_alternatives){scopes, count};
}

// The key needs every scope that stands alone, and one of those with '|' between them.
static void read_scopes(struct cli *cli, struct postern_verify_request *request)
{
    size_t count = 0;
    const char *const *given = argument_all(cli, "scope", &count);
    const char **scopes = cli_keep(cli, count, sizeof *scopes);
    struct postern_scope_alternatives *alternatives = cli_keep(cli, count, sizeof *alternatives);
    request->scopes = scopes;
    request->scope_alternatives = alternatives;
    for (size_t i = 0; i < count; i++) {
        bool is_one = strchr(given[i], '|') == NULL;
        argument_place(cli, "scope", i, is_one ? "scopes" : "scope_alternatives",
                       is_one ? request->scope_count : request->scope_alternatives_count);
        if (is_one)
            scopes[request->scope_count++] = given[i];
        else
            alternatives[request->scope_alternatives_count++] = split_alternatives(cli, given[i]);
    }
}

// Reads all of the request but the token.
static struct postern_verify_request read_request(struct cli *cli)
{
    struct postern_verify_request request = {.account = argument_text(cli, "account"),
                                             .environment =
                                                 value_word(cli, &value_environments, argument_text(cli, "env")),
                                             .secret_only = argument_has(cli, "secret-only"),
                                             .remote_address = argument_text(cli, "address"),
                                             .peek = argument_has(cli, "peek")};
    read_scopes(cli, &request);
    request.charges = value_charges(cli, "charge", 1, &request.charge_count);
    if (!argument_has(cli, "batch"))
        request.charge_id = decision_id_flag(cli, "charge-id");
    return request;
}

// Each of many tokens is a charge of its own, and needs an id of its own.
static void check_charge_id(struct cli *cli, size_t token_count)
{
    const char *id = argument_text(cli, "charge-id");
    if (id != NULL && strcmp(id, "new") != 0 && token_count > 1)
        misuse(cli, "each of many tokens is charged under an id of its own: --charge-id new shows them");
}

// A peek charges nothing.
static void check_options(struct cli *cli)
{
    const char *id = argument_text(cli, "charge-id");
    if (id != NULL && argument_has(cli, "peek"))
        misuse(cli, "--charge-id and --peek exclude each other: a peek charges nothing");
    check_charge_id(cli, argument_has(cli, "batch") ? POSTERN_BATCH_MAX : 1);
    if (argument_has(cli, "atomic") && !argument_has(cli, "batch"))
        misuse(cli, "--atomic belongs to --batch");
}

// ---------------------------------------------------------------------------------------------------------- one token

// Prints the answer's first line without its end.
static void print_decision(const struct postern_verify_reply *reply)
{
    char list[OUTPUT_LIST_SIZE];
    decision_print_verdict(reply->allowed, reply->reason, &reply->base);
    if (reply->missing_scope_count > 0)
        printf(" (missing: %s)", output_texts(reply->missing_scopes, reply->missing_scope_count, list));
    if (!reply->allowed)
        return;
    if (reply->key_id[0] != '\0')
        printf(" %s", reply->key_id);
    if (reply->key_name[0] != '\0')
        printf(" (%s)", reply->key_name);
    if (reply->account[0] != '\0')
        printf(", account %s, %s%s, %s", reply->account, reply->tier[0] != '\0' ? "tier " : "no tier", reply->tier,
               value_word_text(&value_environments, reply->environment));
}

// Writes the id of the charge; "" when it is not to be shown.
static const char *charge_id_text(const struct cli *cli, const struct postern_verify_reply *reply,
                                  char text[DECISION_ID_SIZE])
{
    bool shown = reply->has_charge_id && (cli->json || (reply->allowed && argument_has(cli, "charge-id")));
    return decision_id_text(shown, reply->charge_id, text);
}

static void print_verify(const struct cli *cli, const struct postern_verify_reply *reply)
{
    char id[DECISION_ID_SIZE];
    print_decision(reply);
    putchar('\n');
    decision_print_meters(reply->meters, reply->meter_count);
    if (reply->reason == POSTERN_REASON_RATE_LIMITED)
        decision_print_retry(reply->retry_after_ms);
    if (charge_id_text(cli, reply, id)[0] != '\0')
        printf("charge id %s\n", id);
    if (reply->successor_key_id[0] != '\0')
        fprintf(stderr, "This key is being replaced by %s; use that one soon.\n", reply->successor_key_id);
}

static void verify_one(struct cli *cli, struct postern_verify_request *request, const char *token)
{
    struct postern_verify_reply *reply = NULL;
    char id[DECISION_ID_SIZE];
    request->api_key = token;
    if (!call_done(cli, postern_verify(cli->client, request, &reply, &cli->error)))
        return;
    if (cli->json)
        json_print_decision(reply, charge_id_text(cli, reply, id), reply->decided_by_policy);
    else
        print_verify(cli, reply);
    cli->status = reply->allowed ? CLI_DONE : CLI_FAILED;
    postern_reply_free(reply);
}

// -------------------------------------------------------------------------------------------------------- many tokens

enum {
    CALL_SIZE = 128,        // of a call on the wire, beside its text
    ROOM_BYTES = 60 * 1024, // for the calls of one request
};

struct verify_batch {
    struct cli *cli;
    struct postern_verify_request common; // all but the token
    size_t common_size;
    const char *const *given; // the tokens; NULL: they come by stdin, as many as there are
    size_t given_count;
    struct pool tokens; // of the calls that were read from there
    struct postern_verify_request calls[POSTERN_BATCH_MAX];
    size_t count;
    int outcome; // the exit status: what could not be asked outweighs what was refused
};

static bool has_more(const struct verify_batch *batch)
{
    if (batch->given != NULL)
        return batch->given_count > 0;
    int c = getchar();
    if (c != EOF)
        ungetc(c, stdin);
    return c != EOF;
}

static const char *next_token(struct verify_batch *batch, bool *wrong)
{
    if (batch->given == NULL)
        return token_line(&batch->tokens, wrong);
    batch->given_count--;
    return *batch->given++;
}

// Reads tokens while the request has room for another one, however long.
static void read_tokens(struct verify_batch *batch)
{
    size_t size = 0;
    bool wrong = false;
    batch->count = 0;
    while (batch->count < POSTERN_BATCH_MAX && (batch->count == 0 || size + TOKEN_SIZE_MAX <= ROOM_BYTES)) {
        const char *token = has_more(batch) ? next_token(batch, &wrong) : NULL;
        if (wrong)
            misuse(batch->cli, "what came by standard input is not tokens, one on each line (at most %d bytes)",
                   TOKEN_SIZE_MAX);
        if (wrong || token == NULL)
            return;
        batch->calls[batch->count] = batch->common;
        batch->calls[batch->count++].api_key = token;
        size += CALL_SIZE + batch->common_size + strlen(token);
    }
}

static size_t text_size(const char *text)
{
    return text != NULL ? strlen(text) + 4 : 0;
}

static size_t size_on_wire(const struct postern_verify_request *request)
{
    size_t size = text_size(request->account) + text_size(request->remote_address);
    for (size_t i = 0; i < request->scope_count; i++)
        size += text_size(request->scopes[i]);
    for (size_t i = 0; i < request->scope_alternatives_count; i++)
        for (size_t j = 0; j < request->scope_alternatives[i].scope_count; j++)
            size += text_size(request->scope_alternatives[i].scopes[j]) + 4;
    for (size_t i = 0; i < request->charge_count; i++)
        size += text_size(request->charges[i].resource) + 16;
    return size;
}

static void print_failed(struct cli *cli, const struct postern_batch_status *status)
{
    char text[OUTPUT_LIST_SIZE];
    struct postern_error error = {.status = status->status, .answered = true};
    snprintf(error.field, sizeof error.field, "%s", status->field);
    snprintf(error.message, sizeof error.message, "%s", status->message);
    printf("%s: %s\n", postern_status_name(status->status), wording_of(cli, &error, text));
}

static void print_line(struct cli *cli, const struct postern_verify_reply *reply,
                       const struct postern_batch_status *status)
{
    char id[DECISION_ID_SIZE];
    if (status->status != POSTERN_OK) {
        print_failed(cli, status);
        return;
    }
    print_decision(reply);
    if (charge_id_text(cli, reply, id)[0] != '\0')
        printf(", charge id %s", id);
    fputs(reply->reason == POSTERN_REASON_RATE_LIMITED ? ", " : "\n", stdout);
    if (reply->reason == POSTERN_REASON_RATE_LIMITED)
        decision_print_retry(reply->retry_after_ms);
}

static void note_outcome(struct verify_batch *batch, const struct postern_verify_reply *reply,
                         enum postern_status status)
{
    int outcome = status != POSTERN_OK ? call_exit_status(status) : reply->allowed ? CLI_DONE : CLI_FAILED;
    batch->outcome = outcome > batch->outcome ? outcome : batch->outcome;
}

static void ask_about_tokens(struct verify_batch *batch)
{
    struct cli *cli = batch->cli;
    const struct postern_verify_batch_request request = {
        .calls = batch->calls, .call_count = batch->count, .atomic = argument_has(cli, "atomic")};
    struct postern_verify_batch_reply *reply = NULL;
    char ids[POSTERN_BATCH_MAX][DECISION_ID_SIZE];
    const char *texts[POSTERN_BATCH_MAX];
    if (!call_done(cli, postern_verify_batch(cli->client, &request, &reply, &cli->error)))
        return;
    for (size_t i = 0; i < reply->reply_count; i++) {
        note_outcome(batch, &reply->replies[i], reply->statuses[i].status);
        texts[i] = charge_id_text(cli, &reply->replies[i], ids[i]);
        if (!cli->json)
            print_line(cli, &reply->replies[i], &reply->statuses[i]);
    }
    if (cli->json)
        json_print_verify_batch(reply, texts);
    fflush(stdout); // the answers to those that were asked, whatever comes
    postern_reply_free(reply);
}

// Asks about all tokens; for `given` NULL those of standard input, as they come.
static void verify_many(struct cli *cli, const struct postern_verify_request *request, const char *const *given,
                        size_t count)
{
    struct verify_batch batch = {.cli = cli, .common = *request, .given = given, .given_count = count};
    batch.common.charge_id = NULL; // each call gets an id of its own
    batch.common_size = size_on_wire(request);
    if (!has_more(&batch))
        token_refuse_none(cli);
    while (cli_good(cli) && has_more(&batch)) {
        read_tokens(&batch);
        if (argument_has(cli, "atomic") && has_more(&batch))
            misuse(cli, "--atomic takes at most %d tokens, or fewer long ones; nobody was asked", POSTERN_BATCH_MAX);
        if (cli_good(cli))
            ask_about_tokens(&batch);
        pool_wipe(&batch.tokens);
    }
    if (cli_good(cli))
        cli->status = batch.outcome;
}

// Asks about each of several tokens that come without --batch.
static void verify_stdin(struct cli *cli, struct postern_verify_request *request)
{
    size_t count = 0;
    const char *const *tokens = token_read_lines(cli, &count);
    check_charge_id(cli, count);
    if (!cli_good(cli))
        return;
    if (count > 1)
        verify_many(cli, request, tokens, count);
    else
        verify_one(cli, request, tokens[0]);
}

static void run_verify(struct cli *cli)
{
    bool is_batch = argument_has(cli, "batch"), from_stdin = cli->operand_count > 0;
    if (from_stdin && strcmp(cli->operands[0], "-") != 0)
        token_refuse(cli);
    check_options(cli);
    struct postern_verify_request request = read_request(cli);
    const char *token = is_batch || from_stdin || !cli_good(cli) ? NULL : token_of_environment(cli);
    if (!cli_good(cli))
        return;
    if (is_batch)
        verify_many(cli, &request, NULL, 0);
    else if (from_stdin)
        verify_stdin(cli, &request);
    else
        verify_one(cli, &request, token);
}

static const struct flag verify_flags[] = {
    {"scope", "SCOPE...", "the key must have it; of 'read|admin' one is enough"},
    {"account", "ID", "the key must belong to it"},
    {"env", "test|live", "the key must be of it"},
    {"secret-only", NULL, "refuse public keys"},
    {"address", "IP", "where the presented key came from"},
    {"charge", "RESOURCE[=N]...", "what to charge (default: requests=1)"},
    {"peek", NULL, "decide and show, charge nothing"},
    {"charge-id", "HEX|new", "charge under this id, once however often it is repeated, and show it"},
    {"batch", NULL, "ask about many tokens, one on each line of standard input"},
    {"atomic", NULL, "with --batch: all or nothing, at most 64 tokens"},
    {0},
};

const struct command verify_commands[] = {
    {"verify", "[-]", "ask whether a token may do something, now", verify_flags, run_verify,
     .help =
         "The token comes by standard input (-), or from the environment variable POSTERN_TOKEN:\n"
         "  printf %s \"$TOKEN\" | postern verify - --scope jobs:run --charge productions=2\n"
         "Of many, one on each line, there is one answer on a line for each, in their order, and the exit status is\n"
         "0 when all are allowed. With --batch any number is answered as they come; with --atomic too nobody is\n"
         "charged unless all are allowed. What a charge id charged is given back by\n"
         "  postern ratecheck --key KEY_ID --refund HEX"},
    {0},
};
