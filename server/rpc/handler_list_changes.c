// ListChanges: the audit chain, page by page. A call that finds nothing may wait for a change; it is then handled once
// more.
#include "rpc/authority.h"
#include "rpc/handler.h"
#include "rpc/watch.h"
#include "rpc/wire.h"

enum {
    PAGE_BYTES_MAX = 512 * 1024, // of texts: with what the wire adds they have to fit a reply
    POSITION_SIZE = 8            // the sequence of the last change
};

static Postern__V1__Change *write_change(struct arena *arena, const struct registry_change_entry *from)
{
    Postern__V1__Change *out = arena_alloc(arena, sizeof *out);
    if (out == NULL)
        return NULL;
    postern__v1__change__init(out);
    out->seq = from->seq;
    out->time_ms = from->time_ms;
    out->actor = wire_text(from->actor);
    out->on_behalf_of = wire_text(from->on_behalf_of);
    out->what = wire_text(slice_text(from->what));
    out->account = wire_text(from->account);
    out->n_before = from->before_count;
    out->n_after = from->after_count;
    bool filled = (!from->has_key_id || wire_key_id(arena, from->key_id, &out->key_id)) &&
                  wire_entries(arena, from->before, from->before_count, &out->before) &&
                  wire_entries(arena, from->after, from->after_count, &out->after);
    return filled ? out : NULL;
}

static bool fill_changes(struct call *call, const struct registry_changes_page *page,
                         Postern__V1__ListChangesReply *out)
{
    out->changes = arena_array(call->arena, page->count, sizeof *out->changes);
    for (size_t i = 0; out->changes != NULL && i < page->count; i++) {
        out->changes[i] = write_change(call->arena, &page->items[i]);
        if (out->changes[i] == NULL)
            return false;
    }
    out->n_changes = page->count;
    return out->changes != NULL;
}

static bool fill_next(struct call *call, const struct handler_page *page, const struct registry_changes_page *found,
                      Postern__V1__ListChangesReply *out)
{
    uint8_t position[POSITION_SIZE];
    if (!found->more)
        return true;
    for (unsigned i = 0; i < POSITION_SIZE; i++)
        position[i] = (uint8_t)(found->last_seq >> (56 - 8 * i));
    return handler_page_next(call, page, slice_make(position, sizeof position), &out->next_page_token);
}

static bool read_position(struct slice position, uint64_t *seq)
{
    *seq = 0;
    for (size_t i = 0; i < position.size && i < POSITION_SIZE; i++)
        *seq = *seq << 8 | position.data[i];
    return position.size == 0 || position.size == POSITION_SIZE;
}

// The reply is that of a page without changes.
static enum call_progress wait_for_change(struct call *call)
{
    uint32_t wait_ms = call->request->list_changes->wait_ms;
    if (wait_ms == 0 || call->server->watch == NULL)
        return CALL_DONE;
    return call_watch_add(call->server->watch, call, call->reply.seq, wait_ms);
}

static enum call_progress list_page(struct call *call, const struct registry_changes_query *query,
                                    const struct handler_page *page)
{
    struct registry_changes_page found = {0};
    enum status status = store_view_begin(call->view);
    if (status == STATUS_OK)
        status = handler_end_view(
            call, registry_list_changes(call->server->registry, call->view, query, call->arena, &found));
    if (status == STATUS_DATA_LOSS)
        return call_fail(call, status, NULL, "the chain of changes is broken: run posternd --check");
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the changes cannot be read: %s", status_name(status));
    Postern__V1__ListChangesReply *reply = call_result_new(call, call->arena, &call->reply);
    if (reply == NULL)
        return call_fail_memory(call);
    if (!fill_changes(call, &found, reply) || !fill_next(call, page, &found, reply))
        return call_fail_memory(call);
    return found.count == 0 && !found.more ? wait_for_change(call) : CALL_DONE;
}

// The credential may have been revoked while the call waited.
static enum status find_caller_again(struct call *call)
{
    enum status status = authority_resolve(call);
    return status == STATUS_OK ? authority_require(call, call->route->needs) : status;
}

enum call_progress handler_list_changes(struct call *call)
{
    const Postern__V1__ListChangesRequest *request = call->request->list_changes;
    struct handler_page page;
    struct registry_changes_query query = {
        .from_ms = request->from_ms,
        .to_ms = request->to_ms,
        .actor = wire_slice(request->actor),
        .account = wire_slice(request->account),
        .has_key_id = request->key_id.len > 0,
        .page_bytes_max = PAGE_BYTES_MAX,
    };
    enum status status = call->wait.tries > 0 ? find_caller_again(call) : STATUS_OK;
    if (status != STATUS_OK)
        return call_fail_status(call, status);
    if (query.has_key_id && !key_id_parse(wire_slice(request->key_id), query.key_id))
        return call_fail_member(call, "key_id", "is not a key id: \"key_\" and 15 letters or digits");
    query.this_life = (call->caller.authorities & AUTHORITY_OPERATOR) == 0;
    if (query.account.size == 0 && query.this_life)
        query.account = call->caller.account;
    if (query.account.size > 0 && !authority_covers_account(call, query.account))
        return handler_fail_no_account(call, "list_changes.account", query.account);
    if (!handler_page_begin(call, &page))
        return CALL_DONE;
    query.page_size = page.size;
    if (!read_position(page.position, &query.after_seq))
        return call_fail_member(call, "page_token", "is not from an earlier page of this list");
    if (query.after_seq < request->after_seq)
        query.after_seq = request->after_seq;
    return list_page(call, &query, &page);
}
