// Room-private: who made how many of the records of custom subjects, and in which namespaces.
//
// Threads: any; one lock, held for a look-up.
#ifndef METER_SHARE_H
#define METER_SHARE_H

#include "base/slice.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

// Records that may be written soon.
struct share_promises {
    void *tree; // as that of the records
    uint64_t count;
};

struct shares {
    pthread_mutex_t lock;
    void *tree;                  // of callers, and of callers with a namespace
    struct share_promises open;  // whose records may be in the writer's next batch
    struct share_promises taken; // whose records may be in the batch that it is writing
    uint64_t callers;            // who have any record
    bool is_out_of_step;         // memory was out, or a commit failed: count anew
};

void share_init(struct shares *shares);
void share_wipe(struct shares *shares);
void share_clear(struct shares *shares); // before they are counted anew

// A record of this name, made by `maker`, is there from now on, or is gone. 0: nobody's, which is not counted.
void share_add(struct shares *shares, uint32_t maker, struct slice name);
void share_remove(struct shares *shares, uint32_t maker, struct slice name);
// A record of this name may be there soon. It counts as one until the writer has written what was wanted by then.
void share_promise(struct shares *shares, uint32_t maker, struct slice name);
uint64_t share_promised(struct shares *shares);  // how many may be there soon
void share_take_promises(struct shares *shares); // the writer takes what is wanted
void share_end_promises(struct shares *shares);  // what it took is on disk, or will not be
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
