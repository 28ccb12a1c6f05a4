// Follows where a key is used from: the first and the last use, the last address, and the networks most recently seen.
// A network is closed when another address comes, so noting a use costs no look at the list while the address stays.
#include <arpa/inet.h>
#include <string.h>

#include "usage/internal.h"

// --- networks

static uint64_t upper_half(const uint8_t bytes[8])
{
    uint64_t half = 0;
    for (size_t i = 0; i < 8; i++)
        half = half << 8 | bytes[i];
    return half;
}

// Finds the network of an address; false when it is no address. No IPv6 source begins with 0xffffffff, which is
// multicast, so IPv4 networks have that prefix.
static bool network_of(struct slice address, uint64_t *network)
{
    char text[USAGE_ADDRESS_MAX + 1];
    struct in_addr v4;
    struct in6_addr v6;
    memcpy(text, address.data, address.size);
    text[address.size] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1) {
        *network = UINT64_C(0xffffffff00000000) | ntohl(v4.s_addr);
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return false;
    *network = upper_half(v6.s6_addr);
    if (IN6_IS_ADDR_V4MAPPED(&v6))
        *network = UINT64_C(0xffffffff00000000) | (upper_half(v6.s6_addr + 8) & UINT32_MAX);
    return true;
}

// Puts a network into a set that is ordered by last use, most recent first. A full set drops its oldest, which may be
// the network that came. True when a new one is in the set.
static bool see(struct usage_network *set, size_t *count, size_t max, struct usage_network seen)
{
    size_t at = 0;
    while (at < *count && set[at].network != seen.network)
        at++;
    bool is_new = at == *count;
    if (is_new && at == max && set[at - 1].last_ms > seen.last_ms)
        return false;
    if (!is_new) {
        seen.first_ms = set[at].first_ms < seen.first_ms ? set[at].first_ms : seen.first_ms;
        seen.last_ms = set[at].last_ms > seen.last_ms ? set[at].last_ms : seen.last_ms;
    } else if (*count < max) {
        ++*count;
    } else {
        at--;
    }
    for (; at > 0 && set[at - 1].last_ms <= seen.last_ms; at--)
        set[at] = set[at - 1];
    set[at] = seen;
    return is_new;
}

// --- uses

// The current network was last seen when its address was.
static void close_network(struct usage_trace *trace, uint64_t last_ms)
{
    if (trace->network_is_current)
        trace->networks[0].last_ms = last_ms;
}

static void change_address(struct usage_trace *trace, struct slice address, uint64_t now_ms)
{
    struct usage_network seen = {.first_ms = now_ms, .last_ms = now_ms};
    trace->address_size = (uint8_t)address.size;
    if (address.size > 0)
        memcpy(trace->address, address.data, address.size);
    trace->network_is_current = address.size > 0 && network_of(address, &seen.network);
    if (!trace->network_is_current)
        return;
    size_t count = trace->network_count;
    (void)see(trace->networks, &count, USAGE_NETWORKS_HOT, seen);
    trace->network_count = (uint8_t)count;
}

void usage_trace_note(struct usage_trace *trace, struct slice address, uint64_t now_ms)
{
    // Threads may come here in another order than that of their times.
    now_ms = now_ms > trace->last_ms ? now_ms : trace->last_ms;
    if (address.size > USAGE_ADDRESS_MAX)
        address = slice_empty();
    if (trace->first_ms == 0)
        trace->first_ms = now_ms;
    if (!slice_equal(slice_make(trace->address, trace->address_size), address)) {
        close_network(trace, trace->last_ms);
        change_address(trace, address, now_ms);
    }
    trace->last_ms = now_ms;
}

void usage_last_merge(struct usage_last *last, const struct usage_trace *trace)
{
    if (trace->first_ms == 0)
        return;
    if (last->first_ms == 0 || trace->first_ms < last->first_ms)
        last->first_ms = trace->first_ms;
    if (trace->last_ms >= last->last_ms) {
        last->last_ms = trace->last_ms;
        last->address_size = trace->address_size;
        memcpy(last->address, trace->address, trace->address_size);
    }
    for (size_t i = trace->network_count; i > 0; i--) {
        struct usage_network seen = trace->networks[i - 1];
        if (i == 1 && trace->network_is_current)
            seen.last_ms = trace->last_ms;
        if (see(last->networks, &last->network_count, USAGE_NETWORKS, seen))
            last->networks_met++;
    }
}
