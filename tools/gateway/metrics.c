// The same text that `postern stats --prometheus` prints, which posternd makes.
#include "metrics.h"

#include "credential.h"
#include "failure.h"

#include <string.h>

// Joins the lines.
static char *text_of(struct pool *pool, const struct postern_stats_reply *reply, size_t *size)
{
    *size = 0;
    for (size_t i = 0; i < reply->metrics_count; i++)
        *size += strlen(reply->metrics[i]) + 1;
    char *text = pool_take(pool, 1, *size + 1), *end = text;
    for (size_t i = 0; i < reply->metrics_count; i++) {
        end = stpcpy(end, reply->metrics[i]);
        *end++ = '\n';
    }
    return text;
}

void metrics_answer(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct postern_stats_request ask = {.metrics = true};
    struct postern_stats_reply *reply = NULL;
    struct postern_error error;
    size_t size;
    http_add(answer, "Cache-Control", "no-store");
    ask.call.api_key = credential_need(request, answer);
    if (ask.call.api_key == NULL)
        return;
    if (postern_stats(gateway->client, &ask, &reply, &error) != POSTERN_OK) {
        failure_answer(answer, &error);
        return;
    }
    const char *text = text_of(request->pool, reply, &size);
    http_body(answer, 200, "text/plain; version=0.0.4; charset=utf-8", text, size);
    postern_reply_free(reply);
}
