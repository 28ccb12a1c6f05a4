// The web console: static files, which ask /v1 in the name of whoever signs in on the page.
#ifndef GATEWAY_CONSOLE_H
#define GATEWAY_CONSOLE_H

#include "gateway.h"

// The page.
void console_page(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
// A file that the page loads.
void console_file(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
// The description of /v1, for programs (OpenAPI 3.1).
void console_openapi(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);

#endif
