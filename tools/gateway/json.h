// JSON bodies of answers, also RFC 9457 problems.
#ifndef GATEWAY_JSON_H
#define GATEWAY_JSON_H

#include "http.h"

#include <jansson.h>

// Sets status and body; takes over the value. What is not ASCII is escaped.
void json_answer(struct http_answer *answer, unsigned status, const char *content_type, json_t *value);
// A problem (RFC 9457, application/problem+json). `code`: upper-case word for programs, e.g. "NOT_FOUND". `detail`: for
// people: what was wrong and what to do.
void json_problem(struct http_answer *answer, unsigned status, const char *code, const char *detail);
// The same with more members; takes over `more`.
void json_problem_with(struct http_answer *answer, unsigned status, const char *code, const char *detail, json_t *more);
// The words of a status, e.g. "Not Found".
const char *json_status_title(unsigned status);

#endif
