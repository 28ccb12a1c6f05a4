// Three forms of body: {"success":false,"error":"text"}, {"success":false,"error":{...}}, and a problem (RFC 9457).
#include "refusal.h"

#include <string.h>

static const struct {
    const char *code;
    const char *message;
} messages[] = {
    {"MISSING_API_KEY", "An API key is required."},
    {"INVALID_API_KEY", "The API key is not valid."},
    {"REVOKED_API_KEY", "The API key has been revoked."},
    {"EXPIRED_API_KEY", "The API key has expired."},
    {"DISABLED_API_KEY", "The API key is disabled."},
    {"NOT_YET_VALID_API_KEY", "The API key is not valid yet."},
    {"ACCOUNT_SUSPENDED", "The account is suspended."},
    {"WRONG_ACCOUNT", "The API key belongs to another account."},
    {"WRONG_ENVIRONMENT", "The API key is for another environment."},
    {"SECRET_KEY_REQUIRED", "A secret API key is required here."},
    {"ADDRESS_NOT_ALLOWED", "The API key may not be used from this address."},
    {"INSUFFICIENT_SCOPE", "The API key does not have the permission for this."},
    {"RATE_LIMITED", "Too many requests. Try again later."},
    {"COST_EXCEEDS_LIMIT", "The request costs more than the limit allows at once."},
    {"NO_ROUTE", "There is nothing here for API keys."},
    {"AMBIGUOUS_PATH", "The path can be read in more than one way."},
    {"UNAVAILABLE", "The request cannot be authorized now. Try again soon."},
};

static const char *message_of(const struct refusal *refusal)
{
    for (size_t i = 0; refusal->message == NULL && i < sizeof messages / sizeof *messages; i++)
        if (strcmp(messages[i].code, refusal->code) == 0)
            return messages[i].message;
    return refusal->message != NULL ? refusal->message : "The request is refused.";
}

static json_t *object_of(const struct refusal *refusal)
{
    json_t *error = json_pack("{s:s, s:s}", "code", refusal->code, "message", message_of(refusal));
    (void)json_object_set(error, "details", refusal->details);
    return error;
}

static void set_body(struct http_answer *answer, const struct refusal *refusal, enum options_error_body body)
{
    switch (body) {
    case OPTIONS_BODY_TEXT:
        json_answer(answer, refusal->status, "application/json",
                    json_pack("{s:b, s:s}", "success", 0, "error", message_of(refusal)));
        return;
    case OPTIONS_BODY_OBJECT:
        json_answer(answer, refusal->status, "application/json",
                    json_pack("{s:b, s:o}", "success", 0, "error", object_of(refusal)));
        return;
    case OPTIONS_BODY_PROBLEM:
        json_problem_with(answer, refusal->status, refusal->code, message_of(refusal),
                          refusal->details != NULL ? json_pack("{s:O}", "details", refusal->details) : NULL);
        return;
    }
}

void refusal_answer(struct http_answer *answer, const struct refusal *refusal, enum options_error_body body,
                    bool is_nginx)
{
    set_body(answer, refusal, body);
    json_decref(refusal->details);
    if (!is_nginx)
        return;
    http_add_format(answer, "X-Postern-Status", "%u", refusal->status);
    http_add(answer, "X-Postern-Body", answer->body);
    answer->status = refusal->status == 401 ? 401 : 403;
    answer->body_size = 0; // nginx reads none
}
