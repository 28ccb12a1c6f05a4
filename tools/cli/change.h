// Commands that put or update a record (schema.h).
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include "schema.h"

struct change_kind;
struct list; // list.h

// One try of a change.
struct change {
    const struct change_kind *kind;
    const void *before; // the record as it is; NULL: there is none
    uint64_t version;   // of it, or what --if-version says
    void *request;      // sets what the command line gives, and nothing else
    const char **mask;  // the names of what it sets
    size_t mask_count;
    unsigned bits; // the same, of an update of a key
    // What has to be freed, NULL for none: the reply that holds `before`, and the reply to the request.
    void *found;
    void *reply;
    const void *after; // the record in `reply`
    const char *taken; // says in words what the change takes from another record; NULL: nothing
};

// What kind of record it is.
struct change_kind {
    const struct schema *schema;
    const struct list *list; // where it is found; NULL: by a call that gets it alone
    const char *example;     // of options that change one
    size_t version_at;       // of the record's version in its struct
    // The request that writes it, and where its members are; 0: it has no such member.
    size_t request_size, if_version_at;
    size_t mask_at, mask_count_at; // the names of what it sets
    size_t bits_at;                // the same as bits
    // Reads the record that the first operand names; sets `found` and `before`.
    // Errors:
    //   NOT_FOUND  there is none
    //   others     those of the call
    enum postern_status (*read)(struct cli *cli, struct change *change);
    // Sends the request, which is complete; sets `reply` and `after`.
    // Errors: those of the call.
    enum postern_status (*write)(struct cli *cli, struct change *change);
    void (*print)(struct cli *cli, const struct change *change); // prints `after`; NULL: it is printed on one line
};

// The places of a kind's members, where a put request writes the record: CHANGE_BY_PUT(tier).
// clang-format off
#define CHANGE_BY_PUT(of) \
    .version_at = offsetof(struct postern_##of, version), \
    .request_size = sizeof(struct postern_put_##of##_request), \
    .if_version_at = offsetof(struct postern_put_##of##_request, if_version), \
    .mask_at = offsetof(struct postern_put_##of##_request, update_mask), \
    .mask_count_at = offsetof(struct postern_put_##of##_request, update_mask_count)
// clang-format on

// Runs the command: "put" makes a record, or sets and adds what is given; one that updates also takes away, and the
// record has to be there. The record is read first and written with its version, again when somebody else was quicker.
// Says what was dropped. Errors are printed.
void change_run(struct cli *cli, const struct change_kind *kind);

#endif
