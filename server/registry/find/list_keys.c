// Makes pages of keys: of one account, of all by id, or of all by expiry, each in the order of an index. Filters look
// at every record, so a page examines a bounded number of them and may end early with a position to go on from. A
// record is decoded into scratch memory first and copied into the page only when it is wanted.
#include "registry/pack/pack.h"
#include "registry/state.h"
#include "registry/table.h"

#include <string.h>

// What the wire adds to a stored key: its state, the text forms of its ids.
enum { WIRE_EXTRA_BYTES = 80 };

struct listing {
    struct store_txn *view;
    const struct registry_list *query;
    struct arena *arena;   // of the page
    struct arena *scratch; // for records that the filters may drop
    struct registry_page *page;
    size_t examined;
    size_t bytes;
    // The account of the last key that was looked at; with the same slot, keys of one account come together.
    uint8_t account_id[ACCOUNT_ID_MAX];
    size_t account_id_size;
    struct registry_account account; // its numbers only
};

static enum status find_account(struct listing *listing, struct slice id)
{
    struct registry_account account;
    if (id.size > 0 && slice_equal(id, slice_make(listing->account_id, listing->account_id_size)))
        return STATUS_OK;
    enum status status = registry_find_any_account(listing->view, id, listing->scratch, &account);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
    if (id.size > sizeof listing->account_id)
        return STATUS_DATA_LOSS;
    memcpy(listing->account_id, id.data, id.size);
    listing->account_id_size = id.size;
    listing->account = (struct registry_account){.created_at_ms = account.created_at_ms,
                                                 .life = account.life,
                                                 .deleted = account.deleted,
                                                 .revoked_before_ms = account.revoked_before_ms};
    return STATUS_OK;
}

static bool has_entry(const struct registry_key *key, const struct registry_entry *wanted)
{
    size_t i = 0;
    while (i < key->metadata_count &&
           !(slice_equal(key->metadata[i].key, wanted->key) && slice_equal(key->metadata[i].value, wanted->value)))
        i++;
    return i < key->metadata_count;
}

// Does it have the name, the scope and the metadata that are asked for?
static bool is_described(const struct registry_list *query, const struct registry_key *key)
{
    bool has_scope = query->scope.size == 0 || account_grants_cover(key->scopes, key->scope_count, query->scope);
    if (!slice_starts_with(key->name, query->name_prefix) || !has_scope)
        return false;
    for (size_t i = 0; i < query->metadata_count; i++)
        if (!has_entry(key, &query->metadata[i]))
            return false;
    return true;
}

static bool is_wanted(const struct listing *listing, const struct registry_key *key)
{
    const struct registry_list *query = listing->query;
    if (key->deleted || (query->this_life && !registry_is_of_life(&listing->account, key)) || !is_described(query, key))
        return false;
    if (query->environment != 0 && key->environment != query->environment)
        return false;
    if (query->created_before_ms != 0 && key->facts.created_at_ms >= query->created_before_ms)
        return false;
    if (query->expires_before_ms != 0 &&
        (key->facts.expires_at_ms == 0 || key->facts.expires_at_ms >= query->expires_before_ms))
        return false;
    if (query->expires_after_ms > key->facts.expires_at_ms)
        return false;
    const uint64_t set_at_ms = key->expiry_set_at_ms != 0 ? key->expiry_set_at_ms : key->facts.created_at_ms;
    if (set_at_ms < query->expiry_set_after_ms)
        return false;
    if (query->last_rolled_before_ms != 0 &&
        (key->facts.has_successor || key->facts.created_at_ms >= query->last_rolled_before_ms))
        return false;
    return query->state == 0 ||
           key_state(&key->facts, listing->account.revoked_before_ms, query->now_ms) == query->state;
}

// Decoded a second time, because the first copy goes with the scratch.
static enum status add_to_page(struct listing *listing, struct slice value)
{
    struct registry_page *page = listing->page;
    enum status status = unpack_key(value, listing->arena, &page->keys[page->count]);
    if (status != STATUS_OK)
        return status;
    page->account_revoked_before_ms[page->count] = listing->account.revoked_before_ms;
    page->count++;
    listing->bytes += value.size + WIRE_EXTRA_BYTES;
    return STATUS_OK;
}

static enum status examine(struct listing *listing, const uint8_t *id, struct slice value)
{
    struct registry_key key;
    arena_reset(listing->scratch);
    enum status status = unpack_key(value, listing->scratch, &key);
    if (status != STATUS_OK)
        return status;
    if (memcmp(key.id, id, KEY_ID_SIZE) != 0)
        return STATUS_DATA_LOSS;
    status = find_account(listing, key.account);
    if (status != STATUS_OK)
        return status;
    listing->examined++;
    memcpy(listing->page->last, id, KEY_ID_SIZE);
    return is_wanted(listing, &key) ? add_to_page(listing, value) : STATUS_OK;
}

static bool is_full(const struct listing *listing)
{
    return listing->page->count >= listing->query->page_size || listing->examined >= REGISTRY_PAGE_EXAMINED_MAX ||
           (listing->page->count > 0 && listing->bytes >= listing->query->page_bytes_max);
}

// --- the three orders

static enum status walk_all(struct listing *listing, struct store_cursor *cursor)
{
    const struct registry_list *query = listing->query;
    struct slice key;
    struct slice value;
    struct table_key from = {.size = 0};
    if (query->after_set) {
        memcpy(from.bytes, query->after, KEY_ID_SIZE);
        from.size = KEY_ID_SIZE;
        table_key_step(&from);
    }
    enum status status = store_cursor_seek(cursor, table_slice(&from), &key, &value);
    while (status == STATUS_OK && !is_full(listing)) {
        if (key.size != KEY_ID_SIZE)
            return STATUS_DATA_LOSS;
        status = examine(listing, key.data, value);
        if (status != STATUS_OK)
            return status;
        status = store_cursor_next(cursor, &key, &value);
    }
    listing->page->more = status == STATUS_OK;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status examine_indexed(struct listing *listing, struct slice index_key)
{
    struct slice account;
    struct slice id;
    struct slice value;
    if (!table_by_account_parse(index_key, &account, &id))
        return STATUS_DATA_LOSS;
    enum status status = store_get(listing->view, TABLE_KEY, id, &value);
    if (status == STATUS_OK)
        status = examine(listing, id.data, value);
    return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
}

static enum status walk_account(struct listing *listing, struct store_cursor *cursor)
{
    const struct registry_list *query = listing->query;
    struct slice key;
    struct slice value;
    struct table_key account = table_by_account_key(query->account, NULL);
    struct table_key from = table_by_account_key(query->account, query->after_set ? query->after : NULL);
    if (query->after_set)
        table_key_step(&from);
    enum status status = store_cursor_seek(cursor, table_slice(&from), &key, &value);
    bool inside = status == STATUS_OK && slice_starts_with(key, table_slice(&account));
    while (inside && !is_full(listing)) {
        status = examine_indexed(listing, key);
        if (status != STATUS_OK)
            return status;
        status = store_cursor_next(cursor, &key, &value);
        inside = status == STATUS_OK && slice_starts_with(key, table_slice(&account));
    }
    listing->page->more = inside;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

// Where the page begins: keys that must still work have their expiry before them.
static struct table_key first_expiry(const struct registry_list *query)
{
    static const uint8_t lowest[KEY_ID_SIZE] = {0};
    if (query->after_set) {
        struct table_key from = table_by_expiry_key(query->after_expires_at_ms, query->after);
        table_key_step(&from);
        return from;
    }
    bool works =
        query->state == KEY_STATE_ACTIVE || query->state == KEY_STATE_ROLLING || query->state == KEY_STATE_DISABLED;
    uint64_t from_ms = works && query->now_ms > query->expires_after_ms ? query->now_ms : query->expires_after_ms;
    return table_by_expiry_key(from_ms, lowest);
}

static enum status examine_expiry(struct listing *listing, uint64_t expires_at_ms, struct slice id)
{
    struct slice value;
    enum status status = store_get(listing->view, TABLE_KEY, id, &value);
    if (status == STATUS_OK)
        status = examine(listing, id.data, value);
    listing->page->last_expires_at_ms = expires_at_ms;
    return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
}

static enum status walk_expiry(struct listing *listing, struct store_cursor *cursor)
{
    struct slice key;
    struct slice value;
    struct slice id;
    uint64_t expires_at_ms = 0;
    const struct registry_list *query = listing->query;
    struct table_key from = first_expiry(query);
    enum status status = store_cursor_seek(cursor, table_slice(&from), &key, &value);
    for (; status == STATUS_OK; status = store_cursor_next(cursor, &key, &value)) {
        if (!table_by_expiry_parse(key, &expires_at_ms, &id))
            return STATUS_DATA_LOSS;
        listing->page->more = expires_at_ms < query->expires_before_ms;
        if (!listing->page->more || is_full(listing))
            return STATUS_OK;
        status = examine_expiry(listing, expires_at_ms, id);
        if (status != STATUS_OK)
            return status;
    }
    listing->page->more = false;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static const struct order {
    enum table table;
    enum status (*walk)(struct listing *listing, struct store_cursor *cursor);
} orders[] = {
    {TABLE_KEY, walk_all},
    {TABLE_KEY_BY_ACCOUNT, walk_account},
    {TABLE_KEY_BY_EXPIRY, walk_expiry},
};

static const struct order *order_of(const struct registry_list *query)
{
    if (query->account.size > 0)
        return &orders[1];
    return query->expires_before_ms != 0 ? &orders[2] : &orders[0];
}

static enum status walk(struct listing *listing)
{
    struct store_cursor *cursor = NULL;
    const struct order *order = order_of(listing->query);
    enum status status = store_cursor_open(listing->view, order->table, &cursor);
    if (status == STATUS_OK)
        status = order->walk(listing, cursor);
    store_cursor_close(cursor);
    return status;
}

enum status registry_list_keys(struct store_txn *view, const struct registry_list *query, struct arena *arena,
                               struct registry_page *out)
{
    struct registry_page page = {.count = 0};
    struct listing listing = {.view = view, .query = query, .arena = arena, .page = &page};
    page.keys = arena_array(arena, query->page_size, sizeof *page.keys);
    page.account_revoked_before_ms = arena_array(arena, query->page_size, sizeof *page.account_revoked_before_ms);
    if (page.keys == NULL || page.account_revoked_before_ms == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    if (query->account.size > ACCOUNT_ID_MAX) { // there is no such account
        *out = page;
        return STATUS_OK;
    }
    listing.scratch = arena_new(STATE_RECORD_BYTES);
    enum status status = listing.scratch != NULL ? walk(&listing) : STATUS_RESOURCE_EXHAUSTED;
    arena_free(listing.scratch);
    if (status == STATUS_OK)
        *out = page;
    return status;
}
