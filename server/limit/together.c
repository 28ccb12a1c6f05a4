#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "limit/decision.h"

struct member {
    struct limit_decision decision;
    struct limit_kept *kept;       // names a charge, which is not made before the end
    const struct limit_kept *made; // names a charge that was made before, by an earlier call or an earlier member
    bool spent;
};

struct together {
    struct limit_table *table;
    struct member *members;
    size_t count;
    uint64_t now_ms;
    bool is_peek;
    bool is_short;
    bool is_refused;
    bool locked[LIMIT_SHARD_COUNT];
};

// --- finding

static bool are_declared(const struct limit_call *calls, size_t count, struct limit_answer *answers)
{
    bool declared = true;
    for (size_t i = 0; i < count; i++) {
        size_t charge = limit_find_undeclared(&calls[i]);
        if (charge == calls[i].charge_count)
            continue;
        answers[i].charge = charge;
        answers[i].verdict = LIMIT_UNDECLARED;
        declared = false;
    }
    return declared;
}

static enum limit_verdict find_member(struct together *all, struct member *member)
{
    struct limit_decision *d = &member->decision;
    d->shard->decisions++;
    d->answer->now_ms = all->now_ms;
    d->answer->generation = d->shard->generation;
    if (limit_names_charge(d->call)) {
        member->made = limit_charge_find(d->table, d->shard, d->call);
        if (member->made != NULL)
            return limit_answer_again(d, member->made);
        member->kept = limit_charge_new(d->table, d->shard, d->call);
        if (member->kept == NULL)
            return LIMIT_NO_MEMORY;
    }
    return limit_gather(d) ? LIMIT_ADMITTED : LIMIT_ABSENT;
}

// All that is absent is named at once, whoever needs it.
static enum limit_verdict find_all(struct together *all)
{
    enum limit_verdict found = LIMIT_ADMITTED;
    for (size_t i = 0; i < all->count; i++) {
        struct limit_answer *answer = all->members[i].decision.answer;
        answer->verdict = find_member(all, &all->members[i]);
        if (answer->verdict != LIMIT_ADMITTED)
            found = answer->verdict;
        if (found != LIMIT_ADMITTED && found != LIMIT_ABSENT)
            return found;
    }
    return found;
}

// --- calls that differ about a bucket's limit

static void agree_on_meter(struct limit_part *part, struct limit_part *other)
{
    if (part->meter != other->meter)
        return;
    part->rule.amount = other->rule.amount = limit_min(part->rule.amount, other->rule.amount);
    part->rule.burst = other->rule.burst = limit_min(part->rule.burst, other->rule.burst);
}

static void agree_with(struct limit_part *part, struct limit_decision *other)
{
    for (size_t i = 0; i < other->part_count; i++)
        agree_on_meter(part, &other->parts[i]);
}

// They obey the smaller one, as limits of one call on one meter do: units can be set aside for one limit only.
static void agree_on_buckets(struct together *all)
{
    for (size_t i = 1; i < all->count; i++) {
        struct limit_decision *d = &all->members[i].decision;
        for (size_t n = 0; n < d->part_count; n++)
            for (size_t j = 0; j < i && d->parts[n].meter->algorithm == LIMIT_TOKEN_BUCKET; j++)
                agree_with(&d->parts[n], &all->members[j].decision);
    }
}

// --- deciding

static const struct limit_kept *find_earlier(const struct together *all, const struct member *member)
{
    for (const struct member *other = all->members; member->kept != NULL && other < member; other++)
        if (other->spent && other->kept != NULL && other->kept->hash == member->kept->hash &&
            memcmp(other->kept->id, member->kept->id, sizeof member->kept->id) == 0)
            return other->kept;
    return NULL;
}

// What fits is spent, so that those behind it find what is left. A peek's views are those of before, as of any peek.
static enum limit_verdict judge_member(struct together *all, struct member *member)
{
    struct limit_decision *d = &member->decision;
    if (!limit_sync_parts(d))
        return LIMIT_NO_MEMORY;
    d->answer->verdict = limit_judge(d);
    if (d->answer->verdict != LIMIT_ADMITTED || all->is_peek)
        limit_answer_views(d);
    if (d->answer->verdict != LIMIT_ADMITTED)
        return d->answer->verdict;
    all->is_short = all->is_short || limit_is_short(d);
    limit_spend(d);
    member->spent = true;
    if (!all->is_peek)
        limit_answer_views(d);
    if (member->kept != NULL)
        limit_charge_note(d->table, member->kept, d->call, d->answer);
    return LIMIT_ADMITTED;
}

static enum limit_verdict decide_member(struct together *all, struct member *member)
{
    if (member->made != NULL)
        return LIMIT_ADMITTED;
    member->made = find_earlier(all, member);
    if (member->made == NULL)
        return judge_member(all, member);
    member->decision.part_count = member->decision.charged_count = 0;
    return limit_answer_again(&member->decision, member->made);
}

static bool is_refusal(enum limit_verdict verdict)
{
    return verdict == LIMIT_DENIED || verdict == LIMIT_TOO_COSTLY;
}

// ADMITTED: every one of them has a verdict; what fits is spent.
static enum limit_verdict decide_members(struct together *all)
{
    for (size_t i = 0; i < all->count; i++) {
        struct limit_answer *answer = all->members[i].decision.answer;
        answer->verdict = decide_member(all, &all->members[i]);
        all->is_refused = all->is_refused || is_refusal(answer->verdict);
        if (answer->verdict != LIMIT_ADMITTED && !is_refusal(answer->verdict))
            return answer->verdict;
    }
    return LIMIT_ADMITTED;
}

// --- the end

static void unspend_all(struct together *all)
{
    for (size_t i = all->count; i > 0; i--)
        if (all->members[i - 1].spent)
            limit_unspend(&all->members[i - 1].decision);
}

static bool open_all_places(struct together *all)
{
    bool opened = true;
    for (size_t i = 0; i < all->count && opened; i++)
        opened = limit_open_places(&all->members[i].decision);
    for (size_t i = 0; i < all->count && !opened; i++)
        for (size_t j = 0; j < all->members[i].decision.part_count; j++)
            limit_write_close(all->members[i].decision.parts[j].meter);
    return opened;
}

static bool spans_shards(const struct together *all)
{
    size_t count = 0;
    for (size_t i = 0; i < LIMIT_SHARD_COUNT; i++)
        count += all->locked[i];
    return count > 1;
}

static void take_spanning_places(struct together *all, struct limit_decision *d, const struct limit_waiter *waiter)
{
    limit_take_places(d, waiter);
    for (size_t i = 0; i < d->part_count; i++)
        d->parts[i].meter->write->spanning |= spans_shards(all);
}

// One waiter with a place at every meter of all calls. It stands in the lowest of their shards, which limit_collect
// comes to first: whoever takes the waiter finds the meters of the higher shards still queued and takes them with it.
// Not so when a collection under way has passed the lowest shard but not the others, or when memory is out for one of
// them. Then some meter may be short when it is woken. As it decides again from the top, it only waits once more.
static enum limit_verdict wait_all(struct together *all, struct limit_waiter *waiter)
{
    struct limit_shard *lowest = NULL;
    if (!open_all_places(all))
        return LIMIT_NO_MEMORY;
    limit_number_waiter(&all->members[0].decision, waiter);
    for (size_t i = 0; i < all->count; i++) {
        struct limit_decision *d = &all->members[i].decision;
        if (d->part_count == 0) // charged before, or without limits: its shard may have nothing to collect
            continue;
        take_spanning_places(all, d, waiter);
        if (lowest == NULL || d->shard < lowest)
            lowest = d->shard;
    }
    limit_append_waiter(lowest, waiter);
    return LIMIT_WAIT;
}

static enum limit_verdict confirm_all(struct together *all)
{
    for (size_t i = 0; i < all->count; i++) {
        struct member *member = &all->members[i];
        if (!member->spent)
            continue;
        limit_confirm(&member->decision);
        if (member->kept != NULL)
            limit_charge_keep(member->decision.shard, member->kept);
        member->kept = NULL;
    }
    return LIMIT_ADMITTED;
}

static enum limit_verdict decide_all_locked(struct together *all, struct limit_waiter *waiter)
{
    all->now_ms = clock_now_ms(all->table->clock);
    enum limit_verdict verdict = find_all(all);
    if (verdict == LIMIT_ADMITTED) {
        agree_on_buckets(all);
        verdict = decide_members(all);
    }
    bool is_charged = verdict == LIMIT_ADMITTED && !all->is_refused && !all->is_short && !all->is_peek;
    if (is_charged)
        return confirm_all(all);
    unspend_all(all);
    if (verdict != LIMIT_ADMITTED)
        return verdict;
    if (all->is_refused)
        return LIMIT_DENIED;
    return all->is_peek ? LIMIT_ADMITTED : wait_all(all, waiter);
}

// --- locks and memory

static void lock_all(struct together *all)
{
    for (size_t i = 0; i < LIMIT_SHARD_COUNT; i++)
        if (all->locked[i])
            pthread_mutex_lock(&all->table->shards[i].mutex);
}

static void unlock_all(struct together *all)
{
    for (size_t i = 0; i < LIMIT_SHARD_COUNT; i++)
        if (all->locked[i])
            pthread_mutex_unlock(&all->table->shards[i].mutex);
}

static void init_members(struct together *all, const struct limit_call *calls, struct limit_answer *answers, bool woken)
{
    for (size_t i = 0; i < all->count; i++) {
        struct member *member = &all->members[i];
        limit_decision_init(&member->decision, all->table, &calls[i], &answers[i]);
        member->decision.woken = woken;
        member->decision.shard = limit_table_shard(all->table, calls[i].owner);
        member->kept = NULL;
        member->made = NULL;
        member->spent = false;
        all->locked[member->decision.shard - all->table->shards] = true;
        all->is_peek = calls[i].peek;
    }
}

static void free_members(struct together *all)
{
    for (size_t i = 0; i < all->count; i++)
        free(all->members[i].kept);
    free(all->members);
}

static bool is_decided(enum limit_verdict verdict)
{
    return verdict == LIMIT_ADMITTED || verdict == LIMIT_DENIED;
}

// Before the locks are given up: then somebody who waits may be woken, and his answers be gone.
static void finish(const struct together *all, struct limit_answer *answers, enum limit_verdict verdict)
{
    bool write_wanted = limit_write_wanted(all->table);
    for (size_t i = 0; i < all->count; i++) {
        answers[i].write_wanted = write_wanted;
        if (!is_decided(verdict) && answers[i].verdict != verdict)
            answers[i].verdict = LIMIT_WAIT;
    }
}

static enum limit_verdict decide_members_of(struct together *all, const struct limit_call *calls,
                                            struct limit_waiter *waiter, struct limit_answer *answers)
{
    bool woken = limit_take_woken(waiter);
    init_members(all, calls, answers, woken);
    lock_all(all);
    enum limit_verdict verdict = decide_all_locked(all, waiter);
    finish(all, answers, verdict);
    if (woken && verdict == LIMIT_ABSENT)
        waiter->next = waiter; // keeps its place for the next try
    unlock_all(all);
    free_members(all);
    return verdict;
}

// As they are when nothing is decided.
static void init_answers(const struct limit_table *table, struct limit_answer *answers, size_t count)
{
    uint64_t now_ms = clock_now_ms(table->clock);
    for (size_t i = 0; i < count; i++) {
        limit_answer_clear(&answers[i]);
        answers[i].verdict = LIMIT_WAIT;
        answers[i].now_ms = now_ms;
        answers[i].write_wanted = false;
    }
}

enum limit_verdict limit_decide_all(struct limit_table *table, const struct limit_call *calls, size_t count,
                                    struct limit_waiter *waiter, struct limit_answer *answers)
{
    assert(count <= LIMIT_CALLS_MAX && (waiter != NULL || count == 0 || calls[0].peek));
    struct together all = {.table = table, .count = count};
    init_answers(table, answers, count);
    limit_note_use(table);
    if (!are_declared(calls, count, answers))
        return LIMIT_UNDECLARED;
    all.members = count > 0 ? malloc(count * sizeof *all.members) : NULL;
    if (all.members == NULL)
        return count > 0 ? LIMIT_NO_MEMORY : LIMIT_ADMITTED;
    return decide_members_of(&all, calls, waiter, answers);
}
