// verify --batch: one token a line, one answer a line.
#include "decide.h"

#include <stdio.h>
#include <string.h>

enum {
    LINE_SIZE_MAX = 4096,   // far more than posternd takes, so that it is posternd who refuses
    CALL_SIZE = 128,        // of a call on the wire, beside its text
    ROOM_BYTES = 60 * 1024, // for the calls of one request
};

struct batch {
    struct cli *cli;
    struct postern_verify_request common; // all but the token
    size_t common_size;
    struct pool tokens; // of the calls that are gathered
    struct postern_verify_request calls[POSTERN_BATCH_MAX];
    size_t count;
    size_t size;
    const char *ahead; // a line that did not fit any more; in the next pool
    bool all_allowed;
};

// -------------------------------------------------------------------------------------------------------- gathering

// The next line without its end. NULL: there is none, or *wrong.
static const char *read_line(struct batch *batch, bool *wrong)
{
    char line[LINE_SIZE_MAX + 1];
    size_t size = 0;
    int c = getchar();
    if (c == EOF)
        return NULL;
    for (; c != EOF && c != '\n'; c = getchar()) {
        *wrong = size == LINE_SIZE_MAX || c == '\0';
        if (*wrong)
            return NULL;
        line[size++] = (char)c;
    }
    if (size > 0 && line[size - 1] == '\r')
        size--;
    const char *token = pool_text(&batch->tokens, line, size);
    explicit_bzero(line, sizeof line);
    return token;
}

static size_t size_of(const struct batch *batch, const char *token)
{
    return CALL_SIZE + batch->common_size + strlen(token);
}

static void add(struct batch *batch, const char *token)
{
    struct postern_verify_request *call = &batch->calls[batch->count++];
    *call = batch->common;
    call->api_key = token;
    batch->size += size_of(batch, token);
}

// Lines up to what one request holds. False: one of them is no text, said so on stderr.
static bool gather(struct batch *batch)
{
    bool wrong = false;
    batch->count = batch->size = 0;
    for (const char *token; batch->count < POSTERN_BATCH_MAX; add(batch, token)) {
        token = batch->ahead != NULL ? batch->ahead : read_line(batch, &wrong);
        batch->ahead = NULL;
        if (token == NULL)
            break;
        if (batch->count > 0 && batch->size + size_of(batch, token) > ROOM_BYTES) {
            batch->ahead = token;
            break;
        }
    }
    if (wrong)
        misuse(batch->cli, "what came by standard input is not tokens, one on each line (at most %d bytes)",
               LINE_SIZE_MAX);
    return !wrong;
}

static size_t text_size(const char *text)
{
    return text != NULL ? strlen(text) + 4 : 0;
}

static void measure_common(struct batch *batch)
{
    const struct postern_verify_request *common = &batch->common;
    batch->common_size = text_size(common->account) + text_size(common->remote_address);
    for (size_t i = 0; i < common->scope_count; i++)
        batch->common_size += text_size(common->scopes[i]);
    for (size_t i = 0; i < common->charge_count; i++)
        batch->common_size += text_size(common->charges[i].resource) + 16;
}

// -------------------------------------------------------------------------------------------------------- answering

static void print_answer(const struct batch *batch, const struct postern_verify_batch_reply *reply, size_t n)
{
    const struct postern_verify_reply *answer = &reply->replies[n];
    const struct postern_batch_status *status = &reply->statuses[n];
    char id[DECIDE_ID_SIZE];
    if (status->status != POSTERN_OK) {
        printf("%s: %s\n", postern_status_name(status->status), status->message);
        return;
    }
    decide_print_verify(answer);
    if (answer->allowed && answer->has_charge_id && argument_has(batch->cli, "charge-id"))
        printf(", charge id %s", decide_id_text(answer->charge_id, id));
    if (answer->reason == POSTERN_REASON_RATE_LIMITED) {
        printf(", ");
        output_retry(answer->retry_after_ms);
    } else {
        putchar('\n');
    }
}

static void print_json(const struct postern_verify_batch_reply *reply)
{
    char ids[POSTERN_BATCH_MAX][DECIDE_ID_SIZE] = {""};
    const char *texts[POSTERN_BATCH_MAX];
    for (size_t i = 0; i < reply->reply_count; i++) {
        if (reply->replies[i].has_charge_id)
            decide_id_text(reply->replies[i].charge_id, ids[i]);
        texts[i] = ids[i];
    }
    output_json_batch(reply, "charge_id", texts);
}

static int ask(struct batch *batch)
{
    const struct postern_verify_batch_request request = {
        .calls = batch->calls, .call_count = batch->count, .atomic = argument_has(batch->cli, "atomic")};
    struct postern_verify_batch_reply *reply = NULL;
    if (postern_verify_batch(batch->cli->client, &request, &reply, &batch->cli->error) != POSTERN_OK)
        return call_failed(batch->cli);
    for (size_t i = 0; i < reply->reply_count; i++) {
        batch->all_allowed = batch->all_allowed && reply->replies[i].allowed;
        if (!batch->cli->json)
            print_answer(batch, reply, i);
    }
    if (batch->cli->json)
        print_json(reply);
    postern_reply_free(reply);
    return CLI_DONE;
}

// ------------------------------------------------------------------------------------------------------- the command

// Is there another line? (one that did not fit counts)
static bool has_more(struct batch *batch)
{
    if (batch->ahead != NULL)
        return true;
    int c = getchar();
    if (c != EOF)
        ungetc(c, stdin);
    return c != EOF;
}

// Forgets the tokens that have been asked about.
static void drop_tokens(struct batch *batch)
{
    struct pool old = batch->tokens;
    batch->tokens = (struct pool){0};
    if (batch->ahead != NULL)
        batch->ahead = pool_text(&batch->tokens, batch->ahead, strlen(batch->ahead));
    pool_wipe(&old);
}

static int ask_all(struct batch *batch)
{
    int status = CLI_DONE;
    while (status == CLI_DONE && has_more(batch)) {
        if (!gather(batch))
            return CLI_MISUSED;
        if (argument_has(batch->cli, "atomic") && has_more(batch))
            return misuse(batch->cli, "--atomic takes at most %d tokens, or fewer long ones; nobody was asked",
                          POSTERN_BATCH_MAX);
        status = ask(batch);
        fflush(stdout); // the answers to those that were asked, whatever comes
        drop_tokens(batch);
    }
    return status;
}

int verify_batch_run(struct cli *cli)
{
    struct batch batch = {.cli = cli, .all_allowed = true};
    if (!decide_read_verify(cli, &batch.common))
        return CLI_MISUSED;
    measure_common(&batch);
    int status = call_open(cli);
    if (status == CLI_DONE && !has_more(&batch))
        status = misuse(cli, "no tokens came by standard input: give one on each line");
    if (status == CLI_DONE)
        status = ask_all(&batch);
    pool_wipe(&batch.tokens);
    return status == CLI_DONE && !batch.all_allowed ? CLI_FAILED : status;
}
