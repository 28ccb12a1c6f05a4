// Token text, key ids and the lifecycle of a key. Everything is pure.
//
// A token is `<prefix>_<live|test>_<body>`, for public keys `<prefix>_pub_<live|test>_<body>`. The body has 64
// characters of 0-9A-Za-z: 15 for the key id (11 bytes), 43 for the secret (32 bytes), 6 for the zlib CRC-32 of the
// whole text before them. Each part is a big-endian number in base 62, zero-padded; out-of-range values are refused.
// Threads: everything here is pure. Time is handed in.
#ifndef KEY_KEY_H
#define KEY_KEY_H

#include "base/slice.h"

enum {
    KEY_ID_SIZE = 11,
    KEY_ID_TEXT_SIZE = 19, // "key_" and 15 characters; no NUL counted
    KEY_SECRET_SIZE = 32,
    KEY_BODY_SIZE = 64,
    KEY_TOKEN_MAX = 256,
    KEY_PREFIX_MAX = 20
};

enum key_environment { KEY_ENVIRONMENT_TEST = 1, KEY_ENVIRONMENT_LIVE = 2 }; // numbers of the wire
enum key_type { KEY_TYPE_SECRET = 1, KEY_TYPE_PUBLIC = 2 };                  // numbers of the wire
enum key_state {                                                             // numbers of the wire
    KEY_STATE_ACTIVE = 1,
    KEY_STATE_ROLLING = 2,
    KEY_STATE_DISABLED = 3,
    KEY_STATE_EXPIRED = 4,
    KEY_STATE_REVOKED = 5,
    KEY_STATE_PENDING = 6
};

struct key_token {
    struct slice prefix;
    enum key_type type;
    enum key_environment environment;
    uint8_t id[KEY_ID_SIZE];
    uint8_t secret[KEY_SECRET_SIZE]; // wipe after use
};

// Reads the key id in a token, which is enough to find the key; the key's hash then decides about the rest. False when
// no id can be read; `out` is then zero. `whole` is set when everything else but secret and checksum is in order, too.
bool key_token_find_id(struct slice text, uint8_t out[KEY_ID_SIZE], bool *whole) __attribute__((warn_unused_result));
// Writes text and NUL; returns the length without NUL. The prefix must be valid.
size_t key_token_format(const struct key_token *token, char out[KEY_TOKEN_MAX + 1]);

// What is to be seen at once in a text that is no token: "begins with Bearer", "has a byte order mark", "has white
// space"; NULL: nothing.
const char *key_token_hint(struct slice text);

// Is it [a-z][a-z0-9]{1,19}, and not "pub"?
bool key_prefix_is_valid(struct slice prefix);

// Converts between the id and its text: "key_" and 15 characters. Upper and lower case differ.
bool key_id_parse(struct slice text, uint8_t out[KEY_ID_SIZE]) __attribute__((warn_unused_result));
void key_id_format(const uint8_t id[KEY_ID_SIZE], char out[KEY_ID_TEXT_SIZE + 1]);
// Makes an id of the slot (2 bytes, big-endian, 14 bits) and 9 random bytes.
void key_id_make(uint16_t account_slot, const uint8_t random[9], uint8_t out[KEY_ID_SIZE]);

// The facts that decide a key's state.
struct key_facts {
    uint64_t created_at_ms;
    uint64_t expires_at_ms; // 0 = never
    uint64_t not_before_ms; // 0 = it works at once
    uint64_t revoked_at_ms; // 0 = not revoked; deleted keys are revoked
    bool disabled;
    bool has_successor;
};

// Derives the state, which is never stored: revoked beats expired beats disabled beats pending (it
// does not work yet) beats rolling. A key is expired from expires_at_ms on (now >= expires_at). A key created at or
// before `account_revoked_before_ms` (0 = none) is revoked.
enum key_state key_state(const struct key_facts *facts, uint64_t account_revoked_before_ms, uint64_t now_ms);
const char *key_state_name(enum key_state state); // "ACTIVE" …

// Addresses are IPv4 or IPv6 text; networks are text such as "10.0.0.0/8" or "2001:db8::/32", or a bare address. Names
// are never looked up. A v4-mapped v6 address counts as its v4 address. Families do not mix: "::/0" holds no v4
// address, mapped or not.
// The address in what programs give as one, which may have a port and a zone: "192.0.2.1:443", "[2001:db8::1]:443",
// "fe80::1%eth0". It lies within `given`, and is empty when there is none.
struct slice key_address_of(struct slice given);
bool key_network_is_valid(struct slice network); // host bits must be zero
bool key_network_contains(struct slice network, struct slice address);
// Is every address of `inner` in `outer`? False when one of them is not valid.
bool key_network_covers(struct slice outer, struct slice inner);

#endif
