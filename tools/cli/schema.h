// What tiers, scopes, accounts and keys consist of: one schema for each says of every field which option sets it,
// where it is in the public structs, and how it is shown. Reading options, changing and printing go through the table,
// so that a new field is a new row.
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
    FIELD_MADE,  // of several members, by the field's function
    FIELD_TEXTS, // from here on lists
    FIELD_ENVIRONMENTS,
    FIELD_LIMITS,
    FIELD_METADATA
};

// Where a field is in a struct: `count_at` of lists. No setting is at 0, where every request has its `call`.
struct place {
    uint16_t at, count_at;
};

struct field {
    uint8_t kind;              // enum field_kind
    const char *name;          // in the protocol
    struct place in;           // the record
    struct place put;          // the request that creates it; {0}: that does not set it
    struct place update;       // the request that changes it; {0}: that does not
    unsigned update_bit;       // of it among that request's `fields`
    struct flag flag;          // the option that sets it; {0} for the name and for what cannot be set
    const char *update_help;   // what that option does in an update; NULL: the same
    struct flag unset;         // the option of an update that takes it away
    const char *gone;          // what holds when nothing is left of it: a sentence, for what is then wider
    const struct words *words; // of a number
    const char *if_zero;       // why a number may not be 0, behind it; NULL: it may
    const char *if_none;       // why a list may not become empty; NULL: it may
    const char *(*make)(const void *from, uint64_t now_ms, char buffer[OUTPUT_LIST_SIZE]); // FIELD_MADE
    const char *line, *line_unset; // in one line: a format with %s (", tier %s"); what comes when it is not set
    const char *label;             // in several lines: its name
    const char *yes, *no;          // a bool's values in several lines and in columns; `no` of a time in columns
    uint8_t column;                // its place among the columns of a list, from 1; 0: it is not there
    const char *head;              // of that column, marked as for table_new
};

static inline bool field_is_list(const struct field *field)
{
    return field->kind >= FIELD_TEXTS;
}

struct schema {
    const char *name;           // "tier"
    const struct field *fields; // the last is FIELD_END; the name is set by the first operand, if by no option
};

extern const struct schema key_schema; // key_list.c

// A row's kind, name and places. FIELD(tier, is_default) is a member of struct postern_tier and of struct
// postern_put_tier_request, which must have the same type; FIELD_SHOWN is a member of the record alone.
// clang-format off
#define FIELD_KIND(of, member) \
    _Generic(((struct postern_##of *)NULL)->member, bool: FIELD_BOOL, uint32_t: FIELD_NUMBER, uint64_t: FIELD_TIME, \
             const char *: FIELD_TEXT, const char *const *: FIELD_TEXTS, \
             const enum postern_environment *: FIELD_ENVIRONMENTS, const struct postern_limit *: FIELD_LIMITS, \
             const struct postern_entry *: FIELD_METADATA)
#define FIELD_AT(of, request, member) \
    offsetof(struct postern_##request, member) * \
        sizeof(char[FIELD_KIND(of, member) == FIELD_KIND(request, member) ? 1 : -1])
#define FIELD_SHOWN(of, member) \
    .kind = FIELD_KIND(of, member), .name = #member, .in.at = offsetof(struct postern_##of, member)
#define FIELD(of, member) FIELD_SHOWN(of, member), .update.at = FIELD_AT(of, put_##of##_request, member)
#define FIELD_LIST(of, member, count) \
    FIELD(of, member), .in.count_at = offsetof(struct postern_##of, count), \
    .update.count_at = offsetof(struct postern_put_##of##_request, count)
// clang-format on

// Fills in the request that creates a record by the command line. What is wrong is a misuse: ask cli_good.
void schema_read(struct cli *cli, const struct schema *schema, void *request);

// --- one field, for change.c

// Return its list in a record, and how many entries that has.
const void *schema_list(const struct field *field, const void *from);
size_t schema_count(const struct field *field, const void *from);
// Is it set in the record? Writes its value as text too.
bool schema_is_set(const struct field *field, const void *from, char text[OUTPUT_LIST_SIZE]);
// Returns its value, of FIELD_TIME.
uint64_t schema_time(const struct field *field, const void *from);
// Sets it in a request: `value` points to the member's value, of a list to the pointer.
void schema_put(const struct field *field, const struct place *place, void *request, const void *value, size_t count);
// Sets it by its option, or by the first operand if it has none; by another option of the same values a list.
void schema_read_field(struct cli *cli, const struct field *field, const struct place *place, void *request);
const void *schema_read_list(struct cli *cli, const struct field *field, const char *flag, size_t *count);

// --- shown

// Print a record: on one line; on a line for each field that is set.
void schema_print_line(const struct schema *schema, const void *from);
void schema_print(const struct schema *schema, const void *from, uint64_t now_ms);
// Make the table of a list, with the heads of the first `columns` (0: of all), and add a row to it.
struct table *schema_table_new(const struct schema *schema, unsigned columns);
void schema_add_row(struct table *table, const struct schema *schema, const void *from, uint64_t now_ms);

#endif
