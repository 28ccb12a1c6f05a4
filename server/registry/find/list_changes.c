// Makes pages of the audit chain for people: each change becomes entries that say, record by record, which fields it
// changed. The state before comes from the chain itself, by the index of changes by record, and every link is verified
// when it is read. A page over one account or key walks the index of changes by account instead of the whole chain.
#include "registry/chain/chain.h"
#include "registry/find/record_diff.h"
#include "registry/state.h"
#include "registry/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SCRATCH_BYTES = 8 * 1024 * 1024, // of the largest change
    PAGE_BYTES_DEFAULT = 512 * 1024,
    ENTRY_EXTRA_BYTES = 160, // what the wire adds to the fields
    FIELD_EXTRA_BYTES = 6
};

struct listing {
    const struct registry *registry;
    struct store_txn *view;
    const struct registry_changes_query *query;
    struct arena *arena;   // of the page
    struct arena *scratch; // of one change
    struct arena *earlier; // of what one record was before
    struct registry_changes_page *page;
    size_t room; // of page->items
    struct chain_head head;
    struct slice account; // whose changes; empty: all of the chain
    uint64_t after_seq;
    uint64_t from_ms;
    struct registry_account life; // with query->this_life: the account, whose changes these are
    size_t examined;
    size_t bytes;
};

// --- one change, checked against the chain

static enum status read_change(struct listing *listing, uint64_t seq, struct arena *arena, struct change *out)
{
    struct chain_link before = {.master_id = 0};
    struct chain_link link;
    enum status status = chain_read_link(listing->view, seq, arena, &link);
    if (status == STATUS_OK && seq > 1)
        status = chain_read_link(listing->view, seq - 1, arena, &before);
    if (status == STATUS_OK)
        status = chain_verify_link(listing->registry->secret, before.mac, &link);
    if (status == STATUS_OK)
        status = unpack_change(link.change, arena, out);
    if (status == STATUS_OK && out->seq != seq)
        return STATUS_DATA_LOSS;
    return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
}

static enum status time_of(struct listing *listing, uint64_t seq, uint64_t *time_ms)
{
    struct change change;
    arena_reset(listing->scratch);
    enum status status = read_change(listing, seq, listing->scratch, &change);
    *time_ms = status == STATUS_OK ? change.time_ms : 0;
    return status;
}

// The first change that is behind `after_seq` and not before `from_ms`. Times go back along the chain only where
// an operator has reset the clock (posternd --clear-clock).
static enum status find_start(struct listing *listing, uint64_t *out)
{
    uint64_t low = listing->after_seq < listing->head.seq ? listing->after_seq + 1 : listing->head.seq + 1;
    uint64_t high = listing->from_ms > 0 ? listing->head.seq + 1 : low;
    while (low < high) {
        uint64_t time_ms = 0;
        uint64_t middle = low + (high - low) / 2;
        enum status status = time_of(listing, middle, &time_ms);
        if (status != STATUS_OK)
            return status;
        if (time_ms < listing->from_ms)
            low = middle + 1;
        else
            high = middle;
    }
    *out = low;
    return STATUS_OK;
}

// --- what it did to one record

// NULL in *out when there was no such record.
static enum status find_before(struct listing *listing, const struct image *image, uint64_t seq,
                               const struct image **out)
{
    uint64_t previous = 0;
    struct change change;
    *out = NULL;
    enum status status = chain_find_change(listing->view, image, seq - 1, &previous);
    if (status != STATUS_OK || previous == 0)
        return status;
    status = read_change(listing, previous, listing->earlier, &change);
    if (status != STATUS_OK)
        return status;
    const struct image *before = change_find(&change, image->kind, image_id(image));
    if (before == NULL)
        return STATUS_DATA_LOSS;
    *out = before->removed ? NULL : before;
    return STATUS_OK;
}

// A caller that may see one life alone sees its account as if there had been none before.
static bool is_birth(const struct listing *listing, const struct image *before)
{
    return listing->query->this_life && before != NULL && before->kind == REGISTRY_ACCOUNT &&
           before->of.account.deleted;
}

static enum status compare(struct listing *listing, const struct image *image, uint64_t seq, struct record_diff *out)
{
    const struct image *before = NULL;
    struct image born;
    struct diff_fields texts[2];
    arena_reset(listing->earlier);
    enum status status = find_before(listing, image, seq, &before);
    if (status != STATUS_OK)
        return status;
    if (is_birth(listing, before)) {
        born = *image;
        born.of.account.revoked_before_ms = 0; // the former account's
        image = &born;
        before = NULL;
    }
    if ((before != NULL && !diff_fields(before, listing->earlier, &texts[0])) ||
        !diff_fields(image, listing->earlier, &texts[1]))
        return STATUS_RESOURCE_EXHAUSTED;
    bool done = diff_records(before != NULL ? &texts[0] : NULL, image->removed ? NULL : &texts[1], listing->arena, out);
    return done ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}

static enum status add_entry(struct listing *listing, const struct change *change, const struct image *image)
{
    struct record_diff difference;
    struct registry_changes_page *page = listing->page;
    struct registry_change_entry *entry = &page->items[page->count];
    enum status status = compare(listing, image, change->seq, &difference);
    if (status != STATUS_OK)
        return status;
    *entry = (struct registry_change_entry){.seq = change->seq,
                                            .time_ms = change->time_ms,
                                            .what = change_name(change->kind),
                                            .has_key_id = image->kind == REGISTRY_KEY,
                                            .before = difference.before,
                                            .before_count = difference.before_count,
                                            .after = difference.after,
                                            .after_count = difference.after_count};
    if (entry->has_key_id)
        memcpy(entry->key_id, image->of.key.id, KEY_ID_SIZE);
    if (!arena_copy(listing->arena, change->actor, &entry->actor) ||
        !arena_copy(listing->arena, change->on_behalf_of, &entry->on_behalf_of) ||
        !arena_copy(listing->arena, image_account(image), &entry->account))
        return STATUS_RESOURCE_EXHAUSTED;
    page->count++;
    listing->bytes +=
        difference.bytes + ENTRY_EXTRA_BYTES + (difference.before_count + difference.after_count) * FIELD_EXTRA_BYTES;
    return STATUS_OK;
}

// --- what it did beside that

static bool print_number(struct arena *arena, uint64_t number, struct slice *out)
{
    char digits[24];
    return arena_copy(arena, slice_make(digits, (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number)), out);
}

// Idempotency records are nobody's in particular: so many are gone.
static enum status add_idempotency(struct listing *listing, const struct change *change)
{
    enum { FIELDS = 2 };
    struct registry_changes_page *page = listing->page;
    struct registry_change_entry *entry = &page->items[page->count];
    struct registry_entry *before = arena_array(listing->arena, FIELDS, sizeof *before);
    if (before == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    before[0].key = slice_text("idempotency_records");
    before[1].key = slice_text("made_before_ms");
    *entry = (struct registry_change_entry){.seq = change->seq,
                                            .time_ms = change->time_ms,
                                            .what = change_name(change->kind),
                                            .before = before,
                                            .before_count = FIELDS};
    if (!print_number(listing->arena, change->idempotency_count, &before[0].value) ||
        !print_number(listing->arena, change->idempotency_before_ms, &before[1].value) ||
        !arena_copy(listing->arena, change->actor, &entry->actor))
        return STATUS_RESOURCE_EXHAUSTED;
    page->count++;
    listing->bytes += ENTRY_EXTRA_BYTES;
    return STATUS_OK;
}

// --- pages

static bool is_wanted(const struct listing *listing, const struct image *image)
{
    const struct registry_changes_query *query = listing->query;
    if (query->has_key_id && (image->kind != REGISTRY_KEY || memcmp(image->of.key.id, query->key_id, KEY_ID_SIZE) != 0))
        return false;
    if (query->this_life && image->kind == REGISTRY_KEY && !registry_is_of_life(&listing->life, &image->of.key))
        return false;
    return query->account.size == 0 || slice_equal(image_account(image), query->account);
}

static bool wants_idempotency(const struct listing *listing, const struct change *change)
{
    return change->idempotency_count > 0 && !listing->query->has_key_id && listing->query->account.size == 0;
}

static bool is_full(const struct listing *listing)
{
    const struct registry_changes_page *page = listing->page;
    size_t asked = listing->query->page_bytes_max;
    return page->count >= listing->query->page_size || listing->examined >= REGISTRY_PAGE_EXAMINED_MAX ||
           (page->count > 0 && listing->bytes >= (asked > 0 ? asked : PAGE_BYTES_DEFAULT));
}

// Room for all images of one more change: a page ends between two changes.
static bool make_room(struct listing *listing, size_t more)
{
    struct registry_changes_page *page = listing->page;
    if (more <= listing->room - page->count)
        return true;
    size_t least = page->count + more;
    size_t room = least > 2 * listing->room ? least : 2 * listing->room; // what is left behind stays in the arena
    struct registry_change_entry *items = arena_array(listing->arena, room, sizeof *items);
    if (items == NULL)
        return false;
    if (page->count > 0)
        memcpy(items, page->items, page->count * sizeof *items);
    page->items = items;
    listing->room = room;
    return true;
}

// *past: this change and all behind it are too new.
static enum status examine(struct listing *listing, uint64_t seq, bool *past)
{
    struct change change;
    const struct registry_changes_query *query = listing->query;
    arena_reset(listing->scratch);
    enum status status = read_change(listing, seq, listing->scratch, &change);
    if (status != STATUS_OK)
        return status;
    *past = query->to_ms > 0 && change.time_ms >= query->to_ms;
    if (*past)
        return STATUS_OK;
    listing->examined++;
    listing->page->last_seq = seq;
    if (query->actor.size > 0 && !slice_equal(change.actor, query->actor))
        return STATUS_OK;
    if (!make_room(listing, change.image_count + 1))
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < change.image_count && status == STATUS_OK; i++)
        if (is_wanted(listing, &change.images[i]))
            status = add_entry(listing, &change, &change.images[i]);
    return status == STATUS_OK && wants_idempotency(listing, &change) ? add_idempotency(listing, &change) : status;
}

static enum status walk_chain(struct listing *listing, uint64_t seq)
{
    bool past = false;
    while (seq <= listing->head.seq && !is_full(listing)) {
        enum status status = examine(listing, seq, &past);
        if (status != STATUS_OK || past)
            return status;
        seq++;
    }
    listing->page->more = seq <= listing->head.seq;
    return STATUS_OK;
}

static enum status walk_index(struct listing *listing, struct store_cursor *cursor, uint64_t start)
{
    bool past = false;
    struct slice key;
    struct slice value;
    struct table_key from = table_by_account_change_key(listing->account, start);
    enum status status = store_cursor_seek(cursor, table_slice(&from), &key, &value);
    bool inside = status == STATUS_OK && slice_starts_with(key, table_change_prefix(&from));
    while (inside && !is_full(listing)) {
        uint64_t seq = 0;
        if (!table_by_account_seq(key, &seq) || seq == 0 || seq > listing->head.seq)
            return STATUS_DATA_LOSS;
        status = examine(listing, seq, &past);
        if (status != STATUS_OK || past)
            return status;
        status = store_cursor_next(cursor, &key, &value);
        inside = status == STATUS_OK && slice_starts_with(key, table_change_prefix(&from));
    }
    listing->page->more = inside;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status walk_account(struct listing *listing, uint64_t start)
{
    struct store_cursor *cursor = NULL;
    enum status status = store_cursor_open(listing->view, TABLE_CHANGE_BY_ACCOUNT, &cursor);
    if (status == STATUS_OK)
        status = walk_index(listing, cursor, start);
    store_cursor_close(cursor);
    return status;
}

// A key's changes are among those of its account. *none: nothing can be found.
static enum status choose_account(struct listing *listing, bool *none)
{
    struct registry_key key;
    const struct registry_changes_query *query = listing->query;
    *none = query->account.size > ACCOUNT_ID_MAX;
    listing->account = query->account;
    if (!query->has_key_id || *none)
        return STATUS_OK;
    enum status status = registry_find_key(listing->view, query->key_id, listing->arena, &key);
    *none = status == STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        listing->account = key.account;
    return *none ? STATUS_OK : status;
}

// The life begins with the change that made the account; of older versions it is known when that was.
static enum status choose_life(struct listing *listing, bool *none)
{
    const struct registry_changes_query *query = listing->query;
    if (!query->this_life || *none)
        return STATUS_OK;
    enum status status = registry_find_account(listing->view, query->account, listing->arena, &listing->life);
    *none = status == STATUS_NOT_FOUND;
    if (status != STATUS_OK)
        return *none ? STATUS_OK : status;
    const struct registry_account *life = &listing->life;
    if (life->life > 0 && listing->after_seq < life->life - 1)
        listing->after_seq = life->life - 1;
    if (life->life == 0 && listing->from_ms < life->created_at_ms)
        listing->from_ms = life->created_at_ms;
    return STATUS_OK;
}

static enum status fill_page(struct listing *listing)
{
    bool none = false;
    uint64_t start = 0;
    enum status status = chain_read_head(listing->view, &listing->head);
    if (status == STATUS_OK)
        status = choose_account(listing, &none);
    if (status == STATUS_OK)
        status = choose_life(listing, &none);
    if (status == STATUS_OK && !none)
        status = find_start(listing, &start);
    if (status != STATUS_OK || none)
        return status;
    return listing->account.size > 0 ? walk_account(listing, start) : walk_chain(listing, start);
}

enum status registry_list_changes(const struct registry *registry, struct store_txn *view,
                                  const struct registry_changes_query *query, struct arena *arena,
                                  struct registry_changes_page *out)
{
    struct registry_changes_page page = {.last_seq = query->after_seq};
    struct listing listing = {.registry = registry,
                              .view = view,
                              .query = query,
                              .arena = arena,
                              .page = &page,
                              .after_seq = query->after_seq,
                              .from_ms = query->from_ms};
    listing.scratch = arena_new(SCRATCH_BYTES);
    listing.earlier = arena_new(SCRATCH_BYTES);
    bool has_memory = listing.scratch != NULL && listing.earlier != NULL;
    enum status status = has_memory ? fill_page(&listing) : STATUS_RESOURCE_EXHAUSTED;
    arena_free(listing.scratch);
    arena_free(listing.earlier);
    if (status == STATUS_OK)
        *out = page;
    return status;
}
