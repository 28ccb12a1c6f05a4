// Room-private: the daemon's figures as Prometheus reads them.
#ifndef RPC_METRICS_H
#define RPC_METRICS_H

#include "rpc/call.h"

// Writes them, as rpc_metrics has it.
size_t metrics_write(const struct call_server *server, char out[RPC_METRICS_MAX]);

#endif
