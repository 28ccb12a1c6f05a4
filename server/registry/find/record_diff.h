// What a record holds, field by field, as text for people and programs: no secret, no hash. Private to the room.
//
// Threads: everything here is pure.
#ifndef REGISTRY_FIND_RECORD_DIFF_H
#define REGISTRY_FIND_RECORD_DIFF_H

#include "registry/change.h"

enum { RECORD_FIELDS_MAX = 24 + REGISTRY_METADATA_MAX };

struct diff_fields {
    struct registry_entry fields[RECORD_FIELDS_MAX];
    bool says_nothing[RECORD_FIELDS_MAX]; // beside each: zero, false, or an empty text
    size_t count;
    size_t identity; // so many of the first say which record it is, and stand in every difference
};

// All fields, in the arena. Metadata has one field for each entry, "metadata.KEY". False when the arena is out.
bool diff_fields(const struct image *image, struct arena *arena, struct diff_fields *out)
    __attribute__((warn_unused_result));

struct record_diff {
    struct registry_entry *before; // fields that have, or had, another value
    size_t before_count;
    struct registry_entry *after;
    size_t after_count;
    size_t bytes; // of their text
};
// NULL: there was no such record, or it is gone; of the other one then only what is not empty, zero or false. Copies
// into the arena; false when it is out.
bool diff_records(const struct diff_fields *before, const struct diff_fields *after, struct arena *arena,
                  struct record_diff *out) __attribute__((warn_unused_result));

#endif
