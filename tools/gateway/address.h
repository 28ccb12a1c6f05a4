// Addresses of clients, and the networks of proxies that are believed about them.
#ifndef GATEWAY_ADDRESS_H
#define GATEWAY_ADDRESS_H

#include "http.h"

#include <netinet/in.h>

enum { ADDRESS_TEXT_SIZE = 46 };

struct address_network {
    struct in6_addr address; // of IPv4 the mapped one
    unsigned bits;           // 0 to 128
};

// Reads "10.0.0.0/8", "::1" and the like.
bool address_parse_network(const char *text, struct address_network *network);

// Finds where a request came from at first: the peer's address or, while that is a trusted proxy's, the one before it
// in the headers called `name`, from their end on. A port and a zone do not count. False: nobody trusted knows it
// ("unknown", a trusted proxy that says nothing, a text that is no address).
bool address_find(const struct http_request *request, const char *name, const struct address_network *trusted,
                  size_t trusted_count, char text[ADDRESS_TEXT_SIZE]);

#endif
