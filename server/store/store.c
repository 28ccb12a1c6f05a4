// Puts the parts of a store together: environment, views and writer.
#include "store/store.h"
#include "store/parts.h"

#include <stdlib.h>
#include <string.h>

static struct store *store_new(const struct store_options *options)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    store->path = strdup(options->path);
    if (store->path == NULL) {
        free(store);
        return NULL;
    }
    store->options = *options;
    store->options.path = store->path;
    // With default attributes these cannot fail on Linux.
    pthread_mutex_init(&store->views.mutex, NULL);
    pthread_mutex_init(&store->writer.mutex, NULL);
    pthread_cond_init(&store->writer.wake, NULL);
    return store;
}

static void store_free(struct store *store)
{
    pthread_cond_destroy(&store->writer.wake);
    pthread_mutex_destroy(&store->writer.mutex);
    pthread_mutex_destroy(&store->views.mutex);
    free(store->path);
    free(store);
}

static enum status measure(struct store *store, struct status_failure *failure)
{
    MDB_txn *txn = NULL;
    const int code = mdb_txn_begin(store->environment.env, NULL, MDB_RDONLY, &txn);
    if (code != 0) {
        return status_fail(failure, environment_status(code), NULL, "%s: cannot be read: %s", store->path,
                           mdb_strerror(code));
    }
    const uint64_t used_bytes = environment_used_bytes(&store->environment, txn);
    mdb_txn_abort(txn);
    store->writer.health.map_size_bytes = store->environment.map_size_bytes;
    store->writer.health.commit_time = &store->writer.commit_time;
    store->writer.health.flush_time = &store->writer.flush_time;
    store_writer_note_used(store, used_bytes);
    return STATUS_OK;
}

enum status store_open(const struct store_options *options, struct store **out, struct status_failure *failure)
{
    *out = NULL;
    struct store *store = store_new(options);
    if (store == NULL)
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "%s: no memory", options->path);
    enum status status = environment_open(&store->environment, &store->options, failure);
    if (status == STATUS_OK)
        status = measure(store, failure);
    if (status == STATUS_OK)
        status = store_writer_start(store, failure);
    if (status != STATUS_OK) {
        environment_close(&store->environment);
        store_free(store);
        return status;
    }
    *out = store;
    return STATUS_OK;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    store_writer_stop(store);
    environment_close(&store->environment);
    store_free(store);
}

struct store_health store_health(struct store *store)
{
    pthread_mutex_lock(&store->writer.mutex);
    const struct store_health health = store->writer.health;
    pthread_mutex_unlock(&store->writer.mutex);
    return health;
}

void store_check_readers(struct store *store)
{
    pthread_mutex_lock(&store->views.mutex);
    if (!atomic_load(&store->views.shut)) {
        int dead = 0;
        const int code = mdb_reader_check(store->environment.env, &dead);
        if (code != 0) {
            log_line(store->options.log, LOG_LEVEL_WARNING, "store %s: cannot check the readers: %s", store->path,
                     mdb_strerror(code));
        } else if (dead > 0) {
            log_line(store->options.log, LOG_LEVEL_INFO, "store %s: freed %d readers that died", store->path, dead);
        }
    }
    pthread_mutex_unlock(&store->views.mutex);
}
