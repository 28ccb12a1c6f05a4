// The handle: what the caller gave, and the channel in use.
#ifndef POSTERN_CLIENT_H
#define POSTERN_CLIENT_H

#include "channel.h"
#include "postern/postern.h"

struct postern {
    char *url;
    char *api_key;
    uint32_t timeout_ms;
    enum postern_policy policy;
    bool may_vanish;      // the peer can disappear without closing the connection (not over ipc)
    pthread_mutex_t lock; // of `channel` and of what channel.h says; never held over a call of nng
    struct postern_channel *channel;
    struct postern_closer *closer;
};

// A slot of the channel in use. NULL when memory is out.
struct postern_slot *postern_slot_take(struct postern *client);
void postern_slot_give(struct postern *client, struct postern_slot *slot);
// Makes later calls use a new channel. Nothing happens when `channel` is in use no more, when nobody listens at the
// URL, or when memory is out.
void postern_channel_replace(struct postern *client, struct postern_channel *channel);

#endif
