// What tiers, scopes and accounts consist of: one schema for each says of every field which option sets it, where
// it is in the public structs, and how it is shown. Reading options, copying and printing go through the schema, so
// that a new field is a new row.
#ifndef CLI_SCHEMA_H
#define CLI_SCHEMA_H

#include "cli.h"
#include "table.h"

#include <stddef.h>

enum field_kind {
    FIELD_END, // of a table
    FIELD_BOOL,
    FIELD_NUMBER,
    FIELD_TIME,
    FIELD_TEXT,
    FIELD_TEXTS, // from here on lists
    FIELD_ENVIRONMENTS,
    FIELD_LIMITS,
    FIELD_METADATA
};

struct field {
    uint8_t kind;                  // enum field_kind
    bool is_setting;               // it is in the put request, too
    uint16_t at, count_at;         // in the record's struct; count_at of lists
    uint16_t put_at, put_count_at; // in the put request
    struct flag flag;              // the option that sets it; {0} for the name and for what cannot be set
    const char *line, *line_unset; // in one line: a format with %s (", tier %s"); what comes when it is not set
    const char *label;             // in several lines: its name
    const char *yes, *no;          // a bool's values in several lines and in columns
    uint8_t column;                // its place among the columns of a list, from 1; 0: it is not there
    const char *head;              // of that column, marked as for table_new
};

struct schema {
    const char *name;           // "tier"
    const struct field *fields; // the first is the record's name; the last is FIELD_END
    uint16_t version_at, if_version_at;
};

// A row's kind and places. FIELD(tier, is_default) is a member of struct postern_tier and of struct
// postern_put_tier_request, which must have the same type; FIELD_SHOWN is a member of the record alone.
// clang-format off
#define FIELD_KIND(name, member) \
    _Generic(((struct postern_##name *)NULL)->member, bool: FIELD_BOOL, uint32_t: FIELD_NUMBER, uint64_t: FIELD_TIME, \
             const char *: FIELD_TEXT, const char *const *: FIELD_TEXTS, \
             const enum postern_environment *: FIELD_ENVIRONMENTS, const struct postern_limit *: FIELD_LIMITS, \
             const struct postern_entry *: FIELD_METADATA)
#define FIELD_SHOWN(name, member) .kind = FIELD_KIND(name, member), .at = offsetof(struct postern_##name, member)
#define FIELD(name, member) \
    .kind = FIELD_KIND(name, member) * \
            sizeof(char[FIELD_KIND(name, member) == FIELD_KIND(put_##name##_request, member) ? 1 : -1]), \
    .is_setting = true, .at = offsetof(struct postern_##name, member), \
    .put_at = offsetof(struct postern_put_##name##_request, member)
#define FIELD_LIST(name, member, count) \
    FIELD(name, member), .count_at = offsetof(struct postern_##name, count), \
    .put_count_at = offsetof(struct postern_put_##name##_request, count)
#define SCHEMA(entity, table) \
    {.name = #entity, .fields = (table), .version_at = offsetof(struct postern_##entity, version), \
     .if_version_at = offsetof(struct postern_put_##entity##_request, if_version)}
// clang-format on

// Fills in the put request `request` by the command line: its name by the first operand, the rest by options, version
// included. What is wrong is a misuse: ask cli_good.
void schema_read(struct cli *cli, const struct schema *schema, void *request);
// Fills in the put request so that it would leave the record as it is. Points into the record.
void schema_copy(const struct schema *schema, const void *from, void *request);
// Print a record: on one line; on a line for each field that is set.
void schema_print_line(const struct schema *schema, const void *from);
void schema_print(const struct schema *schema, const void *from);
// The heads and the cells of a list's table.
struct table *schema_table_new(const struct schema *schema);
void schema_add_row(struct table *table, const struct schema *schema, const void *from, uint64_t now_ms);

#endif
