// Commands that put or update a record (schema.h).
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include "schema.h"

// One try of a change.
struct change {
    const void *before; // the record as it is; NULL: there is none
    uint64_t version;   // of it, or what --if-version says
    void *request;      // which sets what the command line gives, and nothing else
    const char **mask;  // the names of what it sets
    size_t mask_count;
    unsigned bits; // the same, of an update of a key
    // What has to be freed, NULL for none: the reply that holds `before`, and that to the request.
    void *found;
    void *reply;
    const void *after; // the record in `reply`
    const char *taken; // what the change takes from another record, in words; NULL: nothing
};

// What kind of record it is.
struct change_kind {
    const struct schema *schema;
    size_t request_size;
    const char *example; // of options that change one
    // Reads the record that the first operand names into before, version and found.
    // Errors: those of the call; NOT_FOUND when there is none.
    enum postern_status (*read)(struct cli *cli, struct change *change);
    // Sends the request, with the version; sets reply and after. Errors: those of the call.
    enum postern_status (*write)(struct cli *cli, struct change *change);
    void (*print)(const struct change *change);
};

// Runs the command: "put" makes a record, or sets and adds what is given; one that updates also takes away, and the
// record has to be there. The record is read first and written with its version, again when somebody else was quicker.
// Says what was dropped. Errors are printed.
void change_run(struct cli *cli, const struct change_kind *kind);

#endif
