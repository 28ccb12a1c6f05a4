// Accounts, tiers and scopes: the calls that put, read, list and delete what has a name. They are alike for all three,
// so one path serves them; the route says which one a call is about, and members are found by their names.
#include "rpc/authority.h"
#include "rpc/handler.h"
#include "rpc/wire.h"
#include "zone/zone.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct entity {
    const char *member; // of requests and of results with one of it
    enum registry_command_kind put;
    enum registry_command_kind delete;
    size_t result_at; // of the plain struct in struct registry_result
};

static const struct entity entities[] = {
    [REGISTRY_ACCOUNT] = {"account", REGISTRY_PUT_ACCOUNT, REGISTRY_DELETE_ACCOUNT,
                          offsetof(struct registry_result, account)},
    [REGISTRY_TIER] = {"tier", REGISTRY_PUT_TIER, REGISTRY_DELETE_TIER, offsetof(struct registry_result, tier)},
    [REGISTRY_SCOPE] = {"scope", REGISTRY_PUT_SCOPE, REGISTRY_DELETE_SCOPE, offsetof(struct registry_result, scope)},
};

static const struct entity *entity_of(const struct call *call)
{
    return &entities[call->route->kind];
}

static struct slice name_of(const struct call *call)
{
    const ProtobufCBinaryData *name = call_member(call, entity_of(call)->member);
    return wire_slice(*name);
}

// --- what changes one

// The key that came with a new account.
static bool add_default_key(const struct handler_change *change, ProtobufCMessage *out)
{
    const struct registry_result *result = &change->command.result;
    if (!result->has_default_public_key)
        return true;
    return wire_set(out, "default_public_key",
                    wire_key(change->command.arena, &result->default_public_key, result->account.revoked_before_ms,
                             result->now_ms));
}

static bool answer(const struct handler_change *change, Postern__V1__Reply *reply)
{
    const struct entity *entity = entity_of(change->call);
    const uint8_t *result = (const uint8_t *)&change->command.result;
    ProtobufCMessage *out = call_result_new(change->call, change->command.arena, reply);
    return out != NULL &&
           wire_set(out, entity->member,
                    wire_record(change->command.arena, change->call->route->kind, result + entity->result_at)) &&
           add_default_key(change, out);
}

// NULL: the call has failed.
static struct handler_change *begin_change(struct call *call, enum registry_command_kind kind)
{
    const char *member = entity_of(call)->member;
    struct handler_change *change = NULL;
    if (name_of(call).size == 0)
        call_fail_member(call, member, "is missing: name the %s", member);
    else if ((change = handler_change_new(call, kind)) == NULL)
        call_fail_memory(call);
    else
        change->answer = answer;
    return change;
}

// May an update_mask name this field of the call?
static bool is_setting(const ProtobufCMessage *request, struct slice name)
{
    for (unsigned i = 0; i < request->descriptor->n_fields; i++) {
        const char *field = request->descriptor->fields[i].name;
        if (slice_equal(name, slice_text(field)))
            return strcmp(field, "if_version") != 0 && strcmp(field, "update_mask") != 0;
    }
    return false;
}

// False: the call has failed.
static bool read_mask(struct call *call, struct registry_command *command)
{
    const ProtobufCMessage *request = &call->request->verify->base; // whichever member it is
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(request->descriptor, "update_mask");
    const ProtobufCBinaryData *const *texts = call_member(call, "update_mask");
    const void *count = (const uint8_t *)request + field->quantifier_offset;
    char member[48];
    struct slice *names;
    command->mask_count = *(const size_t *)count;
    if (!wire_read_texts(call->arena, *texts, command->mask_count, &names)) {
        call_fail_memory(call);
        return false;
    }
    command->mask = names;
    for (size_t i = 0; i < command->mask_count; i++) {
        if (is_setting(request, names[i]))
            continue;
        (void)snprintf(member, sizeof member, "update_mask[%zu]", i);
        call_fail_member(call, member, "is no field that this call sets: say it as the protocol does, e.g. limits");
        return false;
    }
    return true;
}

// Returns the name of the time zone that the call sets; empty: none.
static struct slice zone_asked(const struct call *call, const struct registry_command *command)
{
    struct slice zone = call->route->kind == REGISTRY_ACCOUNT ? command->ask.put_account.time_zone
                        : call->route->kind == REGISTRY_TIER  ? command->ask.put_tier.time_zone
                                                              : slice_empty();
    bool is_set = command->mask_count == 0;
    for (size_t i = 0; i < command->mask_count; i++)
        is_set = is_set || slice_equal(command->mask[i], slice_text("time_zone"));
    return is_set ? zone : slice_empty();
}

// Is there a time zone of the name that is set? False: the call has failed. So decisions find all zones of records.
static bool check_zone(struct call *call, const struct registry_command *command)
{
    struct status_failure failure = {0};
    const struct zone *zone;
    struct slice name = zone_asked(call, command);
    if (name.size == 0 || call->server->zones == NULL)
        return true;
    enum status status = zone_load(call->server->zones, name, &zone, &failure);
    if (status == STATUS_INVALID_ARGUMENT)
        call_fail_member(call, "time_zone", "%s", failure.message);
    else if (status != STATUS_OK)
        call_fail_failure(call, status, &failure);
    return status == STATUS_OK;
}

enum call_progress handler_put(struct call *call)
{
    struct status_failure failure = {0};
    struct handler_change *change = begin_change(call, entity_of(call)->put);
    if (change == NULL || !read_mask(call, &change->command))
        return CALL_DONE;
    // What is asked is the plain struct, whichever member of the union it is.
    enum status status =
        wire_read_record(call->arena, call->route->kind, &call->request->verify->base, &change->command.ask, &failure);
    if (status != STATUS_OK)
        return call_fail_failure(call, status, &failure);
    return check_zone(call, &change->command) ? handler_submit(change) : CALL_DONE;
}

enum call_progress handler_delete_named(struct call *call)
{
    struct handler_change *change = begin_change(call, entity_of(call)->delete);
    if (change == NULL)
        return CALL_DONE;
    change->command.ask.delete_named.name = name_of(call);
    return handler_submit(change);
}

enum call_progress handler_revoke_all(struct call *call)
{
    const Postern__V1__RevokeAllRequest *request = call->request->revoke_all;
    struct handler_change *change = begin_change(call, REGISTRY_REVOKE_ALL);
    if (change == NULL)
        return CALL_DONE;
    change->command.ask.revoke_all = (struct registry_revoke_all){
        .account = name_of(call),
        .created_before_ms = request->created_before_ms,
        .reason = wire_slice(request->reason),
    };
    return handler_submit(change);
}

// --- what reads them

enum call_progress handler_get_account(struct call *call)
{
    struct slice id = name_of(call);
    struct registry_account account;
    if (id.size == 0)
        return call_fail_member(call, "account", "is missing: name the account");
    enum status status = authority_covers_account(call, id) ? store_view_begin(call->view) : STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = handler_end_view(call, registry_find_account(call->view, id, call->arena, &account));
    if (status == STATUS_NOT_FOUND)
        return handler_fail_no_account(call, "get_account.account", id);
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the account cannot be read: %s", status_name(status));
    Postern__V1__GetAccountReply *reply = call_result_new(call, call->arena, &call->reply);
    if (reply == NULL || (reply->account = wire_record(call->arena, REGISTRY_ACCOUNT, &account)) == NULL)
        return call_fail_memory(call);
    return CALL_DONE;
}

static bool fill_list(struct call *call, const struct registry_names_page *page, ProtobufCMessage *out)
{
    const ProtobufCFieldDescriptor *list = &out->descriptor->fields[0];
    size_t size = registry_schema(call->route->kind)->size;
    const uint8_t *items = page->items;
    void **messages = arena_array(call->arena, page->count, sizeof *messages);
    for (size_t i = 0; messages != NULL && i < page->count; i++)
        if ((messages[i] = wire_record(call->arena, call->route->kind, items + i * size)) == NULL)
            return false;
    void *count = (uint8_t *)out + list->quantifier_offset;
    *(size_t *)count = page->count;
    return wire_set(out, list->name, messages);
}

enum call_progress handler_list_named(struct call *call)
{
    struct registry_names_page found = {0};
    struct handler_page page;
    if (!handler_page_begin(call, &page))
        return CALL_DONE;
    struct registry_names_query query = {.after = page.position, .page_size = page.size};
    enum status status = store_view_begin(call->view);
    if (status == STATUS_OK)
        status =
            handler_end_view(call, registry_list_names(call->view, call->route->kind, &query, call->arena, &found));
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the %ss cannot be read: %s", entity_of(call)->member,
                         status_name(status));
    ProtobufCMessage *reply = call_result_new(call, call->arena, &call->reply);
    if (reply == NULL || !fill_list(call, &found, reply) ||
        (found.more && !handler_page_next(call, &page, found.last, wire_member(reply, "next_page_token"))))
        return call_fail_memory(call);
    return CALL_DONE;
}
