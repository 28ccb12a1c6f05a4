// The proxy's or the service manager's question whether the gateway is of use.
#include "health.h"

#include "json.h"

void health_answer(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct postern_health_reply *reply = NULL;
    struct postern_error error = {0};
    http_add(answer, "Cache-Control", "no-store");
    if (http_query(request, "live", NULL) != NULL) {
        json_answer(answer, 200, "application/json", json_pack("{s:s}", "status", "live"));
        return;
    }
    bool is_fine = postern_health(gateway->client, NULL, &reply, &error) == POSTERN_OK;
    if (is_fine && reply->serving)
        json_answer(answer, 200, "application/json", json_pack("{s:s}", "status", "serving"));
    else
        json_problem(answer, 503, "UNAVAILABLE", is_fine ? "posternd does not serve now" : error.message);
    postern_reply_free(reply);
}
