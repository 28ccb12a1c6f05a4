// The records of the registry as plain structs: one part of its door. Included by registry/registry.h; other rooms
// include that one.
//
// Slices point into the arena that was handed in. Times are Unix milliseconds of the fenced clock.
#ifndef REGISTRY_STORED_H
#define REGISTRY_STORED_H

#include "account/account.h"
#include "key/key.h"
#include "limit/limit.h"
#include "secret/secret.h"

// Numbers of ImageRecord; they are in keys of the index of changes.
enum registry_record_kind { REGISTRY_KEY = 1, REGISTRY_ACCOUNT = 2, REGISTRY_TIER = 3, REGISTRY_SCOPE = 4 };

enum {
    REGISTRY_METADATA_MAX = 16,
    REGISTRY_METADATA_BYTES_MAX = 2048,
    REGISTRY_ADDRESSES_MAX = 32,
    REGISTRY_TEXT_MAX = 128
};

struct registry_entry {
    struct slice key;
    struct slice value;
};

struct registry_key {
    uint8_t id[KEY_ID_SIZE];
    struct slice account;
    struct slice name;
    enum key_environment environment;
    enum key_type type;
    struct key_facts facts;    // created, expires, revoked, disabled, has_successor
    uint64_t expiry_set_at_ms; // by an update or a roll; 0: when it was made
    bool deleted;              // hidden from lists; it is also revoked, or purged
    bool purged;               // it is also deleted; only id, account, times and token_hash are left
    struct slice created_by;
    struct slice revoke_reason;
    struct slice meter_resets; // of its own limits; rolls keep them
    bool has_predecessor;
    uint8_t successor[KEY_ID_SIZE];
    uint8_t predecessor[KEY_ID_SIZE];
    uint8_t lineage[KEY_ID_SIZE];
    struct slice *scopes;
    size_t scope_count;
    struct limit *limits;
    size_t limit_count;
    struct slice *addresses;
    size_t address_count;
    struct registry_entry *metadata;
    size_t metadata_count;
    uint64_t version;
    uint64_t life; // the account's when it was made
    struct slice public_token;
    struct slice prefix; // of its token; a successor's token gets the same
    bool imported;       // token_hash is of the token's SHA-256
    uint32_t master_id;
    uint8_t token_hash[SECRET_HASH_SIZE];
};

struct registry_account {
    struct slice id;
    struct slice display_name;
    struct slice tier;
    bool allows_test;
    bool allows_live;
    bool suspended;
    struct limit *limits; // overrides
    size_t limit_count;
    uint32_t max_keys;
    bool no_default_public_key;
    struct registry_entry *metadata;
    size_t metadata_count;
    uint64_t created_at_ms;
    uint64_t version;
    uint64_t revoked_before_ms; // keys created up to then are revoked; 0 = none
    struct slice revoke_reason; // of the last RevokeAll
    bool deleted;               // hidden; all its keys are revoked
    uint64_t life;              // the change that made it; 0 in records of older versions
    struct slice meter_resets;  // registry_reset_of
    struct slice time_zone;     // of calendar periods; empty: the tier's
};

// Returns, as digits, the number of the change that reset the meters of a resource last; empty: none did. Of an
// account, of all its keys together; of a key, of its own limits.
struct slice registry_reset_of(struct slice meter_resets, struct slice resource);
// Takes the first of them off. False: there is none.
bool registry_reset_next(struct slice *meter_resets, struct slice *resource, struct slice *seq);

// The id of a deleted account may be taken again: that is another account, in which nothing of the former one is seen.
// Was the key made in this life of its account?
bool registry_is_of_life(const struct registry_account *account, const struct registry_key *key);

enum { REGISTRY_LIFE_NAME_MAX = ACCOUNT_ID_MAX + 8 };
// Writes the name under which what an account spends and does is counted, and returns it: its id, and behind that its
// life, if it has one. The first byte of the life is NUL, which is in no id.
struct slice registry_life_name(const struct registry_account *account, uint8_t out[REGISTRY_LIFE_NAME_MAX]);
// Returns the account's id in such a name.
struct slice registry_life_account(struct slice life_name);

struct registry_tier {
    struct slice name;
    struct limit *limits;
    size_t limit_count;
    struct slice time_zone; // of calendar periods; empty: the installation's
    bool is_default;
    uint64_t version;
};

struct registry_scope {
    struct slice name;
    struct slice description;
    struct slice *implies;
    size_t implies_count;
    bool is_default;
    bool public_safe;
    uint64_t version;
};

// The fields of such a struct, with the names that they have in messages: see record/schema.h.
struct record_schema;
const struct record_schema *registry_schema(enum registry_record_kind kind);

#endif
