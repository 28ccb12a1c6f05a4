// Accounts, tiers, scopes and keys: finding them, and the one write path command -> decide -> change -> apply.
//
// Owns: the store `registry/` (its tables, its writer), the audit chain and the idempotency records. registry/stored.h
// describes the records, registry/command.h the commands. Its parts:
//   decide/  the deciders, one file for each kind of command: a change, or a refusal
//   apply/   the write path around them: commands, idempotency records, the writes of a change
//   chain/   the audit chain and its proof: MACs, the witness file
//   find/    keys by token, records by name, pages of lists
//   fsck/    the whole store compared with its chain
//   pack/    plain structs to stored messages (proto/records.proto) and back; no other part knows the messages
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

enum { REGISTRY_SHARES = 16 };

struct registry_options {
    const char *path;      // of the environment
    size_t map_size_bytes; // the changes that one account's own keys make may take a REGISTRY_SHARES part of it
    unsigned max_readers;
    struct secret *secret; // outlives the registry
    struct clock *clock;   // outlives the registry
    struct slice default_prefix;
    const struct log *log;
    const char *witness_path; // file of signed checkpoints beside the keyring; NULL: none
    // How long a reply is kept for a retry: at least REGISTRY_IDEMPOTENCY_MS, also when this is less or 0.
    uint64_t idempotency_retention_ms;
};

// Opens the store, or makes it. The failure says what to do about it.
// Errors:
//   INVALID_ARGUMENT     the default prefix is not valid
//   FAILED_PRECONDITION  the store belongs to another keyring (check value), or is of a newer format
//   DATA_LOSS            the chain's head does not fit its last entry, or the store is older than its witness
//   others               as store_open
STATUS_MUST_CHECK enum status registry_open(const struct registry_options *options, struct registry **out,
                                            struct status_failure *failure);
void registry_close(struct registry *registry); // finishes what was submitted; NULL-safe
// Is there a registry at this path? A new keyring may be made only when there is none.
bool registry_exists(const char *path);

// --- finding

// Opens a view: open one per worker, begin and end it for each request (store_view_*).
// Errors: as store_view_open.
STATUS_MUST_CHECK enum status registry_view_open(struct registry *registry, struct store_txn **out);

// Find one record and fill *out only when they succeed.
// Errors of all of these, and of the lists below:
//   NOT_FOUND           there is no such record; not for the lists and registry_find_presented
//   UNAVAILABLE         the store cannot be read
//   DATA_LOSS           a record does not decode
//   RESOURCE_EXHAUSTED  memory or the arena is out
STATUS_MUST_CHECK enum status registry_find_key(struct store_txn *view, const uint8_t id[KEY_ID_SIZE],
                                                struct arena *arena, struct registry_key *out);
STATUS_MUST_CHECK enum status registry_find_account(struct store_txn *view, struct slice id, struct arena *arena,
                                                    struct registry_account *out);
// Finds the account of a key, also when it is deleted and all its keys are revoked; registry_find_account does not.
STATUS_MUST_CHECK enum status registry_find_any_account(struct store_txn *view, struct slice id, struct arena *arena,
                                                        struct registry_account *out);
STATUS_MUST_CHECK enum status registry_find_tier(struct store_txn *view, struct slice name, struct arena *arena,
                                                 struct registry_tier *out);

// Is this the token of that key? Compares the keyed hash in constant time. False also when the key's master secret is
// gone.
bool registry_token_matches(const struct registry *registry, const struct registry_key *key, struct slice token);
// Returns the sequence of the newest change that is known to be committed, without a look into the store; 0 = none yet.
// Every view that begins from now on holds that change. Any thread.
uint64_t registry_committed_seq(struct registry *registry);
// Returns a moment of daemon time: a view that begins after the call has all changes up to it, and each change that it
// has not is of a later one. Any thread.
uint64_t registry_complete_until_ms(struct registry *registry);
// Reads the sequence of the newest change in this view; 0 = none yet.
// Errors:
//   UNAVAILABLE  as above
//   DATA_LOSS    as above
STATUS_MUST_CHECK enum status registry_seq(struct store_txn *view, uint64_t *seq);

// Errors: as registry_find_key.
STATUS_MUST_CHECK enum status registry_find_scope(struct store_txn *view, struct slice name, struct arena *arena,
                                                  struct registry_scope *out);
struct registry_presented {
    bool known;              // false when there is no such key or the secret is wrong
    bool id_known;           // as key_token_find_id has answered
    uint8_t id[KEY_ID_SIZE]; // when id_known
    struct registry_key key; // when known
};
// Finds the key whose token was presented: one of ours by the id in it, an imported one by its hash.
// Errors: as registry_find_key, except NOT_FOUND.
STATUS_MUST_CHECK enum status registry_find_presented(const struct registry *registry, struct store_txn *view,
                                                      struct slice token, struct arena *arena,
                                                      struct registry_presented *out);

struct registry_successor_wanted {
    uint64_t account_revoked_before_ms;
    uint64_t at_ms;   // when it is to work: now, or later
    bool is_rollable; // one that was not rolled itself
};
struct registry_successor {
    bool works;       // false: none does
    bool is_disabled; // then: the newest that would work if it were enabled is `id`
    bool is_pending;  // then: the newest that will work later is `id`
    bool is_cut;      // there are more rolls than are walked over
    uint8_t id[KEY_ID_SIZE];
    uint64_t expires_at_ms; // 0 = never
};
// Finds the newest successor of a key that works at that moment as far as is known now, over a bounded number of rolls.
// Errors:
//   DATA_LOSS  also when a successor is missing
//   others     as registry_find_key, except NOT_FOUND
STATUS_MUST_CHECK enum status registry_find_successor(struct store_txn *view, const struct registry_key *key,
                                                      const struct registry_successor_wanted *wanted,
                                                      struct registry_successor *out);

// --- listing

struct registry_list {
    struct slice account; // empty: all accounts
    bool this_life;       // only keys of the present life of their account
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
    uint64_t expires_after_ms;      // or at this moment
    uint64_t expiry_set_after_ms;   // or at this moment
    uint64_t last_rolled_before_ms; // made (by creation or roll) before, and not rolled since
    struct slice name_prefix;
    struct slice scope;                    // granted by its name, by a wildcard or by "admin"
    const struct registry_entry *metadata; // all of these
    size_t metadata_count;
    uint64_t now_ms; // for derived states
};

struct registry_page {
    struct registry_key *keys;
    uint64_t *account_revoked_before_ms; // beside each key, for key_state
    size_t count;
    bool more; // continue behind `last`
    uint8_t last[KEY_ID_SIZE];
    uint64_t last_expires_at_ms; // in the order of expiries
};

// Lists keys in the order of their ids (within an account or over all) or of their expiries, without deleted ones.
// Examines at most REGISTRY_PAGE_EXAMINED_MAX records, so a page may be empty and still have more.
// Errors: as above.
STATUS_MUST_CHECK enum status registry_list_keys(struct store_txn *view, const struct registry_list *query,
                                                 struct arena *arena, struct registry_page *out);

struct registry_names_query {
    struct slice after;    // empty: from the start
    size_t page_size;      // 1 to REGISTRY_PAGE_MAX
    size_t page_bytes_max; // as in registry_list; 0 = 512 KiB
};
struct registry_names_page {
    void *items; // struct registry_account, registry_tier or registry_scope
    size_t count;
    bool more; // continue behind `last`
    struct slice last;
};
// Lists a whole table in the order of its names, without deleted accounts.
// Errors: as registry_list_keys.
STATUS_MUST_CHECK enum status registry_list_names(struct store_txn *view, enum registry_record_kind kind,
                                                  const struct registry_names_query *query, struct arena *arena,
                                                  struct registry_names_page *out);

// A question about the audit chain. Empty filters let all changes pass.
struct registry_changes_query {
    uint64_t after_seq;
    uint64_t from_ms;
    uint64_t to_ms; // exclusive; 0 = no end
    struct slice actor;
    struct slice account;
    bool this_life; // with an account: only what belongs to its present life; nothing when it is deleted
    bool has_key_id;
    uint8_t key_id[KEY_ID_SIZE];
    size_t page_size;
    size_t page_bytes_max; // 0 = 512 KiB
};
// One image of a change, field by field, as text for people and programs; never a secret or a hash. For a purge of
// idempotency records there is one entry without account and key, with their number in `before`.
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
    uint64_t last_seq; // the last one examined: continue behind it
};
// Lists changes, oldest first, and checks each against the one before it. A page ends between two changes, so it may
// hold more items than page_size; it examines at most REGISTRY_PAGE_EXAMINED_MAX changes.
// Errors:
//   DATA_LOSS  also when a change does not follow the one before it
//   others     as registry_list_keys
STATUS_MUST_CHECK enum status registry_list_changes(const struct registry *registry, struct store_txn *view,
                                                    const struct registry_changes_query *query, struct arena *arena,
                                                    struct registry_changes_page *out);

// --- changing

// Queues a command for the writer, which calls command->done after the commit.
// Errors that reach `done`:
//   INVALID_ARGUMENT     the command is wrong
//   NOT_FOUND            it names something that does not exist
//   UNAUTHENTICATED      the caller's key does not work any more
//   PERMISSION_DENIED    the caller may not do this
//   ALREADY_EXISTS       request_id was used for another call; a token to import is another account's
//   FAILED_PRECONDITION  the record's state does not allow it
//   ABORTED              the record does not have if_version
//   RESOURCE_EXHAUSTED   max_keys, the account's share or the caller's kept replies are at their bound; the map or
//                        memory is full
//   UNAVAILABLE          the disk failed; a retry with the same request_id finds out what has become of it
//   DATA_LOSS            a record that is needed does not decode
//   UNIMPLEMENTED        there is no such command
//   INTERNAL             a bug
void registry_submit(struct registry *registry, struct registry_command *command);

// Where a purge goes on: zero at first; behind the last key it begins again.
struct registry_purge_walk {
    bool after_set;
    uint8_t after[KEY_ID_SIZE];
    uint64_t count; // purged so far
};
// Purges, in one change or none, at most REGISTRY_PURGE_MAX keys that were revoked or expired before `dead_before_ms`,
// and waits for its commit. It hides them, and keeps of each only what is needed to refuse its token as before. It
// looks at a few hundred keys: for the scheduler, every few seconds.
// Errors: as registry_submit has them for `done`.
STATUS_MUST_CHECK enum status registry_purge_some(struct registry *registry, uint64_t dead_before_ms,
                                                  struct registry_purge_walk *walk, struct status_failure *failure);

// Removes, in one change or none, idempotency records that are past their retention, the oldest first, if there are at
// least `min` (1 to REGISTRY_PURGE_IDEMPOTENCY_MAX), and waits for its commit. *count is how many it has removed; there
// may be more when it is REGISTRY_PURGE_IDEMPOTENCY_MAX. Expired records count for nothing, removed or not.
// Errors: as registry_purge_some.
STATUS_MUST_CHECK enum status registry_purge_idempotency(struct registry *registry, size_t min, size_t *count,
                                                         struct status_failure *failure);

// How many keys there are; deleted ones are left out.
struct registry_key_counts {
    uint64_t counted_ms; // when it began to count; 0: it has not come to the end for the first time
    uint64_t by_state[KEY_STATE_PENDING + 1]; // enum key_state
    // Of those that are active, disabled or pending: a key that is being rolled has its successor.
    uint64_t expire_in_7_days;
    uint64_t expire_in_30_days;
    uint64_t older_than_90_days;
};
// Counts a part of them, or does nothing when they were counted shortly before: for the scheduler, each second. It
// takes some milliseconds, counts 2,000 keys, and comes to the end after as many seconds as there are parts. Errors: as
// registry_list_keys.
STATUS_MUST_CHECK enum status registry_count_keys(struct registry *registry);
// Returns what was counted last. Any thread.
struct registry_key_counts registry_key_counts(struct registry *registry);

struct store_health registry_health(struct registry *registry);
void registry_check_readers(struct registry *registry);

// Reads the whole chain of a store and compares it with the tables. `entries` (may be NULL) is how many were checked.
// It takes long: for offline use and tests.
// Errors:
//   DATA_LOSS           an entry is broken; the failure names the first one
//   UNAVAILABLE         the store cannot be read
//   RESOURCE_EXHAUSTED  memory or the arena is out
STATUS_MUST_CHECK enum status registry_fsck(struct registry *registry, uint64_t *entries,
                                            struct status_failure *failure);

// Signs where the chain is now (Ed25519, secret_checkpoint_sign) and writes it to the witness file, so that the next
// registry_open notices a truncated tail or a restored old store. Does nothing when nothing has changed. One thread at
// a time: for the scheduler, once a minute, and called by registry_close. The next checkpoint makes up for a failure.
// Errors:
//   UNAVAILABLE  the file cannot be written
//   INTERNAL     it cannot be signed
//   others       as registry_view_open and registry_seq, when the head cannot be read
STATUS_MUST_CHECK enum status registry_checkpoint(struct registry *registry, struct status_failure *failure);

#endif
