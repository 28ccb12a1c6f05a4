// Parses addresses and networks, and asks whether a network contains an address. Both become bytes with a number of
// bits that count; IPv4-mapped IPv6 addresses become IPv4 first, so that one address has one form.
#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "key/key.h"

enum { V4_BITS = 32, V6_BITS = 128, MAPPED_BITS = 96 };

// An address and how many of its leading bits count. v4-mapped v6 addresses are held as v4.
struct network {
    uint8_t bytes[16];
    unsigned width; // V4_BITS or V6_BITS
    unsigned bits;  // 0 to width
};

static const uint8_t mapped_prefix[MAPPED_BITS / 8] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

static bool parse_address(struct slice text, struct network *out)
{
    char copy[INET6_ADDRSTRLEN]; // inet_pton wants a C string
    memset(out, 0, sizeof *out);
    if (text.size == 0 || text.size >= sizeof copy || memchr(text.data, '\0', text.size) != NULL)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (inet_pton(AF_INET, copy, out->bytes) == 1)
        out->width = V4_BITS;
    else if (inet_pton(AF_INET6, copy, out->bytes) == 1)
        out->width = V6_BITS;
    out->bits = out->width;
    return out->width != 0;
}

// Turns a v4-mapped network into its v4 network: ::ffff:10.0.0.0/104 becomes 10.0.0.0/8.
static void unmap(struct network *network)
{
    if (network->width != V6_BITS || network->bits < MAPPED_BITS ||
        memcmp(network->bytes, mapped_prefix, sizeof mapped_prefix) != 0)
        return;
    memmove(network->bytes, network->bytes + sizeof mapped_prefix, V4_BITS / 8);
    memset(network->bytes + V4_BITS / 8, 0, sizeof mapped_prefix);
    network->width = V4_BITS;
    network->bits -= MAPPED_BITS;
}

// Parses one to three digits without a leading zero.
static bool parse_bits(struct slice text, unsigned width, unsigned *out)
{
    uint64_t bits = 0;
    bool has_leading_zero = text.size > 1 && text.data[0] == '0';
    if (text.size > 3 || has_leading_zero || !text_take_number(&text, &bits) || text.size > 0)
        return false;
    *out = (unsigned)bits;
    return bits <= width;
}

static bool host_bits_are_zero(const struct network *network)
{
    for (unsigned bit = network->bits; bit < network->width; bit++)
        if ((network->bytes[bit / 8] & (0x80U >> bit % 8)) != 0)
            return false;
    return true;
}

static bool parse_network(struct slice text, struct network *out)
{
    const uint8_t *slash = text.size > 0 ? memchr(text.data, '/', text.size) : NULL;
    size_t size = slash != NULL ? (size_t)(slash - text.data) : text.size;
    if (!parse_address(slice_make(text.data, size), out))
        return false;
    if (slash != NULL && !parse_bits(slice_make(slash + 1, text.size - size - 1), out->width, &out->bits))
        return false;
    if (!host_bits_are_zero(out))
        return false;
    unmap(out);
    return true;
}

// The part of a text before the first such byte: all of it when there is none.
static struct slice before(struct slice text, char byte)
{
    const uint8_t *found = text.size > 0 ? memchr(text.data, byte, text.size) : NULL;
    return found != NULL ? slice_make(text.data, (size_t)(found - text.data)) : text;
}

// Is it nothing, or ':' and a number of 16 bits?
static bool is_port(struct slice text)
{
    uint64_t port = 0;
    if (text.size == 0)
        return true;
    struct slice digits = slice_make(text.data + 1, text.size - 1);
    return text.data[0] == ':' && text_take_number(&digits, &port) && digits.size == 0 && port <= UINT16_MAX;
}

// "[2001:db8::1%eth0]:443" and "192.0.2.1:443" become what stands before the port; an IPv6 address has a port only
// behind its bracket.
static struct slice without_port(struct slice given)
{
    bool in_brackets = given.size > 0 && given.data[0] == '[';
    struct slice rest = in_brackets ? slice_make(given.data + 1, given.size - 1) : given;
    struct slice host = before(rest, in_brackets ? ']' : ':');
    size_t after = host.size + (in_brackets ? 1 : 0);
    bool is_whole = after <= rest.size && is_port(slice_make(rest.data + after, rest.size - after));
    return is_whole ? host : given;
}

struct slice key_address_of(struct slice given)
{
    struct network parsed;
    if (given.size == 0)
        return slice_empty();
    struct slice address = before(without_port(given), '%');
    return parse_address(address, &parsed) ? address : slice_empty();
}

bool key_network_is_valid(struct slice network)
{
    struct network parsed;
    return parse_network(network, &parsed);
}

static bool covers(const struct network *outer, const struct network *inner)
{
    if (outer->width != inner->width || outer->bits > inner->bits)
        return false;
    size_t whole = outer->bits / 8;
    unsigned rest = outer->bits % 8;
    if (memcmp(outer->bytes, inner->bytes, whole) != 0)
        return false;
    return rest == 0 || (outer->bytes[whole] ^ inner->bytes[whole]) >> (8 - rest) == 0;
}

bool key_network_contains(struct slice network, struct slice address)
{
    struct network outer, inner;
    if (!parse_network(network, &outer) || !parse_address(address, &inner))
        return false;
    unmap(&inner);
    return covers(&outer, &inner);
}

bool key_network_covers(struct slice outer, struct slice inner)
{
    struct network wide, narrow;
    return parse_network(outer, &wide) && parse_network(inner, &narrow) && covers(&wide, &narrow);
}
