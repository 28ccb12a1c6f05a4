// Values become text in the pool of the exchange, so that nobody has to free them.
#include "json.h"

#include <string.h>

static const struct {
    unsigned status;
    const char *title;
} titles[] = {
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

const char *json_status_title(unsigned status)
{
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

void json_answer(struct http_answer *answer, unsigned status, const char *content_type, json_t *value)
{
    const size_t flags = JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY;
    size_t size = json_dumpb(value, NULL, 0, flags);
    char *text = pool_take(answer->pool, size + 1, 1);
    (void)json_dumpb(value, text, size, flags);
    json_decref(value);
    http_body(answer, status, content_type, text, size);
}

void json_problem_with(struct http_answer *answer, unsigned status, const char *code, const char *detail, json_t *more)
{
    json_t *problem = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank", "title", json_status_title(status),
                                "status", (int)status, "detail", detail, "code", code);
    (void)json_object_update(problem, more);
    json_decref(more);
    json_answer(answer, status, "application/problem+json", problem);
}

void json_problem(struct http_answer *answer, unsigned status, const char *code, const char *detail)
{
    json_problem_with(answer, status, code, detail, NULL);
}
