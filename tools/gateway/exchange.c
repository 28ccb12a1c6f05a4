// A request is collected until it is whole. Then it is answered at once, or its connection is suspended: by a started
// call to posternd, which ends in the loop's own thread, or by a handler that waits, in another thread.
#include "exchange.h"

#include "json.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>

enum { IGNORED_MAX = 16 * HTTP_BODY_MAX }; // of a body that is too large, before its connection is cut

enum stage { STAGE_HEAD, STAGE_BODY, STAGE_SUSPENDED, STAGE_ANSWERED };

struct exchange {
    struct exchange_home *home;
    struct MHD_Connection *connection;
    struct exchange *next;
    const struct endpoint *endpoint;
    enum stage stage;
    bool is_broken;     // there is a NUL in it, or too much of something
    const char *target; // what stands behind the method
    char *body;         // of HTTP_BODY_MAX and a NUL; NULL: none has come
    size_t body_size;   // also of what was ignored
    struct http_answer answer;
    struct http_request request;
    struct pool pool;
};

// --------------------------------------------------------------------------------------------------- the request

// Begins an exchange as soon as the first line of the request is there.
void *exchange_begin(void *context, const char *target, struct MHD_Connection *connection)
{
    struct exchange *exchange = malloc(sizeof *exchange);
    if (exchange == NULL)
        return NULL;
    memset(exchange, 0, offsetof(struct exchange, answer));
    http_init(&exchange->request, &exchange->answer, &exchange->pool);
    exchange->home = context;
    exchange->home->count++;
    exchange->connection = connection;
    exchange->target = pool_copy(&exchange->pool, target, strlen(target));
    return exchange;
}

void exchange_end(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
    struct exchange *exchange = *state;
    (void)context;
    (void)connection;
    (void)why;
    if (exchange == NULL)
        return;
    exchange->home->count--;
    exchange->home->suspended -= exchange->stage == STAGE_SUSPENDED;
    pool_wipe(&exchange->pool);
    free(exchange);
    *state = NULL;
}

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name, size_t name_size,
                                   const char *value, size_t value_size)
{
    struct exchange *exchange = context;
    struct http_request *request = &exchange->request;
    (void)kind;
    if (value == NULL)
        value = "";
    if (strlen(name) != name_size || strlen(value) != value_size || request->header_count == HTTP_HEADERS_MAX) {
        exchange->is_broken = true;
        return MHD_NO;
    }
    request->headers[request->header_count++] = (struct http_field){name, value};
    return MHD_YES;
}

// Skips "http://host" of a target in absolute form, as RFC 9112 wants.
static const char *skip_authority(const char *target)
{
    size_t scheme = strncasecmp(target, "http://", 7) == 0 ? 7 : strncasecmp(target, "https://", 8) == 0 ? 8 : 0;
    return scheme > 0 ? target + scheme + strcspn(target + scheme, "/?") : target;
}

static void read_head(struct exchange *exchange, const char *method)
{
    struct http_request *request = &exchange->request;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const char *target = skip_authority(exchange->target);
    size_t path_size = strcspn(target, "?");
    request->method = method;
    request->path = pool_copy(&exchange->pool, target, path_size);
    if (info != NULL && info->client_addr != NULL)
        memcpy(&request->peer, info->client_addr,
               info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    (void)MHD_get_connection_values_n(exchange->connection, MHD_HEADER_KIND, take_header, exchange);
    if (target[path_size] == '?' && !http_parse_form(&exchange->pool, target + path_size + 1, request->query,
                                                     HTTP_QUERY_MAX, &request->query_count))
        exchange->is_broken = true;
}

static enum MHD_Result take_body(struct exchange *exchange, const char *bytes, size_t *size)
{
    if (exchange->body == NULL)
        exchange->body = pool_take(&exchange->pool, HTTP_BODY_MAX + 1, 1);
    if (exchange->body_size + *size <= HTTP_BODY_MAX)
        memcpy(exchange->body + exchange->body_size, bytes, *size);
    exchange->body_size += *size;
    *size = 0;
    return exchange->body_size <= IGNORED_MAX ? MHD_YES : MHD_NO;
}

// ---------------------------------------------------------------------------------------------------- the answer

static enum MHD_Result send_answer(struct exchange *exchange)
{
    const struct http_answer *answer = &exchange->answer;
    union {
        const char *read_only;
        void *bytes;
    } body = {answer->body}; // libmicrohttpd leaves it alone
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->body_size, body.bytes, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return MHD_NO;
    for (size_t i = 0; i < answer->field_count; i++)
        if (MHD_add_response_header(response, answer->fields[i].name, answer->fields[i].value) != MHD_YES)
            log_line(&exchange->home->gateway->log, LOG_LEVEL_WARNING, "cannot answer the header %s: left out",
                     answer->fields[i].name);
    if (exchange->home->is_stopping)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result queued = MHD_queue_response(exchange->connection, answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

// Finds who answers; NULL when the answer is there: the request is refused.
static const struct endpoint *find_endpoint(struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    request->body = exchange->body != NULL ? exchange->body : "";
    request->body_size = exchange->body_size;
    if (exchange->is_broken)
        json_problem(&exchange->answer, 400, "MALFORMED_REQUEST",
                     "the request has a broken escape, a NUL, or too many headers or query values");
    else if (exchange->body_size > HTTP_BODY_MAX)
        json_problem(&exchange->answer, 413, "CONTENT_TOO_LARGE", "a body may have 64 KiB at most");
    else
        return endpoint_find(request, &exchange->answer);
    return NULL;
}

// In the loop's own thread.
static void go_on(void *context)
{
    struct exchange *exchange = context;
    exchange->home->has_resumed = true;
    MHD_resume_connection(exchange->connection);
}

static enum MHD_Result serve(struct exchange *exchange)
{
    struct exchange_home *home = exchange->home;
    const struct endpoint *endpoint = exchange->endpoint = find_endpoint(exchange);
    if (endpoint == NULL)
        return send_answer(exchange);
    if (endpoint->start != NULL) {
        const struct endpoint_loop loop = {home->client, go_on, exchange};
        if (endpoint->start(home->gateway, &loop, &exchange->request, &exchange->answer))
            return send_answer(exchange);
    }
    exchange->stage = STAGE_SUSPENDED;
    home->suspended++;
    MHD_suspend_connection(exchange->connection);
    if (endpoint->start == NULL)
        home->hand_over(home->context, exchange);
    return MHD_YES;
}

void exchange_run(struct exchange *exchange)
{
    int alarm = exchange->home->alarm;
    exchange->endpoint->handle(exchange->home->gateway, &exchange->request, &exchange->answer);
    MHD_resume_connection(exchange->connection);
    (void)eventfd_write(alarm, 1);
}

struct exchange **exchange_next(struct exchange *exchange)
{
    return &exchange->next;
}

enum MHD_Result exchange_take(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **state)
{
    struct exchange *exchange = *state;
    (void)context;
    (void)connection;
    (void)url; // decoded: the target is taken as it came
    (void)version;
    if (exchange == NULL)
        return MHD_NO; // there was no memory
    switch (exchange->stage) {
    case STAGE_HEAD:
        exchange->stage = STAGE_BODY;
        read_head(exchange, method);
        return MHD_YES;
    case STAGE_BODY:
        return *upload_size > 0 ? take_body(exchange, upload, upload_size) : serve(exchange);
    case STAGE_SUSPENDED:
        exchange->stage = STAGE_ANSWERED;
        exchange->home->suspended--;
        return send_answer(exchange);
    case STAGE_ANSWERED:
        break;
    }
    return MHD_NO;
}
