// The commands of the registry: one part of its door. Included by registry/registry.h; other rooms include that one.
//
// The wire's bounds of all inputs were checked before (text, sizes, counts); deciding checks them against the store.
#ifndef REGISTRY_COMMAND_H
#define REGISTRY_COMMAND_H

#include "base/arena.h"
#include "registry/stored.h"
#include "store/store.h"

enum {
    REGISTRY_REQUEST_ID_SIZE = 16,
    REGISTRY_IMPORT_MAX = 64,
    REGISTRY_PURGE_MAX = 32,
    REGISTRY_PURGE_IDEMPOTENCY_MAX = 1000,
    REGISTRY_GRACE_DEFAULT_MS = 12 * 60 * 60 * 1000,
    REGISTRY_RANDOM_SIZE = 96
};
#define REGISTRY_GRACE_MAX_MS UINT64_C(2592000000) // 30 days

struct registry;

enum registry_command_kind { // numbers are stored in the chain: never reuse one
    REGISTRY_CREATE = 1,
    REGISTRY_REVOKE = 2,
    REGISTRY_PUT_ACCOUNT = 3,
    REGISTRY_PUT_TIER = 4,
    REGISTRY_UPDATE = 5,
    REGISTRY_ROLL = 6,
    REGISTRY_DELETE = 7,
    REGISTRY_PUT_SCOPE = 8,
    REGISTRY_DELETE_SCOPE = 9,
    REGISTRY_DELETE_TIER = 10,
    REGISTRY_DELETE_ACCOUNT = 11,
    REGISTRY_REVOKE_ALL = 12,
    REGISTRY_IMPORT = 13,
    REGISTRY_PURGE = 14,
    REGISTRY_RESET_METERS = 15
};

// The caller of a command. `name` is "uid:1000" or a key id; changes record it, and request_ids are unique per name.
struct registry_caller {
    struct slice name;
    bool is_operator;
    struct slice account; // an account-admin's own account; empty for operators
    // The credential's key, NULL for a uid. An account-admin passes on no scope, environment or limit beyond its own.
    const struct registry_key *key;
};

struct registry_revoke {
    bool by_token;
    uint8_t key_id[KEY_ID_SIZE];
    struct slice token; // with by_token: the holder of a secret key's token may revoke it
    struct slice reason;
};

struct registry_update {
    uint8_t key_id[KEY_ID_SIZE];
    struct registry_key key; // what the command's mask names of it is set
};

struct registry_roll {
    uint8_t key_id[KEY_ID_SIZE];
    bool has_grace; // else REGISTRY_GRACE_DEFAULT_MS
    uint64_t grace_ms;
    bool has_expiry; // else the successor's is the old key's
    uint64_t expires_at_ms;
};

struct registry_delete {
    uint8_t key_id[KEY_ID_SIZE];
};

struct registry_delete_named { // DELETE_SCOPE, DELETE_TIER, DELETE_ACCOUNT
    struct slice name;
};

struct registry_revoke_all {
    struct slice account;
    uint64_t created_before_ms; // 0 = now
    struct slice reason;
};

struct registry_reset_meters {
    bool by_key; // of its account, and of the key's own limits
    uint8_t key_id[KEY_ID_SIZE];
    struct slice account;
    struct slice resource;
};

struct registry_import_key {
    uint8_t sha256[32];          // of the token
    bool is_ours;                // the token is one that this registry has made, of the key
    uint8_t our_id[KEY_ID_SIZE]; // with this id
    struct registry_key key;     // as for CREATE
};

struct registry_import {
    struct registry_import_key *keys; // at most REGISTRY_IMPORT_MAX
    size_t count;
};

// The daemon's own command, with operator authority and without a request_id, because nobody repeats it. Looks at a
// bounded number of keys and idempotency records.
struct registry_purge {
    uint64_t dead_before_ms; // keys revoked or expired before it
    size_t max;              // keys to purge; at most REGISTRY_PURGE_MAX, 0 leaves keys alone
    bool after_set;          // continue behind `after`
    uint8_t after[KEY_ID_SIZE];
    size_t idempotency_min; // remove expired idempotency records if there are at least so many; 0 leaves them alone
};

struct registry_purge_result {
    size_t count; // purged
    bool more;    // continue behind `last`
    uint8_t last[KEY_ID_SIZE];
    size_t idempotency_count; // removed; there may be more when it is REGISTRY_PURGE_IDEMPOTENCY_MAX
};

struct registry_result {
    struct slice token;              // CREATE, ROLL; it is never shown again
    struct registry_key key;         // CREATE, REVOKE, UPDATE, DELETE; ROLL: the successor
    struct registry_key predecessor; // ROLL
    bool has_default_public_key;     // PUT_ACCOUNT of a new account
    struct registry_key default_public_key;
    struct registry_account account; // PUT_ACCOUNT, REVOKE_ALL, DELETE_ACCOUNT, RESET_METERS; with a key: the key's
    struct registry_tier tier;       // PUT_TIER, DELETE_TIER
    struct registry_scope scope;     // PUT_SCOPE, DELETE_SCOPE
    struct registry_key *keys;       // IMPORT: the new ones, none of them revoked
    size_t key_count;
    size_t skipped; // IMPORT: how many of the keys the registry had already
    struct registry_purge_result purge;
    uint64_t now_ms;
};
struct registry_command {
    // in
    enum registry_command_kind kind;
    struct registry_caller caller;
    struct slice request_id;               // REGISTRY_REQUEST_ID_SIZE bytes
    uint8_t call_digest[SECRET_HASH_SIZE]; // of the call without its envelope
    uint8_t random[REGISTRY_RANDOM_SIZE];  // fresh
    struct arena *arena;                   // used by the command only, until `done`
    uint64_t if_version;                   // 0 = any
    // UPDATE, PUT_ACCOUNT, PUT_TIER, PUT_SCOPE: the names of the fields that are set, as registry_schema has them, and
    // "environments"; others are left alone. None: a put sets all, but never lifts a suspension.
    const struct slice *mask;
    size_t mask_count;
    union {
        // account, name, prefix (empty: the default), environment, type, scopes, expiry, metadata, complete limits,
        // addresses; all else is ignored
        struct registry_key create;
        struct registry_revoke revoke;
        // Without version, created_at_ms, revoked_before_ms and life, which are ignored; max_keys 0 = default.
        struct registry_account put_account;
        struct registry_tier put_tier;
        struct registry_update update;
        struct registry_roll roll;
        struct registry_delete delete;
        struct registry_scope put_scope;
        struct registry_delete_named delete_named;
        struct registry_revoke_all revoke_all;
        struct registry_import import;
        struct registry_reset_meters reset_meters;
        struct registry_purge purge;
    } ask;
    // Encodes `result` and `seq` as the reply's bytes, inside the transaction, into `reply` (arena memory). False when
    // memory is out; then the command fails with RESOURCE_EXHAUSTED and nothing is written.
    bool (*encode)(struct registry_command *command);
    void (*done)(struct registry_command *command); // status, failure, seq, reply, is_retry are set; NULL: not called
    void *context;                                  // for the caller
    // out
    enum status status;
    struct status_failure failure;
    uint64_t seq;
    struct registry_result result; // not set for a retry
    struct slice reply;            // from encode, or for a retry the first call's reply
    bool is_retry;
    // used by the registry only
    struct store_job job;
    struct registry *registry;
};

#endif
