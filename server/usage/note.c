// Counts one decision in memory. Every call does this, so it takes two short locks and nothing else.
#include <assert.h>

#include "usage/internal.h"

struct note {
    const struct usage_decision *decision;
    size_t reason_index;
    bool is_use;
    size_t cost_count;
    uint16_t resources[USAGE_COSTS];
    uint64_t costs[USAGE_COSTS];
    uint64_t other_cost;
};

static void resolve_costs(struct usage *usage, struct note *note)
{
    const struct usage_decision *decision = note->decision;
    for (size_t i = 0; i < decision->charge_count; i++) {
        uint64_t cost = decision->charges[i].cost > 0 ? decision->charges[i].cost : 1;
        if (i >= USAGE_COSTS) {
            note->other_cost = usage_add(note->other_cost, cost);
            continue;
        }
        note->resources[i] = usage_resource_number(&usage->resources, decision->account, decision->charges[i].resource);
        note->costs[i] = cost;
        note->cost_count++;
    }
}

static void add_note(struct usage_entry *entry, const struct note *note)
{
    entry->sums.counts[note->reason_index]++;
    entry->sums.would_refuse += note->decision->would_refuse ? 1 : 0;
    for (size_t i = 0; i < note->cost_count; i++)
        usage_sums_add_cost(&entry->sums, note->resources[i], note->costs[i]);
    entry->sums.other_cost = usage_add(entry->sums.other_cost, note->other_cost);
    if (note->is_use && entry->kind == USAGE_OF_KEY)
        usage_trace_note(&entry->trace, note->decision->remote_address, note->decision->now_ms);
}

static void count(struct usage *usage, struct usage_subject subject, const struct note *note)
{
    uint64_t now_ms = note->decision->now_ms;
    struct usage_lookup lookup = usage_lookup(usage, subject, usage_hour_of(now_ms));
    struct usage_shard *shard = usage_shard(usage, lookup.hash);
    pthread_mutex_lock(&shard->mutex);
    struct usage_entry *entry = usage_find(shard, &lookup);
    if (entry != NULL)
        usage_touch(shard, entry);
    else
        entry = usage_take(shard, &lookup, now_ms);
    if (entry != NULL)
        add_note(entry, note);
    else
        shard->overflow++;
    if (subject.kind == USAGE_OF_ACCOUNT) {
        shard->noted[note->reason_index]++;
        shard->would_refuse += note->decision->would_refuse ? 1 : 0;
    }
    pthread_mutex_unlock(&shard->mutex);
}

void usage_note(struct usage *usage, const struct usage_decision *decision)
{
    struct note note = {.decision = decision, .reason_index = reason_index((uint32_t)decision->reason)};
    assert(note.reason_index < REASON_COUNT && decision->account.size <= USAGE_ACCOUNT_MAX);
    if (note.reason_index >= REASON_COUNT || decision->account.size > USAGE_ACCOUNT_MAX)
        return;
    note.is_use = decision->reason == REASON_ALLOWED || decision->reason >= REASON_ACCOUNT_SUSPENDED;
    if (decision->reason == REASON_ALLOWED)
        resolve_costs(usage, &note);
    if (decision->key_id != NULL)
        count(usage, (struct usage_subject){USAGE_OF_KEY, slice_make(decision->key_id, USAGE_KEY_ID_SIZE)}, &note);
    count(usage, (struct usage_subject){USAGE_OF_ACCOUNT, decision->account}, &note);
}
