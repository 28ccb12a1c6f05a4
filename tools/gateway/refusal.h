// Refusals of a request that a proxy asks about, in the words and the form that the API's users know.
#ifndef GATEWAY_REFUSAL_H
#define GATEWAY_REFUSAL_H

#include "gateway.h"
#include "json.h"

// What an answer of /auth other than 200 is made of.
struct refusal {
    unsigned status;
    const char *code;    // e.g. "RATE_LIMITED"
    const char *message; // for people; NULL: the one that the code has
    json_t *details;     // NULL: none; taken over
};

// Sets status and body. `is_nginx`: what nginx would make an error of itself (any other than 401 and 403) goes as 403,
// with the status and the body in X-Postern-Status and X-Postern-Body.
void refusal_answer(struct http_answer *answer, const struct refusal *refusal, enum options_error_body body,
                    bool is_nginx);

#endif
