// Lists that come in pages: a table for people, or JSON.
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "cli.h"
#include "schema.h"
#include "table.h"

// The options of a command that shows such a list.
#define PAGE_SIZE_FLAG  "page-size", "N", "entries at once, at most 500 (default 100)"
#define PAGE_TOKEN_FLAG "page-token", "TEXT", "go on where next_page_token of --json says"
#define PAGE_ALL_FLAG   "all", NULL, "all pages; with --json one object for each"

extern const struct flag list_flags[]; // of those that have no others

// Where a list goes on; for the request.
struct list_position {
    uint32_t size;
    const uint8_t *token;
    size_t token_size;
};

// One page as it was answered.
struct list_page {
    struct postern_reply_base *reply; // the others are parts of it
    const void *entries;
    size_t count;
    const uint8_t *next_page_token;
    size_t next_page_token_size;
};

struct list {
    const char *name;  // "tiers", as the protocol calls it
    const char *none;  // said when there is nothing at all
    size_t entry_size; // of its struct
    enum postern_status (*ask)(struct cli *cli, const struct list_position *at, const void *filter,
                               struct list_page *page);
    // How entries become rows: the columns of their schema, or without one, heads and a function.
    const struct schema *schema;
    unsigned columns; // 0: all
    const char *heads;
    void (*add_row)(struct table *table, const void *entry, uint64_t now_ms /* posternd's */);
    // Not 0: a part of the list is of no use. So all pages but empty ones are shown, of this many entries each.
    uint32_t gapless_page_size;
    bool json_lines; // --json prints a line for each entry, not one for each page; for none the answer
};

// Shows the list page by page; `ask` gets the filter. Empty pages are skipped, unless --json is given. Does nothing
// when the command line was wrong. Errors are printed.
void list_run(struct cli *cli, const struct list *list, const void *filter);
// Frees the page and goes on to the next; at->token_size 0: there is none.
void list_move_on(struct cli *cli, struct list_position *at, const struct list_page *page);
// Returns the n-th entry of a page.
const void *list_entry(const struct list *list, const struct list_page *page, size_t n);
// Finds the entry whose name, with which entries begin, is the first operand. It is in *page, whose reply the caller
// frees, at *index.
// Errors:
//   NOT_FOUND  there is none of that name
//   others     those of the calls
enum postern_status list_seek(struct cli *cli, const struct list *list, struct list_page *page, size_t *index);
// Shows the one entry that the first operand names, for records that the protocol only lists. Errors are printed.
void list_find(struct cli *cli, const struct list *list);

// Shows the keys of `account` (NULL: of all, or of the credential's account) that stand out in the hour of `at_ms` (0:
// the running one), for usage --unusual. Errors are printed.
void list_unusual(struct cli *cli, const char *account, uint64_t at_ms);

#endif
