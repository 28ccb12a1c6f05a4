// What a caller sends to the gateway's own paths. The input is a path, maybe with '?' and a query, then a newline, then
// a body. It is sent with each method, by a caller with a token, while posternd is not there: so whatever is right is
// 503, and nothing but a file of the gateway's own is 200.
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static bool is_file(const struct endpoint *endpoint)
{
    return strncmp(endpoint->path, "/console", 8) == 0 || strcmp(endpoint->path, "/v1/openapi.json") == 0;
}

// A problem of RFC 9457, which repeats the status.
static void demand_problem(const struct http_answer *answer)
{
    json_t *problem = json_loadb(answer->body, answer->body_size, JSON_REJECT_DUPLICATES, NULL);
    demand(json_integer_value(json_object_get(problem, "status")) == answer->status);
    demand(json_is_string(json_object_get(problem, "detail")) && json_is_string(json_object_get(problem, "code")));
    json_decref(problem);
}

static void send_request(const struct gateway *gateway, const struct http_request *like, const char *method)
{
    struct http_request request = *like;
    struct http_answer answer = {.pool = like->pool};
    request.method = method;
    const struct endpoint *endpoint = endpoint_find(&request, &answer);
    if (endpoint != NULL && endpoint->handle == NULL)
        return; // it goes on in an event loop
    if (endpoint != NULL)
        endpoint->handle(gateway, &request, &answer);
    bool is_well = endpoint != NULL && (is_file(endpoint) || strcmp(endpoint->path, "/healthz") == 0);
    demand((answer.status >= 400 && answer.status <= 503) || (answer.status == 200 && is_well));
    if (answer.status != 200)
        demand_problem(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "POST", "PATCH", "DELETE"};
    const struct postern_options nobody = {.url = "ipc:///nonexistent/postern.sock", .api_key = "", .fail_fast = true};
    struct gateway gateway = {.log = {.fd = -1}};
    struct pool pool;
    pool_init(&pool);
    struct http_request *request = pool_take(&pool, 1, sizeof *request);
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t first_size = newline != NULL ? (size_t)(newline - data) : size;
    char *path = pool_copy(&pool, data, first_size), *query = strchr(path, '?');
    if (query != NULL)
        *query++ = '\0';
    request->pool = &pool;
    request->path = path;
    request->body_size = newline != NULL ? size - first_size - 1 : 0;
    request->body = pool_copy(&pool, newline != NULL ? newline + 1 : data, request->body_size);
    request->headers[0] = (struct http_field){"Authorization", "Bearer token"};
    request->headers[1] = (struct http_field){"Content-Type", "application/json"};
    request->header_count = 2;
    demand(postern_open(&nobody, &gateway.client, NULL) == POSTERN_OK);
    if (query == NULL || http_parse_form(&pool, query, request->query, HTTP_QUERY_MAX, &request->query_count))
        for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
            send_request(&gateway, request, methods[i]);
    postern_close(gateway.client);
    pool_wipe(&pool);
    return 0;
}
