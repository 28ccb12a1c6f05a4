// Makes pages of accounts, tiers and scopes in the order of their names. One walk serves all three: each kind brings
// the function that decodes its records into the page.
#include "registry/pack/pack.h"
#include "registry/state.h"

#include <string.h>

enum { PAGE_BYTES_DEFAULT = 512 * 1024 };

struct listing {
    struct store_txn *view;
    const struct registry_names_query *query;
    struct arena *arena;
    struct arena *scratch; // for what may be hidden
    // Decodes into the page's next item; false in *wanted: it is hidden.
    enum status (*read)(struct listing *listing, struct slice value, bool *wanted);
    union {
        struct registry_account *accounts;
        struct registry_tier *tiers;
        struct registry_scope *scopes;
    } items;
    size_t count;
    size_t examined;
    size_t bytes;
    uint8_t last[STORE_KEY_MAX];
    size_t last_size;
    bool more;
};

static bool is_full(const struct listing *listing)
{
    const struct registry_names_query *query = listing->query;
    size_t bytes_max = query->page_bytes_max > 0 ? query->page_bytes_max : PAGE_BYTES_DEFAULT;
    return listing->count >= query->page_size || listing->examined >= REGISTRY_PAGE_EXAMINED_MAX ||
           (listing->count > 0 && listing->bytes >= bytes_max);
}

static enum status examine(struct listing *listing, struct slice name, struct slice value)
{
    bool wanted = false;
    size_t size = value.size;
    if (name.size > sizeof listing->last)
        return STATUS_DATA_LOSS;
    enum status status = listing->read(listing, value, &wanted);
    if (status != STATUS_OK)
        return status;
    memcpy(listing->last, name.data, name.size);
    listing->last_size = name.size;
    listing->examined++;
    listing->count += wanted ? 1 : 0;
    listing->bytes += wanted ? size : 0;
    return STATUS_OK;
}

static enum status walk_from(struct listing *listing, struct store_cursor *cursor)
{
    struct slice name;
    struct slice value;
    enum status status = store_cursor_seek(cursor, listing->query->after, &name, &value);
    if (status == STATUS_OK && slice_equal(name, listing->query->after))
        status = store_cursor_next(cursor, &name, &value);
    while (status == STATUS_OK && !is_full(listing)) {
        status = examine(listing, name, value);
        if (status != STATUS_OK)
            return status;
        status = store_cursor_next(cursor, &name, &value);
    }
    listing->more = status == STATUS_OK;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status walk(struct listing *listing, enum table table, struct slice *last)
{
    struct store_cursor *cursor = NULL;
    *last = slice_empty();
    enum status status = store_cursor_open(listing->view, table, &cursor);
    if (status == STATUS_OK)
        status = walk_from(listing, cursor);
    store_cursor_close(cursor);
    if (status == STATUS_OK && !arena_copy(listing->arena, slice_make(listing->last, listing->last_size), last))
        return STATUS_RESOURCE_EXHAUSTED;
    return status;
}

// --- accounts

static enum status read_account(struct listing *listing, struct slice value, bool *wanted)
{
    struct registry_account account;
    arena_reset(listing->scratch);
    enum status status = unpack_account(value, listing->scratch, &account);
    *wanted = status == STATUS_OK && !account.deleted;
    return *wanted ? unpack_account(value, listing->arena, &listing->items.accounts[listing->count]) : status;
}

enum status registry_list_accounts(struct store_txn *view, const struct registry_names_query *query,
                                   struct arena *arena, struct registry_accounts_page *out)
{
    struct listing listing = {.view = view, .query = query, .arena = arena, .read = read_account};
    struct slice last;
    listing.items.accounts = arena_array(arena, query->page_size, sizeof *out->items);
    listing.scratch = arena_new(STATE_RECORD_BYTES);
    bool has_memory = listing.items.accounts != NULL && listing.scratch != NULL;
    enum status status = has_memory ? walk(&listing, TABLE_ACCOUNT, &last) : STATUS_RESOURCE_EXHAUSTED;
    arena_free(listing.scratch);
    if (status == STATUS_OK)
        *out = (struct registry_accounts_page){listing.items.accounts, listing.count, listing.more, last};
    return status;
}

// --- tiers

static enum status read_tier(struct listing *listing, struct slice value, bool *wanted)
{
    *wanted = true;
    return unpack_tier(value, listing->arena, &listing->items.tiers[listing->count]);
}

enum status registry_list_tiers(struct store_txn *view, const struct registry_names_query *query, struct arena *arena,
                                struct registry_tiers_page *out)
{
    struct listing listing = {.view = view, .query = query, .arena = arena, .read = read_tier};
    struct slice last;
    listing.items.tiers = arena_array(arena, query->page_size, sizeof *out->items);
    enum status status = listing.items.tiers != NULL ? walk(&listing, TABLE_TIER, &last) : STATUS_RESOURCE_EXHAUSTED;
    if (status == STATUS_OK)
        *out = (struct registry_tiers_page){listing.items.tiers, listing.count, listing.more, last};
    return status;
}

// --- scopes

static enum status read_scope(struct listing *listing, struct slice value, bool *wanted)
{
    *wanted = true;
    return unpack_scope(value, listing->arena, &listing->items.scopes[listing->count]);
}

enum status registry_list_scopes(struct store_txn *view, const struct registry_names_query *query, struct arena *arena,
                                 struct registry_scopes_page *out)
{
    struct listing listing = {.view = view, .query = query, .arena = arena, .read = read_scope};
    struct slice last;
    listing.items.scopes = arena_array(arena, query->page_size, sizeof *out->items);
    enum status status = listing.items.scopes != NULL ? walk(&listing, TABLE_SCOPE, &last) : STATUS_RESOURCE_EXHAUSTED;
    if (status == STATUS_OK)
        *out = (struct registry_scopes_page){listing.items.scopes, listing.count, listing.more, last};
    return status;
}
