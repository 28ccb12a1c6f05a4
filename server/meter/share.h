// Room-private: who made how many of the records of custom subjects, and in which namespaces.
//
// Threads: any; one lock, held for a look-up.
#ifndef METER_SHARE_H
#define METER_SHARE_H

#include "base/slice.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct shares {
    uint64_t max; // records in all
    pthread_mutex_t lock;
    void *tree;          // of callers, and of callers with a namespace
    uint64_t callers;    // who have any record
    uint64_t large;      // callers with more than a 1024th of the bound
    bool is_out_of_step; // memory was out, or a commit failed: count anew
};

void share_init(struct shares *shares, uint64_t max);
void share_wipe(struct shares *shares);
void share_clear(struct shares *shares); // before they are counted anew

// A record of this name, made by `maker`, is there from now on, or is gone. 0: nobody's, which is not counted.
void share_add(struct shares *shares, uint32_t maker, struct slice name);
void share_remove(struct shares *shares, uint32_t maker, struct slice name);
// Notes that the counts may be wrong.
void share_doubt(struct shares *shares);
bool share_is_doubtful(struct shares *shares);

// How full the table is, and what a caller still gets then.
enum crowd {
    CROWD_NONE,  // anything
    CROWD_SPACE, // nothing, in a namespace that is over its part of a share that is used up
    CROWD_SHARE, // nothing, when its share is used up
    CROWD_FULL   // nothing
};
enum crowd share_crowd(uint64_t max, uint64_t count);
// From how many records on it is crowded, and below how many it no longer is.
uint64_t share_crowded_at(uint64_t max);
uint64_t share_relieved_at(uint64_t max);

// How much of its share a caller has used.
struct share_use {
    uint64_t count, share;      // of the caller
    uint64_t space_count, part; // of the namespace
};
// Looks up the caller's share and the namespace's part of it, and says whether they are used up in this crowd.
bool share_is_used_up(struct shares *shares, uint32_t maker, struct slice name, enum crowd crowd,
                      struct share_use *use);
uint64_t share_callers(struct shares *shares);

// Returns the namespace of a custom subject's meter, whose name it is.
struct slice share_namespace(struct slice name);

#endif
