// Room-private: the one table of calls: who handles a call, and which authority it needs.
#ifndef RPC_ROUTE_H
#define RPC_ROUTE_H

#include "rpc/call.h"

struct route {
    const char *name;                                // of the member of Request.call
    unsigned needs;                                  // any one of these (enum authority); a handler may ask for more
    bool changes;                                    // the registry: needs a request_id
    enum call_progress (*handle)(struct call *call); // NULL: this server does not offer the call
};

// Returns the route of a call; NULL for anything that is not a call of this version.
const struct route *route_find(Postern__V1__Request__CallCase which);

#endif
