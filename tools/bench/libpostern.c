// The caller that uses libpostern: a Verify with one scope, through one handle for all threads.
#include "caller.h"

#include <postern/postern.h>
#include <stdio.h>
#include <stdlib.h>

struct line {
    struct postern *client;
    struct caller_target target;
};

static void *open_line(const struct caller_target *target, char failure[WIRE_TEXT_MAX])
{
    struct postern_error error;
    const struct postern_options options = {.url = target->url, .api_key = ""};
    struct line *line = process_need(1, sizeof *line);
    if (postern_open(&options, &line->client, &error) == POSTERN_OK) {
        line->target = *target;
        return line;
    }
    snprintf(failure, WIRE_TEXT_MAX, "%.200s", error.message);
    free(line);
    return NULL;
}

static bool ask(void *argument, char failure[WIRE_TEXT_MAX])
{
    struct line *line = argument;
    const struct postern_verify_request request = {
        .api_key = line->target.token, .scopes = &line->target.scope, .scope_count = 1};
    struct postern_verify_reply *reply = NULL;
    struct postern_error error;
    const enum postern_status status = postern_verify(line->client, &request, &reply, &error);
    const bool allowed = status == POSTERN_OK && reply->allowed;
    if (status != POSTERN_OK)
        snprintf(failure, WIRE_TEXT_MAX, "%s: %.200s", postern_status_name(status), error.message);
    else if (!allowed)
        snprintf(failure, WIRE_TEXT_MAX, "refused: %s", postern_reason_name(reply->reason));
    postern_reply_free(reply);
    return allowed;
}

static void close_line(void *argument)
{
    struct line *line = argument;
    postern_close(line->client);
    free(line);
}

const struct caller_kind caller_postern = {
    .name = "libpostern", .shared = true, .open = open_line, .ask = ask, .close = close_line};
