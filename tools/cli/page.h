// Lists that come in pages.
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include "cli.h"

// The flags of every command that shows such a list.
#define PAGE_SIZE_FLAG  "page-size", "N", false, "entries at once, at most 500 (default 100)"
#define PAGE_TOKEN_FLAG "page-token", "TEXT", false, "go on where next_page_token of --json says"
#define PAGE_ALL_FLAG   "all", NULL, false, "all pages; with --json one object for each"

// Where a list stands; the first three go into the request.
struct page {
    uint32_t size;
    const uint8_t *token;
    size_t token_size;
    size_t shown; // entries so far
    bool all;     // follow all pages
};

// From the flags. False: said so on stderr, as a misuse.
bool page_read(struct cli *cli, struct page *page);
// Says that a page was shown, and where the next one is.
void page_shown(struct cli *cli, struct page *page, size_t count, const uint8_t *next, size_t next_size);
// Connects and calls `show` for page after page: it asks for one, shows it and says page_shown. For people empty pages
// are skipped; `none` is said when there is nothing at all.
int page_run(struct cli *cli, struct page *page, const char *none,
             int (*show)(struct cli *cli, struct page *page, void *context), void *context);

#endif
