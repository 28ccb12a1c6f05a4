// Answers List: a page of keys with their last use and, where asked for, what is unusual about them.
#include "rpc/authority.h"
#include "rpc/handler.h"
#include "rpc/wire.h"

#include <string.h>

enum {
    PAGE_BYTES_MAX = 512 * 1024, // of stored keys: their wire form has to fit a reply
    PAGE_ASSESSED_MAX = 100,     // keys of which all the past is read: 3 ms
    PAGE_EXAMINED_MAX = 250,     // where that is so for busy keys only: 2 ms, 30 when all of them are
    // Where a page of keys ended: the key's id, and its expiry then.
    POSITION_SIZE = KEY_ID_SIZE + 8
};

static void write_position(const struct registry_page *page, uint8_t out[POSITION_SIZE])
{
    memcpy(out, page->last, KEY_ID_SIZE);
    for (unsigned i = 0; i < 8; i++)
        out[KEY_ID_SIZE + i] = (uint8_t)(page->last_expires_at_ms >> (56 - 8 * i));
}

static bool read_position(struct slice position, struct registry_list *query)
{
    if (position.size != POSITION_SIZE)
        return false;
    query->after_set = true;
    memcpy(query->after, position.data, KEY_ID_SIZE);
    for (unsigned i = 0; i < 8; i++)
        query->after_expires_at_ms = query->after_expires_at_ms << 8 | position.data[KEY_ID_SIZE + i];
    return true;
}

// --- what stands out in an hour of a key

// How keys are compared with their own past.
enum unusual {
    UNUSUAL_NOT,
    UNUSUAL_ONLY, // those with something unusual are filled in
    UNUSUAL_ALL   // every key is, with what is usual
};

struct comparison {
    const struct usage_view *usage;
    enum unusual which;
    uint64_t at_ms; // of the hour to compare
};

static const struct {
    enum usage_flag flag;
    Postern__V1__Unusual wire;
} flags[] = {{USAGE_VOLUME_UP, POSTERN__V1__UNUSUAL__UNUSUAL_VOLUME},
             {USAGE_REFUSALS_UP, POSTERN__V1__UNUSUAL__UNUSUAL_REFUSALS},
             {USAGE_NEW_ADDRESS, POSTERN__V1__UNUSUAL__UNUSUAL_NEW_ADDRESS}};

enum { FLAGS = sizeof flags / sizeof flags[0], HOUR_MS = 3600 * 1000 };

static bool fill_activity(struct arena *arena, const struct usage_verdict *verdict, uint64_t at_ms,
                          Postern__V1__Key *out)
{
    out->unusual = arena_array(arena, FLAGS, sizeof *out->unusual);
    out->activity = arena_alloc(arena, sizeof *out->activity);
    if (out->unusual == NULL || out->activity == NULL)
        return false;
    for (size_t i = 0; i < FLAGS; i++) {
        if ((verdict->flags & flags[i].flag) != 0)
            out->unusual[out->n_unusual++] = flags[i].wire;
    }
    postern__v1__activity__init(out->activity);
    out->activity->hour_start_ms = at_ms - at_ms % HOUR_MS;
    out->activity->calls = verdict->calls;
    out->activity->refusals = verdict->refusals;
    out->activity->judged = verdict->assessed;
    out->activity->usual_calls = verdict->usual_calls;
    out->activity->usual_refusals = verdict->usual_refusals;
    return true;
}

// A damaged record of a key's last use does not hide the key; it cannot be assessed.
static enum status fill_unusual(struct call *call, const struct comparison *comparison, const uint8_t id[KEY_ID_SIZE],
                                Postern__V1__Key *out)
{
    struct usage_verdict verdict = {0};
    const struct usage_view *usage = comparison->usage;
    bool all = comparison->which == UNUSUAL_ALL;
    if (comparison->which == UNUSUAL_NOT || usage->usage == NULL)
        return STATUS_OK;
    enum status status = usage_unusual(usage->usage, usage->txn, id, comparison->at_ms,
                                       all ? USAGE_ASSESS_ALL : USAGE_ASSESS_IF_UNUSUAL, &verdict);
    if (status != STATUS_OK && status != STATUS_DATA_LOSS)
        return status;
    if (!all && verdict.flags == 0)
        return STATUS_OK;
    return fill_activity(call->arena, &verdict, comparison->at_ms, out) ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}

// --- the page

static enum unusual unusual_of(const Postern__V1__ListRequest *request)
{
    if (request->with_unusual)
        return UNUSUAL_ALL;
    return request->unusual ? UNUSUAL_ONLY : UNUSUAL_NOT;
}

// Filters on the use of keys leave some of the page out: it is then shorter.
static enum status add_key(struct call *call, Postern__V1__Key *key, const uint8_t id[KEY_ID_SIZE],
                           const struct comparison *comparison, Postern__V1__ListReply *out)
{
    bool used = false;
    const Postern__V1__ListRequest *request = call->request->list;
    enum status status = handler_fill_use(call, comparison->usage, id, key, &used);
    if (status != STATUS_OK || (used && request->never_used))
        return status;
    status = fill_unusual(call, comparison, id, key);
    if (status == STATUS_OK && (key->n_unusual > 0 || !request->unusual))
        out->keys[out->n_keys++] = key;
    return status;
}

static enum status fill_keys(struct call *call, const struct registry_page *page, const struct comparison *comparison,
                             uint64_t now_ms, Postern__V1__ListReply *out)
{
    out->keys = arena_array(call->arena, page->count, sizeof *out->keys);
    if (out->keys == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < page->count; i++) {
        Postern__V1__Key *key = wire_key(call->arena, &page->keys[i], page->account_revoked_before_ms[i], now_ms);
        enum status status =
            key != NULL ? add_key(call, key, page->keys[i].id, comparison, out) : STATUS_RESOURCE_EXHAUSTED;
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status fill_page(struct call *call, const struct registry_page *page, uint64_t now_ms,
                             Postern__V1__ListReply *out)
{
    struct usage_view usage;
    enum status status = usage_view_begin(call->server->usage, &usage);
    if (status != STATUS_OK)
        return status;
    const Postern__V1__ListRequest *request = call->request->list;
    uint64_t at_ms = request->unusual_at_ms != 0 ? request->unusual_at_ms : now_ms;
    struct comparison comparison = {&usage, unusual_of(request), at_ms};
    status = fill_keys(call, page, &comparison, now_ms, out);
    usage_view_end(&usage);
    return status;
}

static bool fill_next(struct call *call, const struct handler_page *page, const struct registry_page *found,
                      Postern__V1__ListReply *out)
{
    uint8_t position[POSITION_SIZE];
    if (!found->more)
        return true;
    write_position(found, position);
    return handler_page_next(call, page, slice_make(position, sizeof position), &out->next_page_token);
}

// An account that is gone may have keys that operators find, so that only where there is none the account is looked
// for.
static enum status find_page(struct call *call, const struct registry_list *query, const struct handler_page *page,
                             struct registry_page *found)
{
    struct registry_account account;
    enum status status = registry_list_keys(call->view, query, call->arena, found);
    bool is_empty = page->position.size == 0 && found->count == 0 && !found->more;
    if (status != STATUS_OK || query->account.size == 0 || !is_empty)
        return status;
    return registry_find_account(call->view, query->account, call->arena, &account);
}

static enum call_progress list_page(struct call *call, const struct registry_list *query,
                                    const struct handler_page *page)
{
    struct registry_page found = {0};
    const uint64_t complete_until_ms = registry_complete_until_ms(call->server->registry);
    enum status status = store_view_begin(call->view);
    if (status == STATUS_OK)
        status = handler_end_view(call, find_page(call, query, page, &found));
    if (status == STATUS_NOT_FOUND)
        return handler_fail_no_account(call, "list.account", query->account);
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the keys cannot be read: %s", status_name(status));
    Postern__V1__ListReply *reply = call_result_new(call, call->arena, &call->reply);
    if (reply == NULL)
        return call_fail_memory(call);
    reply->complete_until_ms = complete_until_ms;
    status = fill_page(call, &found, query->now_ms, reply);
    if (status == STATUS_RESOURCE_EXHAUSTED || (status == STATUS_OK && !fill_next(call, page, &found, reply)))
        return call_fail_memory(call);
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the keys' last use cannot be read: %s", status_name(status));
    return CALL_DONE;
}

// False when memory is out.
static bool read_query(struct call *call, struct registry_list *query)
{
    const Postern__V1__ListRequest *request = call->request->list;
    struct registry_entry *metadata = arena_array(call->arena, request->n_metadata, sizeof *metadata);
    for (size_t i = 0; metadata != NULL && i < request->n_metadata; i++)
        metadata[i] =
            (struct registry_entry){wire_slice(request->metadata[i]->key), wire_slice(request->metadata[i]->value)};
    *query = (struct registry_list){
        .account = wire_slice(request->account),
        .page_bytes_max = PAGE_BYTES_MAX,
        .state = (enum key_state)request->state,
        .environment = (enum key_environment)request->environment,
        .created_before_ms = request->created_before_ms,
        .expires_before_ms = request->expires_before_ms,
        .expires_after_ms = request->expires_after_ms,
        .expiry_set_after_ms = request->expiry_set_after_ms,
        .last_rolled_before_ms = request->last_rolled_before_ms,
        .name_prefix = wire_slice(request->name_prefix),
        .scope = wire_slice(request->scope),
        .metadata = metadata,
        .metadata_count = request->n_metadata,
        .now_ms = clock_now_ms(call->server->clock),
    };
    return metadata != NULL;
}

static size_t page_size(const Postern__V1__ListRequest *request, size_t wanted)
{
    size_t max = wanted;
    if (request->with_unusual)
        max = PAGE_ASSESSED_MAX;
    else if (request->unusual)
        max = PAGE_EXAMINED_MAX;
    return wanted < max ? wanted : max;
}

enum call_progress handler_list(struct call *call)
{
    struct handler_page page;
    struct registry_list query;
    if (!read_query(call, &query))
        return call_fail_memory(call);
    query.this_life = (call->caller.authorities & AUTHORITY_OPERATOR) == 0;
    if (query.account.size == 0 && query.this_life)
        query.account = call->caller.account;
    if (query.account.size > 0 && !authority_covers_account(call, query.account))
        return handler_fail_no_account(call, "list.account", query.account);
    if (!handler_page_begin(call, &page))
        return CALL_DONE;
    query.page_size = page_size(call->request->list, page.size);
    if (page.position.size > 0 && !read_position(page.position, &query))
        return call_fail_member(call, "page_token", "is not from an earlier page of this list");
    return list_page(call, &query, &page);
}
