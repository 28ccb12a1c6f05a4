// The HTTP/1.1 server: bytes from proxies become requests, and answers become bytes.
#ifndef GATEWAY_SERVER_H
#define GATEWAY_SERVER_H

#include "gateway.h"

struct server;

// Listens, and answers with threads of its own. NULL when it cannot; then it has logged why. `port`: where it listens.
struct server *server_start(const struct gateway *gateway, unsigned *port);
// Takes no new connection, answers what has come, at most for some seconds, and ends. NULL-safe.
void server_stop(struct server *server);

#endif
