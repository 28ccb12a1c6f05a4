// Room-private: which connections are stuck because their peers do not read. Only with nng 1.5.2; elsewhere nothing is
// known (LISTENER_KNOWS_STUCK is not defined).
#ifndef RPC_LISTENER_WRITE_H
#define RPC_LISTENER_WRITE_H

#include <stdbool.h>
#include <stdint.h>

// What this thread writes from here on is for that pipe; 0: for nobody in particular.
void listener_write_for(uint32_t pipe_id);
// Has the kernel refused to take more for it, and has nothing left since?
bool listener_write_is_stuck(uint32_t pipe_id);

#endif
