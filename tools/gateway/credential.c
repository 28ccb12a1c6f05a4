// Reads the token strictly: where a proxy and the gateway could take two headers for two callers, neither is taken.
#include "credential.h"

#include "json.h"

#include <string.h>
#include <strings.h>

enum { TOKEN_MAX = 4096 }; // far more than any token has; the rest of a request to posternd needs room, too

// Visible ASCII, as in RFC 6750 and more: posternd says what is wrong with a token.
static bool is_token(const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return size > 0 && size <= TOKEN_MAX;
}

enum credential_found credential_take(const struct http_request *request, const char *name, const char **token)
{
    size_t count = 0;
    const char *value = http_header(request, name, &count);
    if (count == 0)
        return CREDENTIAL_MISSING;
    if (count > 1)
        return CREDENTIAL_MALFORMED;
    if (strcasecmp(name, "Authorization") == 0) {
        if (strncasecmp(value, "Bearer", 6) != 0 || value[6] != ' ')
            return CREDENTIAL_MALFORMED;
        value += 6 + strspn(value + 6, " ");
    }
    *token = value;
    return is_token(value) ? CREDENTIAL_FOUND : CREDENTIAL_MALFORMED;
}

const char *credential_need(const struct http_request *request, struct http_answer *answer)
{
    const char *token = NULL;
    if (credential_take(request, "Authorization", &token) == CREDENTIAL_FOUND)
        return token;
    http_add(answer, "WWW-Authenticate", "Bearer realm=\"postern\"");
    json_problem(answer, 401, "UNAUTHENTICATED", "send one header \"Authorization: Bearer TOKEN\"");
    return NULL;
}
