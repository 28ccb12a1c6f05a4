// Anybody may write X-Forwarded-For; each proxy adds at its end whom it got the request from. So the list is read from
// the end, and no further than those go who are trusted.
#include "address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAPPED_BITS = 96, ENTRY_MAX = 80 };

static struct in6_addr map_v4(const struct in_addr *v4)
{
    struct in6_addr mapped = {.s6_addr = {[10] = 0xFF, [11] = 0xFF}};
    memcpy(&mapped.s6_addr[12], v4, sizeof *v4);
    return mapped;
}

static bool parse(const char *text, struct in6_addr *address)
{
    struct in_addr v4;
    if (inet_pton(AF_INET6, text, address) == 1)
        return true;
    if (inet_pton(AF_INET, text, &v4) != 1)
        return false;
    *address = map_v4(&v4);
    return true;
}

bool address_parse_network(const char *text, struct address_network *network)
{
    char address[ADDRESS_TEXT_SIZE] = "";
    size_t size = strcspn(text, "/");
    bool is_v4 = memchr(text, ':', size) == NULL;
    unsigned most = is_v4 ? 32 : 128, bits = most;
    if (size >= sizeof address)
        return false;
    memcpy(address, text, size);
    if (text[size] == '/') {
        const char *digits = text + size + 1;
        size_t count = strspn(digits, "0123456789");
        if (count < 1 || count > 3 || digits[count] != '\0')
            return false;
        bits = (unsigned)strtoul(digits, NULL, 10);
    }
    network->bits = is_v4 ? bits + MAPPED_BITS : bits;
    return bits <= most && parse(address, &network->address);
}

static bool contains(const struct address_network *network, const struct in6_addr *address)
{
    unsigned bytes = network->bits / 8, rest = network->bits % 8;
    return memcmp(network->address.s6_addr, address->s6_addr, bytes) == 0 &&
           (rest == 0 || (network->address.s6_addr[bytes] ^ address->s6_addr[bytes]) >> (8 - rest) == 0);
}

static bool is_trusted(const struct in6_addr *address, const struct address_network *trusted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (contains(&trusted[i], address))
            return true;
    return false;
}

static bool read_peer(const struct http_request *request, struct in6_addr *address)
{
    const struct sockaddr_in6 *v6 = (const void *)&request->peer;
    const struct sockaddr_in *v4 = (const void *)&request->peer;
    if (request->peer.ss_family == AF_INET6)
        *address = v6->sin6_addr;
    else
        *address = map_v4(&v4->sin_addr);
    return request->peer.ss_family == AF_INET6 || request->peer.ss_family == AF_INET;
}

// Reads one entry: "192.0.2.1", "192.0.2.1:443", "2001:db8::1", "[2001:db8::1]:443", "fe80::1%eth0".
static bool parse_entry(const char *entry, size_t size, struct in6_addr *address)
{
    char text[ENTRY_MAX] = "";
    while (size > 0 && (entry[size - 1] == ' ' || entry[size - 1] == '\t'))
        size--;
    while (size > 0 && (entry[0] == ' ' || entry[0] == '\t'))
        entry++, size--;
    if (size == 0 || size >= sizeof text)
        return false;
    memcpy(text, entry, size);
    char *begin = text, *colon = strchr(text, ':');
    if (text[0] == '[') {
        char *end = strchr(text, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
        *end = '\0';
        begin++;
    } else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        *colon = '\0';
    }
    begin[strcspn(begin, "%")] = '\0';
    return parse(begin, address);
}

// All entries of all these headers, as one list.
static const char *join(const struct http_request *request, const char *name)
{
    const char *list = "";
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            list = list[0] == '\0' ? request->headers[i].value
                                   : pool_format(request->pool, "%s,%s", list, request->headers[i].value);
    return list;
}

// Is there an entry left? Takes the last one from the list.
static bool take_last(const char *list, size_t *size, struct in6_addr *address)
{
    const char *comma = memrchr(list, ',', *size);
    size_t begin = comma != NULL ? (size_t)(comma - list) + 1 : 0;
    bool is_address = parse_entry(list + begin, *size - begin, address);
    *size = comma != NULL ? begin - 1 : 0;
    return is_address;
}

static bool format(const struct in6_addr *address, char text[ADDRESS_TEXT_SIZE])
{
    return IN6_IS_ADDR_V4MAPPED(address) ? inet_ntop(AF_INET, &address->s6_addr[12], text, ADDRESS_TEXT_SIZE) != NULL
                                         : inet_ntop(AF_INET6, address, text, ADDRESS_TEXT_SIZE) != NULL;
}

bool address_find(const struct http_request *request, const char *name, const struct address_network *trusted,
                  size_t trusted_count, char text[ADDRESS_TEXT_SIZE])
{
    struct in6_addr address;
    if (!read_peer(request, &address))
        return false;
    if (!is_trusted(&address, trusted, trusted_count))
        return format(&address, text);
    const char *list = join(request, name);
    size_t size = strlen(list);
    do {
        if (!take_last(list, &size, &address))
            return false;
    } while (size > 0 && is_trusted(&address, trusted, trusted_count));
    return format(&address, text);
}
