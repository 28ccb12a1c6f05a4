// Opens and closes a registry. A store is used only after it has proved to be the right one: its format is known, each
// of its master secrets is in the keyring and unchanged, the head of its audit chain fits the last link, and it is no
// older than its witness. The checks run as one job of the writer, which also marks a new store. The end of the file
// holds the words for failures that nobody closer to them has explained.
#include "base/container.h"
#include "registry/apply/apply.h"
#include "registry/chain/chain.h"
#include "registry/chain/witness.h"
#include "registry/state.h"
#include "registry/table.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char MADE_MARK[] = "made";

// --- what a store must be like before it is used

static enum status check_format(struct store_txn *txn, struct arena *arena, bool *is_new,
                                struct status_failure *failure)
{
    struct slice value;
    uint32_t format = 0;
    enum status status = store_get(txn, TABLE_META, table_meta_format(), &value);
    *is_new = status == STATUS_NOT_FOUND;
    if (*is_new)
        return STATUS_OK;
    if (status == STATUS_OK)
        status = unpack_format(value, arena, &format);
    if (status != STATUS_OK || format == RECORD_FORMAT)
        return status;
    if (format == 0)
        return STATUS_DATA_LOSS;
    return status_fail(failure, STATUS_FAILED_PRECONDITION, NULL,
                       "the store has format %" PRIu32 " and this posternd reads format %d: start the newer posternd "
                       "that wrote it",
                       format, RECORD_FORMAT);
}

static enum status check_master(const struct secret *secret, uint32_t master_id, struct slice value,
                                struct arena *arena, struct status_failure *failure)
{
    uint8_t stored[SECRET_HASH_SIZE];
    uint8_t actual[SECRET_HASH_SIZE];
    enum status status = unpack_master(value, arena, stored);
    if (status != STATUS_OK)
        return status;
    if (secret_check_value(secret, master_id, actual) == STATUS_OK && secret_equal(stored, actual))
        return STATUS_OK;
    return status_fail(failure, STATUS_FAILED_PRECONDITION, NULL,
                       "the keyring is not the one this store was made with (its master secret %" PRIu32
                       " is missing or another one): put the right keyring back, or none of the keys can be verified",
                       master_id);
}

// The keyring must have every master secret that the store has ever used, unchanged.
static enum status check_masters(const struct secret *secret, struct store_txn *txn, struct arena *arena,
                                 struct status_failure *failure)
{
    struct store_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    uint32_t master_id = 0;
    struct table_key first = table_meta_check(0);
    enum status status = store_cursor_open_at(txn, TABLE_META, table_slice(&first), &cursor, &key, &value);
    while (status == STATUS_OK && table_meta_check_parse(key, &master_id)) {
        status = check_master(secret, master_id, value, arena, failure);
        if (status != STATUS_OK)
            break;
        status = store_cursor_next(cursor, &key, &value);
    }
    store_cursor_close(cursor);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status write_format(struct store_txn *txn, struct arena *arena)
{
    struct slice value;
    if (!pack_format(RECORD_FORMAT, arena, &value))
        return STATUS_RESOURCE_EXHAUSTED;
    store_put(txn, TABLE_META, table_meta_format(), value);
    return STATUS_OK;
}

static enum status write_master(const struct secret *secret, uint32_t master_id, struct store_txn *txn,
                                struct arena *arena)
{
    struct slice value;
    uint8_t check[SECRET_HASH_SIZE];
    struct table_key key = table_meta_check(master_id);
    enum status status = store_get(txn, TABLE_META, table_slice(&key), &value);
    if (status != STATUS_NOT_FOUND)
        return status;
    status = secret_check_value(secret, master_id, check);
    if (status != STATUS_OK)
        return STATUS_INTERNAL;
    if (!pack_master(check, arena, &value))
        return STATUS_RESOURCE_EXHAUSTED;
    store_put(txn, TABLE_META, table_slice(&key), value);
    return STATUS_OK;
}

// Makes the index of live keys in a store that was written before there was one.
static enum status fill_live(struct registry *registry, struct store_txn *txn)
{
    struct store_cursor *cursor = NULL;
    struct slice id;
    struct slice value;
    enum status status = store_get(txn, TABLE_META, table_meta_live(), &value);
    if (status == STATUS_OK && !slice_equal(value, slice_text(MADE_MARK)))
        return STATUS_DATA_LOSS;
    if (status != STATUS_NOT_FOUND)
        return status;
    status = store_cursor_open_at(txn, TABLE_KEY, slice_empty(), &cursor, &id, &value);
    for (struct registry_key key; status == STATUS_OK; status = store_cursor_next(cursor, &id, &value)) {
        uint8_t made[TABLE_NUMBER_SIZE];
        arena_reset(registry->scratch);
        status = unpack_key(value, registry->scratch, &key);
        if (status != STATUS_OK)
            break;
        struct table_key entry = table_live_key(key.account, key.facts.expires_at_ms, key.id);
        table_number_write(key.facts.created_at_ms, made);
        if (change_is_counted(&key))
            store_put(txn, TABLE_KEY_LIVE, table_slice(&entry), slice_make(made, sizeof made));
    }
    store_cursor_close(cursor);
    if (status != STATUS_NOT_FOUND)
        return status;
    store_put(txn, TABLE_META, table_meta_live(), slice_text(MADE_MARK));
    return STATUS_OK;
}

// Counts what accounts' own keys have written, in a store that was written before this was counted.
static enum status fill_written(struct registry *registry, struct store_txn *txn)
{
    struct slice value;
    struct chain_head head;
    enum status status = store_get(txn, TABLE_META, table_meta_written(), &value);
    if (status == STATUS_OK && !slice_equal(value, slice_text(MADE_MARK)))
        return STATUS_DATA_LOSS;
    if (status != STATUS_NOT_FOUND)
        return status;
    status = chain_read_head(txn, &head);
    for (uint64_t seq = 1; status == STATUS_OK && seq <= head.seq; seq++) {
        arena_reset(registry->scratch);
        status = apply_count_written(txn, seq, registry->scratch);
    }
    if (status == STATUS_OK)
        store_put(txn, TABLE_META, table_meta_written(), slice_text(MADE_MARK));
    return status;
}

static enum status check_witness(struct registry *registry, struct store_txn *txn, struct status_failure *failure)
{
    struct witness witness;
    const char *path = registry->witness_path;
    enum status status = witness_read(path, registry->secret, &witness, failure);
    if (status == STATUS_OK)
        status = witness_verify(path, &witness, txn, registry->scratch, failure);
    // When the keyring has grown since, the next checkpoint must be written even without a change.
    registry->witness_seq = witness.lines == secret_count(registry->secret) ? witness.seq : 0;
    return status;
}

static enum status check_and_mark(struct registry *registry, struct store_txn *txn, struct status_failure *failure)
{
    bool is_new = false;
    enum status status = check_format(txn, registry->scratch, &is_new, failure);
    if (status == STATUS_OK)
        status = check_masters(registry->secret, txn, registry->scratch, failure);
    if (status == STATUS_OK)
        status = chain_verify_end(registry->secret, txn, registry->scratch, failure);
    if (status == STATUS_OK && is_new)
        status = write_format(txn, registry->scratch);
    if (status == STATUS_OK && registry->witness_path != NULL)
        status = check_witness(registry, txn, failure);
    for (size_t i = 0; status == STATUS_OK && i < secret_count(registry->secret); i++)
        status = write_master(registry->secret, secret_id_at(registry->secret, i), txn, registry->scratch);
    if (status == STATUS_OK)
        status = fill_live(registry, txn);
    if (status == STATUS_OK)
        status = fill_written(registry, txn);
    uint64_t seq = 0;
    if (status == STATUS_OK)
        status = registry_seq(txn, &seq);
    atomic_store(&registry->committed_seq, seq);
    return status;
}

struct opening {
    struct store_job job;
    struct registry *registry;
    enum status status;
    struct status_failure failure;
};

static void run_opening(struct store_job *job, struct store_txn *txn)
{
    struct opening *opening = CONTAINER_OF(job, struct opening, job);
    opening->status = check_and_mark(opening->registry, txn, &opening->failure);
}

static enum status prepare_store(struct registry *registry, const char *path, struct status_failure *failure)
{
    struct opening opening = {.job = {.urgent = true, .run = run_opening}, .registry = registry};
    enum status status = store_run(registry->store, &opening.job);
    status = state_explain(status == STATUS_OK ? opening.status : status, &opening.failure);
    return status == STATUS_OK ? status : status_fail(failure, status, NULL, "%s: %s", path, opening.failure.message);
}

// --- open and close

static enum status take_prefix(struct registry *registry, struct slice prefix, struct status_failure *failure)
{
    if (!key_prefix_is_valid(prefix) || prefix.size > sizeof registry->prefix)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, "default_prefix",
                           "\"%.*s\" cannot be the prefix of tokens: use 2 to %d of a-z and 0-9, the first a letter, "
                           "and not \"pub\"",
                           SLICE_ARGS(prefix), KEY_PREFIX_MAX);
    memcpy(registry->prefix, prefix.data, prefix.size);
    registry->prefix_size = prefix.size;
    return STATUS_OK;
}

static enum status open_parts(struct registry *registry, const struct registry_options *options,
                              struct status_failure *failure)
{
    registry->secret = options->secret;
    registry->clock = options->clock;
    registry->log = options->log;
    registry->share_bytes = options->map_size_bytes / REGISTRY_SHARES;
    registry->idempotency_retention_ms = options->idempotency_retention_ms > REGISTRY_IDEMPOTENCY_MS
                                             ? options->idempotency_retention_ms
                                             : REGISTRY_IDEMPOTENCY_MS;
    if (options->witness_path != NULL) {
        registry->witness_path = strdup(options->witness_path);
        if (registry->witness_path == NULL)
            return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "%s: no memory", options->path);
    }
    registry->scratch = arena_new(STATE_SCRATCH_BYTES);
    if (registry->scratch == NULL)
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "%s: no memory", options->path);
    enum status status = take_prefix(registry, options->default_prefix, failure);
    if (status != STATUS_OK)
        return status;
    struct store_options store = {.path = options->path,
                                  .tables = table_names,
                                  .table_count = TABLE_COUNT,
                                  .map_size_bytes = options->map_size_bytes,
                                  // Ending a key writes no more than making it did: what is there can be ended.
                                  .reserve_bytes = options->map_size_bytes,
                                  .max_readers = options->max_readers,
                                  .log = options->log};
    status = store_open(&store, &registry->store, failure);
    return status == STATUS_OK ? prepare_store(registry, options->path, failure) : status;
}

static void release(struct registry *registry)
{
    store_close(registry->store);
    arena_free(registry->scratch);
    pthread_mutex_destroy(&registry->key_counts.mutex);
    free(registry->witness_path);
    free(registry);
}

enum status registry_open(const struct registry_options *options, struct registry **out, struct status_failure *failure)
{
    *out = NULL;
    struct registry *registry = calloc(1, sizeof *registry);
    if (registry == NULL)
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "%s: no memory", options->path);
    pthread_mutex_init(&registry->key_counts.mutex, NULL);
    enum status status = open_parts(registry, options, failure);
    if (status != STATUS_OK) {
        release(registry);
        return status;
    }
    *out = registry;
    return STATUS_OK;
}

static void do_nothing(struct store_job *job, struct store_txn *txn)
{
    (void)job;
    (void)txn;
}

void registry_close(struct registry *registry)
{
    struct status_failure failure = {.message = ""};
    struct store_job last = {.urgent = true, .run = do_nothing};
    if (registry == NULL)
        return;
    enum status status =
        registry->witness_path != NULL ? state_explain(store_run(registry->store, &last), &failure) : STATUS_OK;
    if (status == STATUS_OK)
        status = registry_checkpoint(registry, &failure);
    if (status != STATUS_OK)
        log_line(registry->log, LOG_LEVEL_ERROR, "registry: no last checkpoint: %s", failure.message);
    release(registry);
}

// Anything but a missing or empty directory counts as a registry: a wrong new keyring is worse than a refused start.
bool registry_exists(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return errno != ENOENT;
    bool exists = false;
    for (struct dirent *entry = readdir(directory); entry != NULL && !exists; entry = readdir(directory))
        exists = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(directory);
    return exists;
}

uint64_t registry_committed_seq(struct registry *registry)
{
    return atomic_load(&registry->committed_seq);
}

// In this order: a command that begins after the second look reads the time after the first.
uint64_t registry_complete_until_ms(struct registry *registry)
{
    uint64_t now_ms = clock_now_ms(registry->clock), deciding_ms = atomic_load(&registry->deciding_ms);
    return (deciding_ms != 0 && deciding_ms < now_ms ? deciding_ms : now_ms) - 1;
}

struct store_health registry_health(struct registry *registry)
{
    return store_health(registry->store);
}

void registry_check_readers(struct registry *registry)
{
    store_check_readers(registry->store);
}

// --- words for failures

static const char *words_for(enum status status)
{
    switch (status) {
    case STATUS_UNAVAILABLE:
        return "the registry's disk cannot be read or written (failing, or full?), and it is not known whether the "
               "change was made: repeat it with the same request_id to find out";
    case STATUS_RESOURCE_EXHAUSTED:
        return "the registry's map or the call's memory is full, and nothing was changed: ask for "
               "less at once, or raise the map size and restart";
    case STATUS_DATA_LOSS:
        return "a stored record is damaged or of an unknown format: stop the daemon, run posternd --check on the data "
               "directory, and restore a backup";
    case STATUS_INTERNAL:
        return "the registry contradicts itself, which is a bug: report it with the daemon's log";
    case STATUS_OK:
    case STATUS_CANCELLED:
    case STATUS_UNKNOWN:
    case STATUS_INVALID_ARGUMENT:
    case STATUS_DEADLINE_EXCEEDED:
    case STATUS_NOT_FOUND:
    case STATUS_ALREADY_EXISTS:
    case STATUS_PERMISSION_DENIED:
    case STATUS_FAILED_PRECONDITION:
    case STATUS_ABORTED:
    case STATUS_OUT_OF_RANGE:
    case STATUS_UNIMPLEMENTED:
    case STATUS_UNAUTHENTICATED:
        break;
    }
    return NULL;
}

enum status state_explain(enum status status, struct status_failure *failure)
{
    const char *words = words_for(status);
    if (words != NULL && failure->message[0] == '\0')
        return status_fail(failure, status, NULL, "%s", words);
    return status;
}
