// How each setting is named, explained, read from text and checked.
#include "setting.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static const char *set_text(char to[OPTIONS_TEXT_SIZE], const char *text)
{
    if (text[0] == '\0')
        return "is empty";
    if (strlen(text) >= OPTIONS_TEXT_SIZE)
        return "is longer than 255 bytes";
    memcpy(to, text, strlen(text) + 1);
    return NULL;
}

// A decimal number without sign or blanks.
static bool read_number(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long value = digits > 0 && digits <= 9 && text[digits] == '\0' ? strtoul(text, NULL, 10) : UINT32_MAX;
    if (value < min || value > max)
        return false;
    *out = (uint32_t)value;
    return true;
}

static const char *set_url(struct options *options, const char *text)
{
    return set_text(options->url, text);
}

// ADDRESS:PORT, an IPv6 address in brackets.
static bool parse_address(const char *text, struct sockaddr_storage *out)
{
    const char *colon = strrchr(text, ':');
    char host[64] = "";
    uint32_t port = 0;
    size_t size = colon != NULL ? (size_t)(colon - text) : 0;
    bool is_v6 = size > 2 && text[0] == '[' && text[size - 1] == ']';
    if (size == 0 || size >= sizeof host || !read_number(colon + 1, 0, 65535, &port))
        return false;
    memcpy(host, text + is_v6, size - 2 * is_v6);
    *out = (struct sockaddr_storage){0};
    if (is_v6) {
        struct sockaddr_in6 *v6 = (void *)out;
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
        return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
    }
    struct sockaddr_in *v4 = (void *)out;
    *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

static const char *set_listen(struct options *options, const char *text)
{
    const char *why = set_text(options->listen, text);
    if (why != NULL)
        return why;
    return parse_address(text, &options->listen_address)
               ? NULL
               : "is no address in numbers with a port; write for example 127.0.0.1:8099 or [::1]:8099";
}

static const char *set_threads(struct options *options, const char *text)
{
    return read_number(text, 1, 1024, &options->threads) ? NULL : "is no number from 1 to 1024";
}

static const char *set_workers(struct options *options, const char *text)
{
    return read_number(text, 1, 1024, &options->workers) ? NULL : "is no number from 1 to 1024";
}

static const char *set_connections(struct options *options, const char *text)
{
    return read_number(text, 1, 1000000, &options->connections) ? NULL : "is no number from 1 to 1000000";
}

static const char *set_timeout(struct options *options, const char *text)
{
    return read_number(text, 1, 600000, &options->timeout_ms) ? NULL : "is no number of milliseconds from 1 to 600000";
}

static const char *set_idle(struct options *options, const char *text)
{
    return read_number(text, 1, 86400, &options->idle_s) ? NULL : "is no number of seconds from 1 to 86400";
}

static const char *set_log_level(struct options *options, const char *text)
{
    int level = log_level_parse(text);
    if (level < 0)
        return "is no level; write error, warning, info or debug";
    options->log_level = (enum log_level)level;
    return NULL;
}

// A field-name of HTTP.
static const char *set_header(char to[OPTIONS_TEXT_SIZE], const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (!(*c >= '0' && *c <= '9') && !((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z') && *c != '-')
            return "is no name of a header; write for example X-API-Key";
    return set_text(to, text);
}

static const char *set_key_header(struct options *options, const char *text)
{
    return set_header(options->key_header, text);
}

static const char *set_address_header(struct options *options, const char *text)
{
    return set_header(options->address_header, text);
}

static const char *set_uri_header(struct options *options, const char *text)
{
    return set_header(options->uri_header, text);
}

static const char *set_method_header(struct options *options, const char *text)
{
    return set_header(options->method_header, text);
}

static const char *set_trusted_proxy(struct options *options, const char *text)
{
    if (options->trusted_count == OPTIONS_TRUSTED_MAX)
        return "is one more than 64 networks";
    if (!address_parse_network(text, &options->trusted[options->trusted_count]))
        return "is no network; write for example 10.0.0.0/8 or ::1";
    options->trusted_count++;
    return NULL;
}

static const char *set_switch(bool *to, const char *text)
{
    *to = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0;
    return *to || strcmp(text, "false") == 0 || strcmp(text, "no") == 0 ? NULL : "is neither true nor false";
}

static const char *set_ask_headers(struct options *options, const char *text)
{
    return set_switch(&options->ask_headers, text);
}

static const char *set_nginx(struct options *options, const char *text)
{
    return set_switch(&options->nginx, text);
}

static const char *set_when_unavailable(struct options *options, const char *text)
{
    options->allow_when_unavailable = strcmp(text, "allow") == 0;
    return options->allow_when_unavailable || strcmp(text, "refuse") == 0 ? NULL : "is neither refuse nor allow";
}

static const char *set_error_body(struct options *options, const char *text)
{
    static const char *const names[] = {"text", "object", "problem"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            options->error_body = (enum options_error_body)i;
            return NULL;
        }
    return "is none of text, object, problem";
}

const struct setting setting_table[SETTING_COUNT] = {
    {"url", "URL", "where posternd listens (or POSTERN_URL)", set_url, false},
    {"listen", "ADDRESS:PORT", "where proxies ask; default 127.0.0.1:8099, port 0: any", set_listen, false},
    {"threads", "N", "how many threads answer /auth; default 2", set_threads, false},
    {"workers", "N", "how many other requests are answered at once; default 16", set_workers, false},
    {"connections", "N", "how many connections each thread may have; default 4096", set_connections, false},
    {"timeout-ms", "N", "how long a call to posternd may take; default 2000", set_timeout, false},
    {"idle-s", "N", "seconds after which a silent connection is closed; default 60", set_idle, false},
    {"log-level", "LEVEL", "error, warning, info or debug; default info", set_log_level, false},
    {"key-header", "NAME", "the header that has the key; default Authorization, as Bearer", set_key_header, false},
    {"trusted-proxy", "NETWORK", "whose word about addresses is taken; default 127.0.0.0/8 and ::1", set_trusted_proxy,
     true},
    {"address-header", "NAME", "where they say it; default X-Forwarded-For", set_address_header, false},
    {"uri-header", "NAME", "the user's path; default X-Forwarded-Uri, of nginx X-Original-URI", set_uri_header, false},
    {"method-header", "NAME", "the user's method; default X-Forwarded-Method, of nginx X-Original-Method",
     set_method_header, false},
    {"ask-headers", NULL, "proxies may ask by headers X-Postern-Ask-..., and overwrite those of users", set_ask_headers,
     false},
    {"nginx", NULL, "for auth_request of nginx: other refusals than 401 go as 403, see docs/gateway.md", set_nginx,
     false},
    {"when-unavailable", "WHAT", "while posternd cannot be asked: refuse (default) or allow", set_when_unavailable,
     false},
    {"error-body", "FORM", "bodies of refusals: text, object (default) or problem", set_error_body, false},
};

unsigned setting_find(const char *name)
{
    unsigned found = 0;
    for (; found < SETTING_COUNT; found++) {
        const char *own = setting_table[found].name, *given = name;
        while (*own != '\0' && *given == (*own == '-' ? '_' : *own))
            own++, given++;
        if (*own == '\0' && *given == '\0')
            break;
    }
    return found;
}
