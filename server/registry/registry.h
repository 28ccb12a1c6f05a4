// Accounts, tiers, scopes and keys: finding them, and the one write path command -> decide -> change -> apply.
//
// Owns: the store `registry/` (its tables, its writer), the audit chain and the idempotency records. Stored messages
// (proto/records.proto) are known to record.c alone; everybody else sees the plain structs below.
// Write path: a command waits for the writer; inside the write transaction, for each command in turn: look up its
// request_id; decide (checks authority, existence, state, version, and makes a change or a refusal); apply (writes
// tables, audit chain, idempotency record, head). Then one fsynced commit for all, then `done` of each. Apply is
// deterministic and can fail only on I/O: time, ids and random bytes are in the change. A refused command does not
// disturb its batch; two commands of one batch see each other.
// Threads: finding: any thread, with a view of its own. registry_submit: any thread, never blocks on I/O; `encode` and
// `done` run on the writer thread and must not block.
// Time: the clock given at open, read once per command.
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include "account/account.h"
#include "base/arena.h"
#include "base/clock.h"
#include "key/key.h"
#include "limit/limit.h"
#include "secret/secret.h"
#include "store/store.h"

enum {
    REGISTRY_METADATA_MAX = 16,
    REGISTRY_METADATA_BYTES_MAX = 2048,
    REGISTRY_ADDRESSES_MAX = 32,
    REGISTRY_TEXT_MAX = 128,
    REGISTRY_PAGE_MAX = 500,
    REGISTRY_PAGE_DEFAULT = 100,
    REGISTRY_PAGE_EXAMINED_MAX = 2000,
    REGISTRY_REQUEST_ID_SIZE = 16,
    REGISTRY_RANDOM_SIZE = 96,
    REGISTRY_REPLAY_MS = 15 * 60 * 1000,
    REGISTRY_REPLAYS_PER_CALLER_MAX = 100000
};

struct registry;

struct registry_options {
    const char *path; // of the environment
    size_t map_size_bytes;
    unsigned max_readers;
    struct secret *secret; // outlives the registry
    struct clock *clock;   // outlives the registry
    struct slice default_prefix;
    const struct log *log;
};

// Opens or makes the store. FAILED_PRECONDITION when it belongs to another keyring (check value), or is of a newer
// format; DATA_LOSS when the chain's head does not fit its last entry; else as store_open. The note says what to do.
STATUS_MUST_CHECK enum status registry_open(const struct registry_options *options, struct registry **out,
                                            struct status_note *note);
void registry_close(struct registry *registry); // finishes what was submitted; NULL-safe
// The keyring may be made anew only for a data directory that has no registry yet.
bool registry_exists(const char *path);

// --- what is stored, as plain structs; slices point into the arena that was handed in

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
    struct key_facts facts; // created, expires, revoked, disabled, has_successor
    bool deleted;           // hidden from lists; also revoked
    struct slice created_by;
    struct slice revoke_reason;
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
    struct slice public_token;
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
};

struct registry_tier {
    struct slice name;
    struct limit *limits;
    size_t limit_count;
    bool is_default;
    uint64_t version;
};

// --- finding

// A view as of store_view_*: open one per worker, begin for each request, end.
STATUS_MUST_CHECK enum status registry_view_open(struct registry *registry, struct store_txn **out);
// OK, NOT_FOUND, UNAVAILABLE (I/O), DATA_LOSS (does not decode), RESOURCE_EXHAUSTED (arena). All fill *out only when
// OK.
STATUS_MUST_CHECK enum status registry_find_key(struct store_txn *view, const uint8_t id[KEY_ID_SIZE],
                                                struct arena *arena, struct registry_key *out);
STATUS_MUST_CHECK enum status registry_find_account(struct store_txn *view, struct slice id, struct arena *arena,
                                                    struct registry_account *out);
STATUS_MUST_CHECK enum status registry_find_tier(struct store_txn *view, struct slice name, struct arena *arena,
                                                 struct registry_tier *out);
// Is this the token of that key? Constant-time comparison of the keyed hash; false too when the key's master secret is
// gone.
bool registry_token_matches(const struct registry *registry, const struct registry_key *key, struct slice token);
// Sequence of the newest change in this view; 0 = none yet.
STATUS_MUST_CHECK enum status registry_seq(struct store_txn *view, uint64_t *seq);

struct registry_list {
    struct slice account; // empty: all accounts
    bool after_set;       // continue behind `after`
    uint8_t after[KEY_ID_SIZE];
    size_t page_size;      // 1 to REGISTRY_PAGE_MAX
    size_t page_bytes_max; // stop a page before its keys take more than about this
    // filters; 0 = any
    enum key_state state;
    enum key_environment environment;
    uint64_t created_before_ms;
    uint64_t expires_before_ms;
    uint64_t now_ms; // for derived states
};

struct registry_page {
    struct registry_key *keys;
    uint64_t *account_revoked_before_ms; // beside each key, for key_state
    size_t count;
    bool more; // continue behind `last`
    uint8_t last[KEY_ID_SIZE];
};

// Keys in the order of their ids (within an account or over all), deleted ones left out. Examines at most
// REGISTRY_PAGE_EXAMINED_MAX records, so a page may be empty and still have more.
STATUS_MUST_CHECK enum status registry_list_keys(struct store_txn *view, const struct registry_list *query,
                                                 struct arena *arena, struct registry_page *out);

// --- changing

enum registry_command_kind { // numbers are stored in the chain: never reuse one
    REGISTRY_CREATE = 1,
    REGISTRY_REVOKE = 2,
    REGISTRY_PUT_ACCOUNT = 3,
    REGISTRY_PUT_TIER = 4
};

// Who asks. `name` is "uid:1000" or a key id; it is in the change and separates callers' request_ids.
struct registry_caller {
    struct slice name;
    bool is_operator;
    struct slice account; // an account-admin's own account; empty for operators
};

// Inputs have the wire's bounds already checked (text, sizes, counts); decide checks what needs the store.
struct registry_create {
    struct slice account;
    struct slice name;
    struct slice prefix; // empty: the default
    enum key_environment environment;
    enum key_type type;
    struct slice *scopes;
    size_t scope_count;
    uint64_t expires_at_ms;
    struct registry_entry *metadata;
    size_t metadata_count;
    struct limit *limits; // complete
    size_t limit_count;
    struct slice *addresses;
    size_t address_count;
};

struct registry_revoke {
    bool by_token;
    uint8_t key_id[KEY_ID_SIZE];
    struct slice token; // by_token: whoever holds a secret key's token may revoke it
    struct slice reason;
};

struct registry_put_account {
    struct registry_account account; // version, created_at_ms, revoked_before_ms are ignored; max_keys 0 = default
};

struct registry_put_tier {
    struct registry_tier tier;
};

struct registry_result {
    struct slice token;              // CREATE: this once
    struct registry_key key;         // CREATE, REVOKE
    struct registry_account account; // PUT_ACCOUNT; CREATE and REVOKE: the key's
    struct registry_tier tier;       // PUT_TIER
    uint64_t now_ms;
};

struct registry_command {
    // in
    enum registry_command_kind kind;
    struct registry_caller caller;
    struct slice request_id;               // REGISTRY_REQUEST_ID_SIZE bytes
    uint8_t call_digest[SECRET_HASH_SIZE]; // of the call without its envelope
    uint8_t random[REGISTRY_RANDOM_SIZE];  // fresh
    struct arena *arena;                   // the command's alone until `done`
    uint64_t if_version;                   // 0 = any
    union {
        struct registry_create create;
        struct registry_revoke revoke;
        struct registry_put_account put_account;
        struct registry_put_tier put_tier;
    } ask;
    // Makes the reply's bytes of `result` and `seq`, inside the transaction after apply, into `reply` (arena memory).
    // False when memory is out: the command then fails with RESOURCE_EXHAUSTED and nothing is written.
    bool (*encode)(struct registry_command *command);
    void (*done)(struct registry_command *command); // status, note, seq, reply, replayed are set
    void *context;                                  // the caller's
    // out
    enum status status;
    struct status_note note;
    uint64_t seq;
    struct registry_result result; // not set when replayed
    struct slice reply;            // encode's, or the first reply's when replayed
    bool replayed;
    // the registry's
    struct store_job job;
    struct registry *registry;
};

// Statuses that reach `done`: OK; INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS (request_id of another call),
// PERMISSION_DENIED, FAILED_PRECONDITION (the record's state), ABORTED (if_version), RESOURCE_EXHAUSTED (max_keys, a
// full map, memory); UNAVAILABLE (the disk; a retry with the same request_id finds out); DATA_LOSS.
void registry_submit(struct registry *registry, struct registry_command *command);

struct store_health registry_health(struct registry *registry);
void registry_check_readers(struct registry *registry);

// Replays the whole chain of a store and compares it with the tables. OK, or DATA_LOSS with a note that names the first
// broken entry. `entries` (may be NULL) counts those that were checked. Long: offline use and tests.
STATUS_MUST_CHECK enum status registry_check(struct registry *registry, uint64_t *entries, struct status_note *note);

// --- stored messages of the store `meters/` (written by authorizer and scheduler)

// Bytes of a record in arena memory; false when the arena is out.
bool registry_pack_meter(const struct limit_record *record, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));
// DATA_LOSS when it does not decode.
STATUS_MUST_CHECK enum status registry_unpack_meter(struct slice bytes, struct arena *arena, struct limit_record *out);
bool registry_pack_clock(const struct clock_mark *mark, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));
STATUS_MUST_CHECK enum status registry_unpack_clock(struct slice bytes, struct arena *arena, struct clock_mark *out);

#endif
