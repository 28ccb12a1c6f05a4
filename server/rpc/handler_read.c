// Holds what the handlers share that read the registry in a snapshot: its end, last uses, pages.
#include "rpc/handler.h"
#include "rpc/wire.h"

#include <string.h>

enum status handler_end_view(struct call *call, enum status status)
{
    if (status == STATUS_OK)
        status = registry_seq(call->view, &call->reply.seq);
    store_view_end(call->view);
    return status;
}

enum call_progress handler_fail_no_account(struct call *call, const char *field, struct slice id)
{
    return call_fail(call, STATUS_NOT_FOUND, field,
                     "there is no account \"%.*s\": look it up with: postern account list", SLICE_ARGS(id));
}

// A damaged record says nothing about the key itself, so it does not hide it; nor is such a key one that was never
// used.
enum status handler_fill_use(struct call *call, const struct usage_view *usage, const uint8_t id[KEY_ID_SIZE],
                             Postern__V1__Key *out, bool *used)
{
    struct usage_last last;
    struct slice address;
    enum status status = STATUS_NOT_FOUND;
    if (usage->usage != NULL)
        status = usage_last_used(usage->usage, usage->txn, id, &last);
    if (used != NULL)
        *used = status != STATUS_NOT_FOUND;
    if (status == STATUS_NOT_FOUND || status == STATUS_DATA_LOSS)
        return STATUS_OK;
    if (status != STATUS_OK)
        return status;
    if (!arena_copy(call->arena, slice_make(last.address, last.address_size), &address))
        return STATUS_RESOURCE_EXHAUSTED;
    out->last_used_at_ms = last.last_ms;
    out->last_used_address = wire_text(address);
    return STATUS_OK;
}

// The call as it is without them is what its pages have in common.
bool handler_page_begin(struct call *call, struct handler_page *page)
{
    const ProtobufCMessage *request = &call->request->verify->base; // whichever member of the call it is
    const uint32_t *size = call_member(call, "page_size");
    const ProtobufCBinaryData *token = call_member(call, "page_token");
    arena_set_budget(call->arena, CALL_LIST_BUDGET); // until it is answered: one that waits takes nothing meanwhile
    *page = (struct handler_page){.size = *size != 0 ? *size : REGISTRY_PAGE_DEFAULT};
    page->binding.call = slice_text(call->route->name);
    page->binding.caller = slice_text(call->caller.name);
    ProtobufCMessage *bare = arena_alloc(call->arena, request->descriptor->sizeof_message);
    if (bare != NULL) {
        memcpy(bare, request, request->descriptor->sizeof_message);
        *(uint32_t *)wire_member(bare, "page_size") = 0;
        *(ProtobufCBinaryData *)wire_member(bare, "page_token") = wire_text(slice_empty());
    }
    if (bare == NULL || !record_pack_message(bare, call->arena, &page->binding.query)) {
        call_fail_memory(call);
        return false;
    }
    if (token->len == 0 || page_token_parse(call->server->secret, &page->binding, wire_slice(*token), &page->position))
        return true;
    call_fail_member(call, "page_token", "is not from an earlier page of this query and caller");
    return false;
}

bool handler_page_next(struct call *call, const struct handler_page *page, struct slice position,
                       ProtobufCBinaryData *out)
{
    size_t size = 0;
    uint8_t *token = arena_alloc(call->arena, PAGE_TOKEN_MAX);
    if (token == NULL || page_token_format(call->server->secret, &page->binding, position, token, &size) != STATUS_OK)
        return false;
    *out = wire_text(slice_make(token, size));
    return true;
}
