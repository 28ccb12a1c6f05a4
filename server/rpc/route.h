// Room-private: which call is handled by whom, and what it takes to make it. The one table of calls.
#ifndef RPC_ROUTE_H
#define RPC_ROUTE_H

#include "rpc/call.h"

struct route {
    const char *name;                                // of the member of Request.call
    unsigned needs;                                  // any one of these (enum authority); a handler may ask for more
    bool changes;                                    // the registry: needs a request_id
    enum call_progress (*handle)(struct call *call); // NULL: this server does not offer the call
    enum registry_record record;                     // which one of several it is about; 0: the handler knows
};

// NULL for anything that is no call of this version.
const struct route *route_find(Postern__V1__Request__CallCase which);

#endif
