// What the files of the store share. Private to the room.
#ifndef STORE_PARTS_H
#define STORE_PARTS_H

#include "store/environment.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

// --- transactions (txn.c reads and writes, view.c opens snapshots, writer.c opens batches)
struct store_txn {
    struct store *store;
    MDB_txn *txn;
    bool is_batch;

    // For a batch: the first error sticks, and a batch that has written nothing need not be committed.
    int error;
    bool wrote;

    // For a view: set from begin to end, so that the writer can wait for it before it closes the environment.
    atomic_bool busy;
    struct store_txn *next;
};

// --- views
struct store_views {
    pthread_mutex_t mutex; // guards the list, and taking and giving back reader slots
    struct store_txn *first;
    atomic_bool shut; // no view may begin: the environment is being opened again
};

// Keeps views from beginning, waits for those that have begun and gives their reader slots back. False when one did not
// end within a second; then views may begin again.
bool store_views_shut(struct store *store);
void store_views_reopen(struct store *store); // views may begin again

// --- the writer
enum { STORE_TURNS = 16 }; // parties of one number, modulo this, share a queue

struct store_queue {
    struct store_job *first;
    struct store_job *last;
};

struct store_writer {
    pthread_t thread;
    pthread_mutex_t mutex; // guards the queues and health
    pthread_cond_t wake;
    struct store_queue urgent;
    struct store_queue ordinary[STORE_TURNS];
    size_t ordinary_count;
    unsigned turn; // whose queue gives the next job
    bool stopping;
    struct store_health health;
    struct durations commit_time;
    struct durations flush_time;

    // Used by the writer thread only.
    enum status condition; // what the log last said about writing
    unsigned calm;         // commits since the last one that failed
    unsigned calm_needed;  // how many it takes before the log says that writing works again
    bool map_warned;
    bool reopen_failed;
};

// Errors: RESOURCE_EXHAUSTED when the thread cannot be started.
STATUS_MUST_CHECK enum status store_writer_start(struct store *store, struct status_failure *failure);
void store_writer_stop(struct store *store); // after the last job
// Notes the number for health, and logs once per crossing that the map is filling up.
void store_writer_note_used(struct store *store, uint64_t used_bytes);

struct store {
    struct store_options options; // with our own copy of the path
    char *path;
    struct environment environment; // belongs to the writer; a view uses it only between begin and end
    struct store_views views;
    struct store_writer writer;
};

#endif
