// One request out, one reply in: the only file beside channel.c that talks to nng.
#ifndef POSTERN_EXCHANGE_H
#define POSTERN_EXCHANGE_H

#include "client.h"
#include "postern.pb-c.h"

#include <time.h>

enum postern_outcome {
    POSTERN_GOT_REPLY,
    POSTERN_NOT_CONNECTED, // not sent: it waited for a connection in vain, for a while
    POSTERN_NOT_SENT,      // not sent for another reason
    POSTERN_LOST,          // sent, then the connection broke
    POSTERN_SILENT,        // sent, no reply in time
    POSTERN_NO_MEMORY
};

// Sends and waits for the reply, for at most patience_ms and not beyond the deadline (monotonic ms). GOT_REPLY: the
// caller frees *reply. Replaces the channel when it leads nowhere.
enum postern_outcome postern_exchange(struct postern *client, const Postern__V1__Request *request, uint64_t deadline_ms,
                                      uint64_t patience_ms, nng_msg **reply);
// Frees a message that may have held a token.
void postern_message_wipe(nng_msg *message);

#endif
