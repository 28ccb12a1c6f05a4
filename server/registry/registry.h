// Accounts, tiers, scopes and keys: finding them, and the one write path command -> decide -> change -> apply.
//
// Owns: the store `registry/` (its tables, its writer), the audit chain and the idempotency records. registry/stored.h
// says what is stored, registry/command.h what can be asked. Its parts:
//   decide/  the rules, one file for each kind of command: a change, or a refusal
//   apply/   the write path around them: commands, idempotency records, what a change writes
//   chain/   the audit chain and its proof: MACs, the witness file
//   find/    keys by token, records by name, pages of lists
//   fsck/    the whole store compared with its chain
//   pack/    plain structs to stored messages (proto/records.proto) and back; nobody else knows those
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

#include "base/clock.h"
#include "registry/command.h"
#include "registry/stored.h"

enum {
    REGISTRY_PAGE_MAX = 500,
    REGISTRY_PAGE_DEFAULT = 100,
    REGISTRY_PAGE_EXAMINED_MAX = 2000,
    REGISTRY_IDEMPOTENCY_MS = 15 * 60 * 1000, // clients rely on it
    REGISTRY_IDEMPOTENCY_PER_CALLER_MAX = 250000
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
    // How long a reply is kept for a retry; 0 = REGISTRY_IDEMPOTENCY_MS, and less is taken as that.
    uint64_t idempotency_retention_ms;
};

// Opens or makes the store. FAILED_PRECONDITION when it belongs to another keyring (check value), or is of a newer
// format; DATA_LOSS when the chain's head does not fit its last entry, or the store is older than its witness; else as
// store_open. The note says what to do.
STATUS_MUST_CHECK enum status registry_open(const struct registry_options *options, struct registry **out,
                                            struct status_note *note);
void registry_close(struct registry *registry); // finishes what was submitted; NULL-safe
// The keyring may be made anew only for a data directory that has no registry yet.
bool registry_exists(const char *path);

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
    uint64_t after_expires_at_ms; // in the order of expiries: the page's last_expires_at_ms
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
struct registry_names_page {
    void *items; // struct registry_account, registry_tier or registry_scope
    size_t count;
    bool more; // continue behind `last`
    struct slice last;
};
STATUS_MUST_CHECK enum status registry_list_names(struct store_txn *view, enum registry_record record,
                                                  const struct registry_names_query *query, struct arena *arena,
                                                  struct registry_names_page *out);

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
// One image of a change, field by field, as text for people and programs; never a secret or a hash. What a purge
// removed of idempotency records is one without account and key: how many, in `before`.
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

// Statuses that reach `done`: OK; INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS (request_id of another call),
// PERMISSION_DENIED, FAILED_PRECONDITION (the record's state), ABORTED (if_version), RESOURCE_EXHAUSTED (max_keys, a
// full map, memory); UNAVAILABLE (the disk; a retry with the same request_id finds out); DATA_LOSS.
void registry_submit(struct registry *registry, struct registry_command *command);

// Purges keys that were revoked or expired before `dead_before_ms`: hides them, and removes all of them but what
// refuses their tokens as before. A change like any other, of at most REGISTRY_PURGE_MAX keys; without any, none. One
// call looks at a few hundred keys and goes on where `walk` (zero at first) stopped, from the beginning again once it
// was at the end. Waits for the commit: for the scheduler, every few seconds.
struct registry_purge_walk {
    bool after_set;
    uint8_t after[KEY_ID_SIZE];
    uint64_t count; // purged so far
};
STATUS_MUST_CHECK enum status registry_purge_some(struct registry *registry, uint64_t dead_before_ms,
                                                  struct registry_purge_walk *walk, struct status_note *note);

// Removes idempotency records that are past their retention, the oldest first, if there are at least `min` (1 to
// REGISTRY_PURGE_IDEMPOTENCY_MAX). A change like any other; without any, none. *count: how many;
// REGISTRY_PURGE_IDEMPOTENCY_MAX: there may be more. They are worth nothing from the moment that their retention ends,
// removed or not. Waits for the commit, as above.
STATUS_MUST_CHECK enum status registry_purge_idempotency(struct registry *registry, size_t min, size_t *count,
                                                         struct status_note *note);

struct store_health registry_health(struct registry *registry);
void registry_check_readers(struct registry *registry);

// Reads the whole chain of a store and compares it with the tables. OK, or DATA_LOSS with a note that names the first
// broken entry. `entries` (may be NULL) counts those that were checked. Long: offline use and tests.
STATUS_MUST_CHECK enum status registry_fsck(struct registry *registry, uint64_t *entries, struct status_note *note);

// Signs where the chain is now (Ed25519, secret_checkpoint_sign) and writes it to the witness file, so that a truncated
// tail or a restored old store is noticed by the next registry_open. Nothing is written while nothing changed. For the
// scheduler, once a minute, and called by registry_close. One thread at a time. UNAVAILABLE with a note when the file
// cannot be written; the next one makes up for it.
STATUS_MUST_CHECK enum status registry_checkpoint(struct registry *registry, struct status_note *note);

// --- stored messages of the usage, in the store `meters/`

#endif
