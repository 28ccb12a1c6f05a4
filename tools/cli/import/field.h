// The fields of an import's row: their names, and how their text gets into the request.
#ifndef CLI_IMPORT_FIELD_H
#define CLI_IMPORT_FIELD_H

#include "import/read.h"

// A row under construction.
struct import_build {
    struct import_row *row;
    struct pool *pool;
    uint64_t now_ms;
    char *wrong; // IMPORT_WRONG_SIZE bytes
};

struct import_field {
    const char *name;
    const char *also;                                          // another name, or NULL
    const char *separators;                                    // of a list's items in one text; NULL: no list
    bool (*set)(struct import_build *build, const char *text); // NULL: it is a text
    size_t at;                                                 // of that text in struct postern_import_key
};

// Returns the text without the blanks around it: a part of `text`, or memory of `pool`.
const char *import_without_blanks(struct pool *pool, const char *text);
// Finds a field by either of its names. "metadata.KEY" is not in the table.
// Errors: NULL when there is no such field.
const struct import_field *import_field_find(const char *name);
// Sets a field from one text: an item, or a list with separators. An empty text sets nothing.
// Errors: false when the text is no value of that field; `wrong` says why. So do the next two.
bool import_field_set(struct import_build *build, const struct import_field *field, const char *text);
bool import_metadata_add(struct import_build *build, const char *key, size_t key_size, const char *value);
// Checks that the row has what every key needs, and that it is not too large.
bool import_build_finish(struct import_build *build);
// Writes what is wrong. Returns false.
bool import_wrong(char wrong[IMPORT_WRONG_SIZE], const char *format, ...) __attribute__((format(printf, 2, 3)));
// Returns the text if it is too short for a token, else "...": columns may be mixed up, and no token is shown.
const char *import_shown(const char *text);

#endif
