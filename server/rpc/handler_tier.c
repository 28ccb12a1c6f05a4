// Tiers: making and changing, listing and deleting them.
#include "rpc/handler.h"
#include "rpc/wire.h"

// --- put_tier

static bool answer_put_tier(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__PutTierReply *put = arena_alloc(change->command.arena, sizeof *put);
    if (put == NULL)
        return false;
    postern__v1__put_tier_reply__init(put);
    put->tier = wire_tier(change->command.arena, &change->command.result.tier);
    reply->result_case = POSTERN__V1__REPLY__RESULT_PUT_TIER;
    reply->put_tier = put;
    return put->tier != NULL;
}

enum call_progress handler_put_tier(struct call *call)
{
    const Postern__V1__PutTierRequest *request = call->request->put_tier;
    if (request->tier.len == 0)
        return call_fail_member(call, "tier", "is missing: name the tier");
    struct handler_change *change = handler_change_new(call, REGISTRY_PUT_TIER);
    if (change == NULL)
        return call_fail_memory(call);
    struct registry_tier *tier = &change->command.ask.put_tier.tier;
    tier->name = wire_slice(request->tier);
    tier->is_default = request->is_default;
    tier->limit_count = request->n_limits;
    struct status_note note = {0};
    enum status status = wire_read_limits(call->arena, request->limits, request->n_limits, &tier->limits, &note);
    if (status != STATUS_OK)
        return call_fail_note(call, status, &note);
    change->command.if_version = request->if_version;
    change->answer = answer_put_tier;
    return handler_submit(change);
}

// --- list_tiers

static bool fill_tiers(struct call *call, const struct registry_tiers_page *page, Postern__V1__ListTiersReply *out)
{
    out->tiers = arena_array(call->arena, page->count, sizeof *out->tiers);
    for (size_t i = 0; out->tiers != NULL && i < page->count; i++) {
        out->tiers[i] = wire_tier(call->arena, &page->items[i]);
        if (out->tiers[i] == NULL)
            return false;
    }
    out->n_tiers = page->count;
    return out->tiers != NULL;
}

enum call_progress handler_list_tiers(struct call *call)
{
    const Postern__V1__ListTiersRequest *request = call->request->list_tiers;
    const Postern__V1__ListTiersRequest bare = POSTERN__V1__LIST_TIERS_REQUEST__INIT;
    struct handler_page_ask ask = {&bare.base, request->page_size, request->page_token};
    struct registry_tiers_page found = {0};
    struct handler_page page;
    if (!handler_page_begin(call, &ask, &page))
        return CALL_DONE;
    struct registry_names_query query = {.after = page.position, .page_size = page.size};
    enum status status = store_view_begin(call->view);
    if (status == STATUS_OK)
        status = handler_end_view(call, registry_list_tiers(call->view, &query, call->arena, &found));
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the tiers cannot be read: %s", status_name(status));
    Postern__V1__ListTiersReply *reply = arena_alloc(call->arena, sizeof *reply);
    if (reply == NULL)
        return call_fail_memory(call);
    postern__v1__list_tiers_reply__init(reply);
    if (!fill_tiers(call, &found, reply) ||
        (found.more && !handler_page_next(call, &page, found.last, &reply->next_page_token)))
        return call_fail_memory(call);
    call->reply.result_case = POSTERN__V1__REPLY__RESULT_LIST_TIERS;
    call->reply.list_tiers = reply;
    return CALL_DONE;
}

// --- delete_tier

static bool answer_delete_tier(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__DeleteTierReply *gone = arena_alloc(change->command.arena, sizeof *gone);
    if (gone == NULL)
        return false;
    postern__v1__delete_tier_reply__init(gone);
    gone->tier = wire_tier(change->command.arena, &change->command.result.tier);
    reply->result_case = POSTERN__V1__REPLY__RESULT_DELETE_TIER;
    reply->delete_tier = gone;
    return gone->tier != NULL;
}

enum call_progress handler_delete_tier(struct call *call)
{
    const Postern__V1__DeleteTierRequest *request = call->request->delete_tier;
    if (request->tier.len == 0)
        return call_fail_member(call, "tier", "is missing: name the tier");
    struct handler_change *change = handler_change_new(call, REGISTRY_DELETE_TIER);
    if (change == NULL)
        return call_fail_memory(call);
    change->command.ask.delete_named.name = wire_slice(request->tier);
    change->command.if_version = request->if_version;
    change->answer = answer_delete_tier;
    return handler_submit(change);
}
