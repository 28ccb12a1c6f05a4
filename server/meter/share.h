// Room-private: who made how many of the records of custom subjects, and in which namespaces.
//
// Threads: any; one lock, held for a look-up.
#ifndef METER_SHARE_H
#define METER_SHARE_H

#include "base/slice.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

// Names whose records may be written soon.
struct share_promises {
    void *names;
    uint64_t count;
};

struct shares {
    pthread_mutex_t lock;
    void *tree;                  // records of callers, and of callers with a namespace; also of the commit under way
    void *promised;              // likewise, of promises
    struct share_promises open;  // whose records may be in the writer's next batch
    struct share_promises taken; // whose records may be in the batch that it is writing
    uint64_t records;            // on disk, of all
    uint64_t added, removed;     // by the commit under way
    uint64_t callers;            // who have any record
    bool is_out_of_step;         // memory was out, or a commit failed: count anew
};

void share_init(struct shares *shares);
void share_wipe(struct shares *shares);
// Counting anew: first all are cleared, then each record is counted. `maker` 0: nobody's, here and below.
void share_clear(struct shares *shares);
void share_count(struct shares *shares, uint32_t maker, struct slice name);
// How many records there are, as the writer's transaction knows them.
void share_note_records(struct shares *shares, uint64_t count);

// The commit under way has a new record of this name, and its promise is kept; or it deletes one.
void share_add(struct shares *shares, uint32_t maker, struct slice name);
void share_remove(struct shares *shares, uint32_t maker, struct slice name);
// That commit is over. To be called by each of its jobs; one is enough.
void share_end_commit(struct shares *shares, bool is_on_disk);
// A record of this name may be there soon. It counts as one, once however often it is promised, until the writer has
// written it, or all that was wanted by then.
void share_promise(struct shares *shares, uint32_t maker, struct slice name);
void share_take_promises(struct shares *shares); // the writer takes what is wanted
void share_end_promises(struct shares *shares);  // what it took is on disk, or will not be
uint64_t share_records(struct shares *shares);   // how many are on disk
uint64_t share_total(struct shares *shares);     // with those that may be there soon
// Notes that the counts may be wrong.
void share_doubt(struct shares *shares);
bool share_is_doubtful(struct shares *shares);

// How many records a caller has or was promised, and how many of them in the namespace.
struct share_use {
    uint64_t count, space_count;
};
// Has the caller as many as it may have while so many records are free, in all or in this namespace? Nobody in
// particular never has.
bool share_is_used_up(struct shares *shares, uint32_t maker, struct slice name, uint64_t free_count,
                      struct share_use *use);
uint64_t share_callers(struct shares *shares);

// Returns the namespace of a custom subject's meter, whose name it is.
struct slice share_namespace(struct slice name);

#endif
