// Makes pages of accounts, tiers and scopes in the order of their names.
//
// The problem: a table may hold far more than one reply, and may change between two pages. So a page ends at the number
// of records that was asked for, at the bytes that a reply may take, or when it has examined so many that others would
// have to wait; as deleted accounts are passed over, it may then even be empty. It says which name it examined last,
// and the next page begins behind that name, whether it is still there or not: no record comes twice, and none is
// missed that was there all the time. Records are unpacked into the page itself; only an account is looked at in
// scratch memory first, because it may be a deleted one.
#include "registry/pack/pack.h"
#include "registry/state.h"

#include <string.h>

enum { PAGE_BYTES_DEFAULT = 512 * 1024 };

struct listing {
    struct store_txn *view;
    enum registry_record_kind kind;
    const struct registry_names_query *query;
    struct arena *arena;
    struct arena *scratch; // for accounts, which may be hidden
    uint8_t *items;
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

static enum status check_wanted(struct listing *listing, struct slice value, bool *wanted)
{
    struct registry_account account;
    *wanted = true;
    if (listing->kind != REGISTRY_ACCOUNT)
        return STATUS_OK;
    arena_reset(listing->scratch);
    enum status status = unpack_account(value, listing->scratch, &account);
    *wanted = status == STATUS_OK && !account.deleted;
    return status;
}

static enum status examine(struct listing *listing, struct slice name, struct slice value)
{
    const struct record_schema *schema = registry_schema(listing->kind);
    bool wanted = false;
    if (name.size > sizeof listing->last)
        return STATUS_DATA_LOSS;
    enum status status = check_wanted(listing, value, &wanted);
    if (wanted)
        status = record_unpack(schema, value, listing->arena, listing->items + listing->count * schema->size);
    if (status != STATUS_OK)
        return status;
    memcpy(listing->last, name.data, name.size);
    listing->last_size = name.size;
    listing->examined++;
    listing->count += wanted ? 1 : 0;
    listing->bytes += wanted ? value.size : 0;
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

static enum status walk(struct listing *listing, struct slice *last)
{
    struct store_cursor *cursor = NULL;
    *last = slice_empty();
    enum status status = store_cursor_open(listing->view, image_table(listing->kind), &cursor);
    if (status == STATUS_OK)
        status = walk_from(listing, cursor);
    store_cursor_close(cursor);
    if (status == STATUS_OK && !arena_copy(listing->arena, slice_make(listing->last, listing->last_size), last))
        return STATUS_RESOURCE_EXHAUSTED;
    return status;
}

enum status registry_list_names(struct store_txn *view, enum registry_record_kind kind,
                                const struct registry_names_query *query, struct arena *arena,
                                struct registry_names_page *out)
{
    struct listing listing = {.view = view, .kind = kind, .query = query, .arena = arena};
    struct slice last;
    listing.items = arena_array(arena, query->page_size, registry_schema(kind)->size);
    listing.scratch = arena_new(STATE_RECORD_BYTES);
    bool has_memory = listing.items != NULL && listing.scratch != NULL;
    enum status status = has_memory ? walk(&listing, &last) : STATUS_RESOURCE_EXHAUSTED;
    arena_free(listing.scratch);
    if (status == STATUS_OK)
        *out = (struct registry_names_page){listing.items, listing.count, listing.more, last};
    return status;
}
