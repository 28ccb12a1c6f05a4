// A request and its answer, as the gateway's handlers see them; whatever makes them of bytes is in server.c.
//
// Owns: everything that a request or an answer points to is in the pool of the exchange, or constant.
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#include "pool.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    HTTP_BODY_MAX = 64 * 1024,
    HTTP_HEADERS_MAX = 128,
    HTTP_QUERY_MAX = 64,
    HTTP_ANSWER_FIELDS_MAX = 48,
    HTTP_SEGMENTS_MAX = 8
};

struct http_field {
    const char *name;
    const char *value;
};

struct http_request {
    struct pool *pool;
    const char *method;                      // "GET"
    const char *path;                        // as it came, without what is behind '?'
    struct http_field query[HTTP_QUERY_MAX]; // decoded
    size_t query_count;
    struct http_field headers[HTTP_HEADERS_MAX];
    size_t header_count;
    const char *body; // NUL behind it
    size_t body_size;
    struct sockaddr_storage peer;
    const char *segments[HTTP_SEGMENTS_MAX]; // decoded: what each '*' of the endpoint's pattern stands for
    size_t segment_count;
    const char *rest; // what its "**" stands for, as it came, e.g. "/a/b"; NULL: it has none
};

struct http_answer {
    struct pool *pool;
    unsigned status;
    struct http_field fields[HTTP_ANSWER_FIELDS_MAX];
    size_t field_count;
    const char *body;
    size_t body_size;
};

// Makes both empty, and the pool. Arrays stay as they are, behind their counts: they are large, and one is made for
// each request.
void http_init(struct http_request *request, struct http_answer *answer, struct pool *pool);

// The value of the header with that name, in any case. NULL: there is none. `count`, unless NULL: how many there are;
// whoever decides by a header refuses several.
const char *http_header(const struct http_request *request, const char *name, size_t *count);
// The same of the query.
const char *http_query(const struct http_request *request, const char *name, size_t *count);

// Adds the values of "a=b&c=d", decoded. False when there are too many, or one holds a NUL or a broken escape.
bool http_parse_form(struct pool *pool, const char *text, struct http_field *fields, size_t max, size_t *count);
// Decodes "%2F", and '+' as a blank where `is_form`. NULL when an escape is broken or stands for NUL.
char *http_decode(struct pool *pool, const char *text, size_t size, bool is_form);

// Adds a header; an empty value is none.
void http_add(struct http_answer *answer, const char *name, const char *value);
void http_add_format(struct http_answer *answer, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Sets the status and the body, which is in the pool or constant.
void http_body(struct http_answer *answer, unsigned status, const char *content_type, const char *body, size_t size);

#endif
