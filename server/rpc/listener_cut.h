// Room-private: ends connections from below, by shutdown(2) for reading. Knows no nng.
//
// For all at once, when a listener closes. Why not nng_pipe_close there: up to nng 1.5 a pipe that is closed in the
// moment between the header of a message and its body never finishes its read. Then nng's one reaper waits for it for
// ever, and with it every later close, nng_close too. A peer that never stops sending is in that moment a third of the
// time. When the connection has nothing more to read, however, nng itself closes the pipe, with no read under way.
#ifndef RPC_LISTENER_CUT_H
#define RPC_LISTENER_CUT_H

#include "rpc/listener_address.h"

#include <stddef.h>

// Takes an ipc address away: nobody new can connect. nng loses what connects while its listener closes.
void listener_cut_new(const struct listener_address *address);
// Every connection that was accepted on this address. What it has sent already is still read. Returns their number.
size_t listener_cut_all(const struct listener_address *address);
#endif
