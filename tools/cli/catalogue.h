// Lists of what operators keep by name: tiers, scopes, accounts. One shape: pages of entries, a table for people.
#ifndef CLI_CATALOGUE_H
#define CLI_CATALOGUE_H

#include "page.h"
#include "table.h"

// One page as it was answered.
struct catalogue_page {
    struct postern_reply_base *reply; // the others are parts of it
    const void *entries;
    size_t count;
    const uint8_t *next_page_token;
    size_t next_page_token_size;
};

struct catalogue {
    const char *list;  // "tiers", as the protocol calls it
    const char *entry; // "tier", likewise, and for people
    size_t entry_size; // of its struct, whose first member is its name
    const char *none;  // said when there is nothing at all
    const char *const *heads;
    size_t columns;
    enum postern_status (*ask)(struct cli *cli, const struct page *page, struct catalogue_page *answer);
    void (*add_row)(struct table *table, const void *entry, uint64_t now_ms /* posternd's */);
    void (*print)(const void *entry); // for catalogue_get alone
};

extern const struct flag catalogue_list_flags[];

int catalogue_list(struct cli *cli, const struct catalogue *catalogue);
// Shows the entry that the first operand names, where the protocol has no call for one.
int catalogue_get(struct cli *cli, const struct catalogue *catalogue);

#endif
