// The statuses of gRPC as those of HTTP, by one table.
#include "failure.h"

#include "json.h"

static const struct {
    enum postern_status status;
    unsigned http_status;
} rows[] = {
    {POSTERN_INVALID_ARGUMENT, 400},    {POSTERN_OUT_OF_RANGE, 400}, {POSTERN_UNAUTHENTICATED, 401},
    {POSTERN_PERMISSION_DENIED, 403},   {POSTERN_NOT_FOUND, 404},    {POSTERN_ALREADY_EXISTS, 409},
    {POSTERN_FAILED_PRECONDITION, 409}, {POSTERN_ABORTED, 412},      {POSTERN_RESOURCE_EXHAUSTED, 429},
};

unsigned failure_http_status(const struct postern_error *error)
{
    for (size_t i = 0; error->answered && i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == error->status)
            return rows[i].http_status;
    return 503;
}

void failure_answer(struct http_answer *answer, const struct postern_error *error)
{
    unsigned status = failure_http_status(error);
    const char *code = error->reason[0] != '\0' ? error->reason : postern_status_name(error->status);
    json_t *more = error->field[0] != '\0' ? json_pack("{s:s}", "field", error->field) : NULL;
    if (status == 401)
        http_add_format(answer, "WWW-Authenticate", "Bearer realm=\"postern\", error=\"invalid_token\"");
    if (error->retry_after_ms > 0)
        http_add_format(answer, "Retry-After", "%u", error->retry_after_ms / 1000 + (error->retry_after_ms % 1000 > 0));
    json_problem_with(answer, status, code, error->message, more);
}
