// Serves the files with headers under which a browser runs nothing but them, in no frame, and asks nobody else.
#include "console.h"

#include "asset.h"
#include "json.h"

#include <string.h>

#define CONTENT_SECURITY_POLICY                                                                                        \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "   \
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

static const struct http_field fields[] = {
    {"Content-Security-Policy", CONTENT_SECURITY_POLICY},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
    {"Cache-Control", "no-cache"},
};

static const struct {
    const char *ending;
    const char *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".json", "application/json"},
};

static const char *type_of(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(strrchr(name, '.'), types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}

static void serve(struct http_answer *answer, const char *name)
{
    const struct asset *asset = assets;
    while (asset->name != NULL && strcmp(asset->name, name) != 0)
        asset++;
    if (asset->name == NULL) {
        json_problem(answer, 404, "NOT_FOUND", "the console has no such file: open /console");
        return;
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        http_add(answer, fields[i].name, fields[i].value);
    http_body(answer, 200, type_of(asset->name), (const char *)asset->bytes, asset->size);
}

void console_page(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    (void)gateway;
    (void)request;
    serve(answer, "index.html");
}

void console_file(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    (void)gateway;
    serve(answer, request->segments[0]);
}

void console_openapi(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    (void)gateway;
    (void)request;
    serve(answer, "openapi.json");
}
