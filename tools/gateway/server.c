// libmicrohttpd receives, sends and keeps connections alive, each of its threads those of its own epoll set. A request
// is collected in an exchange, the path from its head to the end of its body, and served as a whole.
#include "server.h"

#include "endpoint.h"
#include "json.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTION_BYTES = 32 * 1024,     // for the head of a request, and for that of its answer
    IGNORED_MAX = 16 * HTTP_BODY_MAX, // of a body that is too large, before its connection is cut
    STOP_TRIES = 500,                 // that often the end looks whether all is answered,
    STOP_PAUSE_NS = 10 * 1000 * 1000  // with this pause
};

struct server {
    const struct gateway *gateway;
    struct MHD_Daemon *daemon;
    atomic_size_t exchange_count; // that have begun and not ended
    atomic_bool is_stopping;
};

struct exchange {
    struct server *server;
    const char *target; // what stands behind the method
    bool is_begun;      // its head has been seen
    bool is_broken;     // there is a NUL in it, or too much of something
    char *body;         // of HTTP_BODY_MAX and a NUL; NULL: none has come
    size_t body_size;   // also of what was ignored
    struct http_request request;
    struct http_answer answer;
    struct pool pool;
};

// --------------------------------------------------------------------------------------------------- the request

// Begins an exchange as soon as the first line of the request is there.
static void *begin(void *context, const char *target, struct MHD_Connection *connection)
{
    struct server *server = context;
    struct exchange *exchange = malloc(sizeof *exchange);
    (void)connection;
    if (exchange == NULL)
        return NULL;
    memset(exchange, 0, offsetof(struct exchange, pool));
    pool_init(&exchange->pool);
    exchange->server = server;
    exchange->target = pool_copy(&exchange->pool, target, strlen(target));
    exchange->request.pool = exchange->answer.pool = &exchange->pool;
    atomic_fetch_add(&server->exchange_count, 1);
    return exchange;
}

static void end(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
    struct server *server = context;
    struct exchange *exchange = *state;
    (void)connection;
    (void)why;
    if (exchange == NULL)
        return;
    pool_wipe(&exchange->pool);
    free(exchange);
    *state = NULL;
    atomic_fetch_sub(&server->exchange_count, 1);
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

static void read_head(struct exchange *exchange, struct MHD_Connection *connection, const char *method)
{
    struct http_request *request = &exchange->request;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const char *target = skip_authority(exchange->target);
    size_t path_size = strcspn(target, "?");
    request->method = method;
    request->path = pool_copy(&exchange->pool, target, path_size);
    if (info != NULL && info->client_addr != NULL)
        memcpy(&request->peer, info->client_addr,
               info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, take_header, exchange);
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

static void serve(struct exchange *exchange)
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
        endpoint_serve(exchange->server->gateway, request, &exchange->answer);
}

static enum MHD_Result send_answer(struct exchange *exchange, struct MHD_Connection *connection)
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
            log_line(&exchange->server->gateway->log, LOG_LEVEL_WARNING, "cannot answer the header %s: left out",
                     answer->fields[i].name);
    if (atomic_load(&exchange->server->is_stopping))
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result queued = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result serve_part(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **state)
{
    struct exchange *exchange = *state;
    (void)context;
    (void)url; // decoded: the target is taken as it came
    (void)version;
    if (exchange == NULL)
        return MHD_NO; // there was no memory
    if (!exchange->is_begun) {
        exchange->is_begun = true;
        read_head(exchange, connection, method);
        return MHD_YES;
    }
    if (*upload_size > 0)
        return take_body(exchange, upload, upload_size);
    serve(exchange);
    return send_answer(exchange, connection);
}

// ------------------------------------------------------------------------------------------------ start and stop

static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static void log_library(void *context, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

static void log_library(void *context, const char *format, va_list arguments)
{
    const struct server *server = context;
    char text[512];
    int size = vsnprintf(text, sizeof text, format, arguments);
    size_t used = size > 0 && (size_t)size < sizeof text ? (size_t)size : 0;
    log_line(&server->gateway->log, LOG_LEVEL_DEBUG, "libmicrohttpd: %.*s",
             (int)(used - (used > 0 && text[used - 1] == '\n')), text);
}

static struct MHD_Daemon *start(struct server *server)
{
    const struct options *options = &server->gateway->options;
    bool is_v6 = options->listen_address.ss_family == AF_INET6;
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO | MHD_USE_ERROR_LOG | MHD_USE_ITC | (is_v6 ? MHD_USE_IPv6 : 0);
    return MHD_start_daemon(
        flags, 0, NULL, NULL, serve_part, server, MHD_OPTION_EXTERNAL_LOGGER, log_library, server, MHD_OPTION_SOCK_ADDR,
        &options->listen_address, MHD_OPTION_THREAD_POOL_SIZE, options->threads, MHD_OPTION_CONNECTION_LIMIT,
        options->connections, MHD_OPTION_CONNECTION_TIMEOUT, options->idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_URI_LOG_CALLBACK, begin, server, MHD_OPTION_NOTIFY_COMPLETED, end, server,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_END);
}

struct server *server_start(const struct gateway *gateway, unsigned *port)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return NULL;
    server->gateway = gateway;
    server->daemon = start(server);
    if (server->daemon == NULL) {
        log_line(&gateway->log, LOG_LEVEL_ERROR, "cannot listen on %s: %s", gateway->options.listen, strerror(errno));
        free(server);
        return NULL;
    }
    *port = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    return server;
}

void server_stop(struct server *server)
{
    if (server == NULL)
        return;
    atomic_store(&server->is_stopping, true);
    int listener = MHD_quiesce_daemon(server->daemon);
    for (int i = 0; i < STOP_TRIES && atomic_load(&server->exchange_count) > 0; i++)
        (void)nanosleep(&(struct timespec){.tv_nsec = STOP_PAUSE_NS}, NULL);
    MHD_stop_daemon(server->daemon);
    if (listener >= 0)
        (void)close(listener);
    free(server);
}
