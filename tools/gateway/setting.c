// How each setting is named, explained, read from text and checked.
#include "setting.h"

#include <arpa/inet.h>
#include <netinet/in.h>
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

const struct setting setting_table[SETTING_COUNT] = {
    {"url", "URL", "where posternd listens (or POSTERN_URL)", set_url, false},
    {"listen", "ADDRESS:PORT", "where proxies ask; default 127.0.0.1:8099, port 0: any", set_listen, false},
    {"threads", "N", "how many requests are answered at once; default 16", set_threads, false},
    {"connections", "N", "how many connections there may be; default 4096", set_connections, false},
    {"timeout-ms", "N", "how long a call to posternd may take; default 2000", set_timeout, false},
    {"idle-s", "N", "seconds after which a silent connection is closed; default 60", set_idle, false},
    {"log-level", "LEVEL", "error, warning, info or debug; default info", set_log_level, false},
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
