// What handlers ask of a request and say in an answer; the forms of text that HTTP has for values.
#include "http.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

// ----------------------------------------------------------------------------------------------------- request

void http_init(struct http_request *request, struct http_answer *answer, struct pool *pool)
{
    pool_init(pool);
    request->pool = answer->pool = pool;
    request->method = request->path = request->body = request->rest = answer->body = NULL;
    request->query_count = request->header_count = request->segment_count = answer->field_count = 0;
    request->body_size = answer->body_size = 0;
    request->peer.ss_family = AF_UNSPEC;
    answer->status = 0;
}

const char *http_header(const struct http_request *request, const char *name, size_t *count)
{
    const char *found = NULL;
    size_t n = 0;
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0 && n++ == 0)
            found = request->headers[i].value;
    if (count != NULL)
        *count = n;
    return found;
}

const char *http_query(const struct http_request *request, const char *name, size_t *count)
{
    const char *found = NULL;
    size_t n = 0;
    for (size_t i = 0; i < request->query_count; i++)
        if (strcmp(request->query[i].name, name) == 0 && n++ == 0)
            found = request->query[i].value;
    if (count != NULL)
        *count = n;
    return found;
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    int letter = digit | 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

char *http_decode(struct pool *pool, const char *text, size_t size, bool is_form)
{
    char *out = pool_take(pool, size + 1, 1);
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '%') {
            int high = size - i > 2 ? hex_value(text[i + 1]) : -1, low = size - i > 2 ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && is_form) {
            c = ' ';
        }
        if (c == '\0')
            return NULL;
        out[used++] = c;
    }
    return out;
}

bool http_parse_form(struct pool *pool, const char *text, struct http_field *fields, size_t max, size_t *count)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "&"), name_size = strcspn(text, "=&");
        size_t value_at = name_size < size ? name_size + 1 : size;
        struct http_field field = {.name = http_decode(pool, text, name_size, true),
                                   .value = http_decode(pool, text + value_at, size - value_at, true)};
        if (field.name == NULL || field.value == NULL || *count == max)
            return false;
        if (size > 0)
            fields[(*count)++] = field;
        text += size + (text[size] == '&');
    }
    return true;
}

// ------------------------------------------------------------------------------------------------------ answer

void http_add(struct http_answer *answer, const char *name, const char *value)
{
    if (value[0] != '\0' && answer->field_count < HTTP_ANSWER_FIELDS_MAX)
        answer->fields[answer->field_count++] = (struct http_field){name, value};
}

void http_add_format(struct http_answer *answer, const char *name, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size > 0 && (size_t)size < sizeof text)
        http_add(answer, name, pool_copy(answer->pool, text, (size_t)size));
}

void http_body(struct http_answer *answer, unsigned status, const char *content_type, const char *body, size_t size)
{
    answer->status = status;
    answer->body = body;
    answer->body_size = size;
    http_add(answer, "Content-Type", content_type);
}
