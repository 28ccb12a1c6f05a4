// The token that a request brings.
#ifndef GATEWAY_CREDENTIAL_H
#define GATEWAY_CREDENTIAL_H

#include "http.h"

enum credential_found { CREDENTIAL_FOUND, CREDENTIAL_MISSING, CREDENTIAL_MALFORMED };

// Takes the token from the header `name`, which for "Authorization" has the form "Bearer TOKEN". MALFORMED: there are
// several, another scheme, or nothing that can be a token.
enum credential_found credential_take(const struct http_request *request, const char *name, const char **token);
// For calls on behalf of who asks: the token of "Authorization: Bearer". NULL: there is none; the answer says so (401).
const char *credential_need(const struct http_request *request, struct http_answer *answer);

#endif
