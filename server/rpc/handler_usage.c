// GetUsage: who was answered what, by the hour or the day.
#include "rpc/authority.h"
#include "rpc/handler.h"
#include "rpc/wire.h"

// --- the answer

static Postern__V1__Counter *new_counter(struct arena *arena, struct slice name, uint64_t value)
{
    Postern__V1__Counter *counter = arena_alloc(arena, sizeof *counter);
    if (counter == NULL)
        return NULL;
    postern__v1__counter__init(counter);
    counter->name = wire_text(name);
    counter->value = value;
    return counter;
}

static Postern__V1__UsageBucket *wire_bucket(struct arena *arena, const struct usage_bucket *from)
{
    const struct usage_tally *tally = &from->tally;
    Postern__V1__UsageBucket *bucket = arena_alloc(arena, sizeof *bucket);
    if (bucket == NULL)
        return NULL;
    postern__v1__usage_bucket__init(bucket);
    bucket->start_ms = from->start_ms;
    bucket->would_refuse = tally->would_refuse;
    bucket->reasons = arena_array(arena, tally->count_count, sizeof *bucket->reasons);
    bucket->costs = arena_array(arena, tally->cost_count, sizeof *bucket->costs);
    if (bucket->reasons == NULL || bucket->costs == NULL)
        return NULL;
    for (size_t i = 0; i < tally->count_count; i++) {
        struct slice name = slice_text(reason_name((enum reason)tally->counts[i].reason));
        bucket->reasons[i] = new_counter(arena, name, tally->counts[i].count);
        if (bucket->reasons[i] == NULL)
            return NULL;
        bucket->n_reasons++;
    }
    for (size_t i = 0; i < tally->cost_count; i++) {
        bucket->costs[i] = new_counter(arena, tally->costs[i].resource, tally->costs[i].cost);
        if (bucket->costs[i] == NULL)
            return NULL;
        bucket->n_costs++;
    }
    return bucket;
}

static enum call_progress answer(struct call *call, const struct usage_report *report)
{
    Postern__V1__GetUsageReply *reply = call_result_new(call, call->arena, &call->reply);
    if (reply == NULL)
        return call_fail_memory(call);
    reply->buckets = arena_array(call->arena, report->bucket_count, sizeof *reply->buckets);
    if (reply->buckets == NULL)
        return call_fail_memory(call);
    for (size_t i = 0; i < report->bucket_count; i++) {
        reply->buckets[i] = wire_bucket(call->arena, &report->buckets[i]);
        if (reply->buckets[i] == NULL)
            return call_fail_memory(call);
        reply->n_buckets++;
    }
    return CALL_DONE;
}

// --- whose

static enum call_progress read_usage(struct call *call, struct usage_subject subject)
{
    const Postern__V1__GetUsageRequest *request = call->request->get_usage;
    struct usage_query query = {subject, request->from_ms, request->to_ms, request->bucket_s};
    struct usage_report report = {0};
    struct usage_view usage;
    struct status_failure failure = {0};
    enum status status = usage_view_begin(call->server->usage, &usage);
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the usage cannot be read: %s", status_name(status));
    if (usage.usage == NULL)
        return call_fail(call, STATUS_UNIMPLEMENTED, "get_usage", "this server keeps no usage");
    arena_set_budget(call->arena, CALL_LIST_BUDGET); // for no longer than the call is handled: it never waits
    status = usage_read(usage.usage, usage.txn, &query, call->arena, &report, &failure);
    usage_view_end(&usage);
    if (status == STATUS_RESOURCE_EXHAUSTED)
        return call_fail(call, status, "get_usage.from_ms",
                         "the answer is too large: ask for a shorter span, or for days (bucket_s 86400)");
    if (status != STATUS_OK)
        return call_fail_failure(call, status, &failure);
    return answer(call, &report);
}

static enum call_progress read_of_key(struct call *call)
{
    uint8_t *id = arena_alloc(call->arena, KEY_ID_SIZE);
    struct registry_key key = {.deleted = false};
    if (id == NULL)
        return call_fail_memory(call);
    if (!key_id_parse(wire_slice(call->request->get_usage->key_id), id))
        return call_fail_member(call, "key_id", "is missing: \"key_\" and 15 letters or digits");
    enum status status = store_view_begin(call->view);
    if (status == STATUS_OK)
        status = handler_end_view(call, registry_find_key(call->view, id, call->arena, &key));
    if (status == STATUS_OK && !authority_covers_key(call, &key))
        status = STATUS_NOT_FOUND;
    if (status == STATUS_NOT_FOUND)
        return call_fail(call, status, "get_usage.key_id", "no such key: look it up with: postern list");
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the key cannot be read: %s", status_name(status));
    return read_usage(call, (struct usage_subject){USAGE_OF_KEY, slice_make(id, KEY_ID_SIZE)});
}

static bool begins_life(const struct registry_change_entry *entry)
{
    for (size_t i = 0; i < entry->after_count; i++)
        if (!entry->has_key_id && slice_equal(entry->after[i].key, slice_text("created_at_ms")))
            return true;
    return false;
}

// A life that is over is known by the change that it began with alone. Errors: NOT_FOUND.
static enum status find_life(struct call *call, struct slice id, uint64_t life)
{
    const struct registry_changes_query query = {.after_seq = life - 1, .account = id, .page_size = 1};
    struct registry_changes_page page = {0};
    enum status status = registry_list_changes(call->server->registry, call->view, &query, call->arena, &page);
    for (size_t i = 0; status == STATUS_OK && i < page.count; i++)
        if (page.items[i].seq == life && begins_life(&page.items[i]))
            return STATUS_OK;
    return status == STATUS_OK ? STATUS_NOT_FOUND : status;
}

// The account in its present life, or in the one that is asked for.
static enum status find_account(struct call *call, struct slice id, struct registry_account *account)
{
    uint64_t life = call->request->get_usage->life;
    bool is_operator = (call->caller.authorities & AUTHORITY_OPERATOR) != 0;
    if (!authority_covers_account(call, id))
        return STATUS_NOT_FOUND;
    enum status status = registry_find_account(call->view, id, call->arena, account);
    if (life == 0 || (status == STATUS_OK && account->life == life) || (status != STATUS_OK && !is_operator))
        return status;
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    *account = (struct registry_account){.id = id, .life = life};
    return is_operator ? find_life(call, id, life) : STATUS_NOT_FOUND;
}

static enum call_progress read_of_account(struct call *call, struct slice id)
{
    struct registry_account account = {.life = 0};
    enum status status = store_view_begin(call->view);
    if (status == STATUS_OK)
        status = handler_end_view(call, find_account(call, id, &account));
    if (status == STATUS_NOT_FOUND && call->request->get_usage->life != 0)
        return call_fail(call, status, "get_usage.life",
                         "no account of this id began with that change: look it up with: postern audit --account %.*s",
                         SLICE_ARGS(id));
    if (status == STATUS_NOT_FOUND)
        return handler_fail_no_account(call, "get_usage.account", id);
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the account cannot be read: %s", status_name(status));
    uint8_t name[REGISTRY_LIFE_NAME_MAX];
    return read_usage(call, (struct usage_subject){USAGE_OF_ACCOUNT, registry_life_name(&account, name)});
}

// --- the call

enum call_progress handler_get_usage(struct call *call)
{
    const Postern__V1__GetUsageRequest *request = call->request->get_usage;
    if (request->subject_case == POSTERN__V1__GET_USAGE_REQUEST__SUBJECT_KEY_ID)
        return read_of_key(call);
    if (request->subject_case == POSTERN__V1__GET_USAGE_REQUEST__SUBJECT_ACCOUNT && request->account.len > 0)
        return read_of_account(call, wire_slice(request->account));
    if (call->caller.account.size > 0 && (call->caller.authorities & AUTHORITY_OPERATOR) == 0)
        return read_of_account(call, call->caller.account); // its own, as in List
    return call_fail_member(call, "subject", "is missing: set account or key_id");
}
