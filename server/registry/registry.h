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
    REGISTRY_SCOPES_MAX = 4096, // in the catalogue
    REGISTRY_IMPLIES_MAX = 64,
    REGISTRY_IMPORT_MAX = 64,
    REGISTRY_PURGE_MAX = 32,
    REGISTRY_GRACE_DEFAULT_MS = 12 * 60 * 60 * 1000,
    REGISTRY_RANDOM_SIZE = 96,
    REGISTRY_REPLAY_MS = 15 * 60 * 1000,
    REGISTRY_REPLAYS_PER_CALLER_MAX = 250000
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
    const char *witness_path; // file of signed checkpoints beside the keyring; NULL: none
};

// Opens or makes the store. FAILED_PRECONDITION when it belongs to another keyring (check value), or is of a newer
// format; DATA_LOSS when the chain's head does not fit its last entry, or the store is older than its witness; else as
// store_open. The note says what to do.
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
    bool deleted;           // hidden from lists; also revoked, or purged
    bool purged;            // also deleted; nothing but id, account, times and token_hash is left
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
    struct slice prefix; // of its token, for a successor's
    bool imported;       // token_hash is over the token's SHA-256
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
};

struct registry_tier {
    struct slice name;
    struct limit *limits;
    size_t limit_count;
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

// --- finding

// A view as of store_view_*: open one per worker, begin for each request, end.
STATUS_MUST_CHECK enum status registry_view_open(struct registry *registry, struct store_txn **out);
// OK, NOT_FOUND, UNAVAILABLE (I/O), DATA_LOSS (does not decode), RESOURCE_EXHAUSTED (arena). All fill *out only when
// OK.
STATUS_MUST_CHECK enum status registry_find_key(struct store_txn *view, const uint8_t id[KEY_ID_SIZE],
                                                struct arena *arena, struct registry_key *out);
STATUS_MUST_CHECK enum status registry_find_account(struct store_txn *view, struct slice id, struct arena *arena,
                                                    struct registry_account *out);
// The account of a key, also a deleted one (whose keys are all revoked); registry_find_account does not find those.
STATUS_MUST_CHECK enum status registry_find_owner(struct store_txn *view, struct slice id, struct arena *arena,
                                                  struct registry_account *out);
STATUS_MUST_CHECK enum status registry_find_tier(struct store_txn *view, struct slice name, struct arena *arena,
                                                 struct registry_tier *out);
// Is this the token of that key? Constant-time comparison of the keyed hash; false too when the key's master secret is
// gone.
bool registry_token_matches(const struct registry *registry, const struct registry_key *key, struct slice token);
// Sequence of the newest change whose commit has been heard of, 0 = none yet: every view that begins from now on holds
// it. Costs no look into the store. Any thread.
uint64_t registry_committed_seq(struct registry *registry);
// Sequence of the newest change in this view; 0 = none yet.
STATUS_MUST_CHECK enum status registry_seq(struct store_txn *view, uint64_t *seq);

struct registry_list {
    struct slice account; // empty: all accounts
    bool after_set;       // continue behind `after`
    uint8_t after[KEY_ID_SIZE];
    uint64_t after_expires_at_ms; // with expires_before_ms: the page's last_expires_at_ms; 0 = as `after` has it now
    size_t page_size;             // 1 to REGISTRY_PAGE_MAX
    size_t page_bytes_max;        // stop a page before its keys take more than about this
    // filters; 0 = any
    enum key_state state;
    enum key_environment environment;
    uint64_t created_before_ms;
    uint64_t expires_before_ms;     // over all accounts by the index of expiries, and in their order
    uint64_t last_rolled_before_ms; // made (by creation or roll) before, and not rolled since
    uint64_t now_ms;                // for derived states
};

struct registry_page {
    struct registry_key *keys;
    uint64_t *account_revoked_before_ms; // beside each key, for key_state
    size_t count;
    bool more; // continue behind `last`
    uint8_t last[KEY_ID_SIZE];
    uint64_t last_expires_at_ms; // in the order of expiries
};

// Keys in the order of their ids (within an account or over all), or of their expiries, deleted ones left out. Examines
// at most REGISTRY_PAGE_EXAMINED_MAX records, so a page may be empty and still have more.
STATUS_MUST_CHECK enum status registry_list_keys(struct store_txn *view, const struct registry_list *query,
                                                 struct arena *arena, struct registry_page *out);

STATUS_MUST_CHECK enum status registry_find_scope(struct store_txn *view, struct slice name, struct arena *arena,
                                                  struct registry_scope *out);
// The key whose token was presented: one of ours by the id in it, an imported one by its hash. OK with *known false
// when there is none or the secret is wrong. `id_known`, `id`: as key_token_parse found them.
struct registry_presented {
    bool known;
    bool id_known;
    uint8_t id[KEY_ID_SIZE];
    struct registry_key key; // when known
};
STATUS_MUST_CHECK enum status registry_find_presented(const struct registry *registry, struct store_txn *view,
                                                      struct slice token, struct arena *arena,
                                                      struct registry_presented *out);

// Whole tables in the order of their names, deleted accounts left out; as registry_list_keys.
struct registry_names_query {
    struct slice after;    // empty: from the start
    size_t page_size;      // 1 to REGISTRY_PAGE_MAX
    size_t page_bytes_max; // as above; 0 = 512 KiB
};
struct registry_accounts_page {
    struct registry_account *items;
    size_t count;
    bool more; // continue behind `last`
    struct slice last;
};
struct registry_tiers_page {
    struct registry_tier *items;
    size_t count;
    bool more;
    struct slice last;
};
struct registry_scopes_page {
    struct registry_scope *items;
    size_t count;
    bool more;
    struct slice last;
};
STATUS_MUST_CHECK enum status registry_list_accounts(struct store_txn *view, const struct registry_names_query *query,
                                                     struct arena *arena, struct registry_accounts_page *out);
STATUS_MUST_CHECK enum status registry_list_tiers(struct store_txn *view, const struct registry_names_query *query,
                                                  struct arena *arena, struct registry_tiers_page *out);
STATUS_MUST_CHECK enum status registry_list_scopes(struct store_txn *view, const struct registry_names_query *query,
                                                   struct arena *arena, struct registry_scopes_page *out);

// The audit chain, oldest first; each change is checked against the one before it (DATA_LOSS). Empty filters: any.
// A page ends between two changes, so it may hold more items than page_size; it examines at most
// REGISTRY_PAGE_EXAMINED_MAX changes.
struct registry_changes_query {
    uint64_t after_seq;
    uint64_t from_ms;
    uint64_t to_ms; // before it; 0 = no end
    struct slice actor;
    struct slice account;
    bool has_key_id;
    uint8_t key_id[KEY_ID_SIZE];
    size_t page_size;
    size_t page_bytes_max; // 0 = 512 KiB
};
// One image of a change, field by field, as text for people and programs; never a secret or a hash.
struct registry_change_entry {
    uint64_t seq;
    uint64_t time_ms;
    struct slice actor;
    struct slice on_behalf_of;
    const char *what; // the call's name: "create", "put_tier", …
    struct slice account;
    bool has_key_id;
    uint8_t key_id[KEY_ID_SIZE];
    struct registry_entry *before; // empty for what is new; only the fields that differ
    size_t before_count;
    struct registry_entry *after;
    size_t after_count;
};
struct registry_changes_page {
    struct registry_change_entry *items;
    size_t count;
    bool more;
    uint64_t last_seq; // examined: continue behind it
};
STATUS_MUST_CHECK enum status registry_list_changes(const struct registry *registry, struct store_txn *view,
                                                    const struct registry_changes_query *query, struct arena *arena,
                                                    struct registry_changes_page *out);

// --- changing

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
    REGISTRY_PURGE = 14
};

// Who asks. `name` is "uid:1000" or a key id; it is in the change and separates callers' request_ids.
struct registry_caller {
    struct slice name;
    bool is_operator;
    struct slice account; // an account-admin's own account; empty for operators
    // The credential's own key, NULL for a uid: an account-admin passes on no scope, environment or limit beyond its
    // own.
    const struct registry_key *key;
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

enum registry_update_field {
    REGISTRY_UPDATE_NAME = 1,
    REGISTRY_UPDATE_SCOPES = 2,
    REGISTRY_UPDATE_METADATA = 4,
    REGISTRY_UPDATE_EXPIRES_AT = 8,
    REGISTRY_UPDATE_ADDRESSES = 16,
    REGISTRY_UPDATE_LIMITS = 32,
    REGISTRY_UPDATE_ENABLED = 64
};

struct registry_update {
    uint8_t key_id[KEY_ID_SIZE];
    unsigned fields; // enum registry_update_field, or'ed: what is set
    struct slice name;
    struct slice *scopes;
    size_t scope_count;
    struct registry_entry *metadata;
    size_t metadata_count;
    uint64_t expires_at_ms;
    struct slice *addresses;
    size_t address_count;
    struct limit *limits; // complete
    size_t limit_count;
    bool enabled;
};

struct registry_roll {
    uint8_t key_id[KEY_ID_SIZE];
    bool has_grace; // else REGISTRY_GRACE_DEFAULT_MS
    uint64_t grace_ms;
};

struct registry_delete {
    uint8_t key_id[KEY_ID_SIZE];
};

struct registry_put_scope {
    struct registry_scope scope; // version is ignored
};

struct registry_delete_named { // DELETE_SCOPE, DELETE_TIER, DELETE_ACCOUNT
    struct slice name;
};

struct registry_revoke_all {
    struct slice account;
    uint64_t created_before_ms; // 0 = now
    struct slice reason;
};

struct registry_import_key {
    uint8_t sha256[32]; // of the token
    struct registry_create key;
};

struct registry_import {
    struct registry_import_key *keys; // at most REGISTRY_IMPORT_MAX
    size_t count;
};

// The daemon's own, for operators; has no request_id, as nobody repeats it. Looks at a bounded number of keys.
struct registry_purge {
    uint64_t dead_before_ms; // keys revoked or expired before it
    size_t max;              // to purge; at most REGISTRY_PURGE_MAX
    bool after_set;          // continue behind `after`
    uint8_t after[KEY_ID_SIZE];
};

struct registry_purge_result {
    size_t count; // purged
    bool more;    // continue behind `last`
    uint8_t last[KEY_ID_SIZE];
};

struct registry_result {
    struct slice token;              // CREATE, ROLL: this once
    struct registry_key key;         // CREATE, REVOKE, UPDATE, DELETE; ROLL: the successor
    struct registry_key predecessor; // ROLL
    bool has_default_public_key;     // PUT_ACCOUNT of a new account
    struct registry_key default_public_key;
    struct registry_account account; // PUT_ACCOUNT, REVOKE_ALL, DELETE_ACCOUNT; with a key: the key's
    struct registry_tier tier;       // PUT_TIER, DELETE_TIER
    struct registry_scope scope;     // PUT_SCOPE, DELETE_SCOPE
    struct registry_key *keys;       // IMPORT: the new ones, none of them revoked
    size_t key_count;
    size_t skipped; // IMPORT: how many were there already
    struct registry_purge_result purge;
    uint64_t now_ms;
};
#define REGISTRY_GRACE_MAX_MS UINT64_C(2592000000) // 30 days

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
        struct registry_update update;
        struct registry_roll roll;
        struct registry_delete delete;
        struct registry_put_scope put_scope;
        struct registry_delete_named delete_named;
        struct registry_revoke_all revoke_all;
        struct registry_import import;
        struct registry_purge purge;
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

// Purges keys that were revoked or expired before `dead_before_ms`: hides them, and removes all of them but what
// refuses their tokens as before. A change like any other, of at most REGISTRY_PURGE_MAX keys; without any, none. Also
// removes idempotency records of the past. One call looks at a few hundred keys and goes on where `walk` (zero at
// first) stopped, from the beginning again once it was at the end. Waits for the commit: for the scheduler, every few
// seconds.
struct registry_purge_walk {
    bool after_set;
    uint8_t after[KEY_ID_SIZE];
    uint64_t count; // purged so far
};
STATUS_MUST_CHECK enum status registry_purge_some(struct registry *registry, uint64_t dead_before_ms,
                                                  struct registry_purge_walk *walk, struct status_note *note);

struct store_health registry_health(struct registry *registry);
void registry_check_readers(struct registry *registry);

// Replays the whole chain of a store and compares it with the tables. OK, or DATA_LOSS with a note that names the first
// broken entry. `entries` (may be NULL) counts those that were checked. Long: offline use and tests.
STATUS_MUST_CHECK enum status registry_check(struct registry *registry, uint64_t *entries, struct status_note *note);

// Signs where the chain is now (Ed25519, secret_checkpoint_sign) and writes it to the witness file, so that a truncated
// tail or a restored old store is noticed by the next registry_open. Nothing is written while nothing changed. For the
// scheduler, once a minute, and called by registry_close. One thread at a time. UNAVAILABLE with a note when the file
// cannot be written; the next one makes up for it.
STATUS_MUST_CHECK enum status registry_checkpoint(struct registry *registry, struct status_note *note);
// The key with which anybody can verify the checkpoints of the newest master secret; no secret.
STATUS_MUST_CHECK enum status registry_checkpoint_public(const struct registry *registry,
                                                         uint8_t out[SECRET_PUBLIC_KEY_SIZE]);

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
