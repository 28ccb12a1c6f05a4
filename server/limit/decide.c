// The decision: one call or several, of any owners, as one. All are charged or none (an atomic batch); one call is a
// batch of one.
//
// The problem: whether a call may go on depends on all its meters and, in a batch, on what the calls before it take. So
// every shard that a call's owner is in is locked first, in the order of the shards; then every call is decided in turn
// and what fits is spent at once, so that the calls behind it find only what is left. At the end there are three ways
// out. Nothing is refused and the disk has set enough aside: what was spent is confirmed. Something is refused, or it
// was only a peek: what was spent is taken back, in the reverse order, which leaves every meter as it was. The disk has
// not set enough aside: it is taken back too, and one waiter takes a place at every meter of every call; it decides
// again from the top when the writer has woken it (reservation.c). spend.c does each of these steps for one call; this
// file says in which order, and for which calls.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "limit/attempt.h"

// One call of the batch.
struct member {
    struct limit_attempt attempt;
    // Prepared for the charge log, to which it is appended when all is confirmed.
    struct limit_logged_charge *logged;
    // Of an earlier call or an earlier member, which this call repeats.
    const struct limit_logged_charge *made;
    bool spent;
};

struct atomic_batch {
    struct limit_table *table;
    struct member *members;
    size_t count;
    uint64_t now_ms;
    uint64_t shards; // a bit for each that is locked
    bool woken;      // the waiter has waited already
    bool is_peek;
    bool is_short;
    bool is_refused;
};
_Static_assert(LIMIT_SHARD_COUNT == 64, "a bit for each shard");

// --- finding

// Are all charges declared? It also fills every answer as it stays when nothing is decided.
static bool are_declared(const struct limit_call *calls, size_t count, struct limit_answer *answers)
{
    bool declared = true;
    for (size_t i = 0; i < count; i++) {
        limit_answer_clear(&answers[i]);
        answers[i].verdict = LIMIT_UNDECIDED;
        answers[i].write_wanted = false;
        size_t charge = limit_find_undeclared(&calls[i]);
        if (charge == calls[i].charge_count)
            continue;
        answers[i].charge = charge;
        answers[i].verdict = LIMIT_UNDECLARED;
        declared = false;
    }
    return declared;
}

static enum limit_verdict find_member(struct atomic_batch *batch, struct member *member)
{
    struct limit_attempt *a = &member->attempt;
    a->shard->decisions++;
    a->answer->now_ms = batch->now_ms;
    a->answer->generation = a->shard->generation;
    if (limit_names_charge(a->call)) {
        uint64_t hash = limit_charge_log_hash(a->table, a->call);
        member->made = limit_charge_log_find(a->shard, a->call, hash);
        if (member->made != NULL)
            return limit_answer_again(a, member->made);
        member->logged = limit_charge_log_prepare(a->table, a->shard, a->call, hash);
        if (member->logged == NULL)
            return LIMIT_NO_MEMORY;
    }
    return limit_find_parts(a) ? LIMIT_ADMITTED : LIMIT_ABSENT;
}

// Names all absent meters of all calls at once.
static enum limit_verdict find_all(struct atomic_batch *batch)
{
    enum limit_verdict found = LIMIT_ADMITTED;
    for (size_t i = 0; i < batch->count; i++) {
        struct limit_answer *answer = batch->members[i].attempt.answer;
        answer->verdict = find_member(batch, &batch->members[i]);
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
    part->rate.amount = other->rate.amount = limit_min(part->rate.amount, other->rate.amount);
    part->rate.burst = other->rate.burst = limit_min(part->rate.burst, other->rate.burst);
}

static void agree_with(struct limit_part *part, struct limit_attempt *other)
{
    for (size_t i = 0; i < other->part_count; i++)
        agree_on_meter(part, &other->parts[i]);
}

// Calls that differ obey the smaller limit, as limits of one call on one meter do: units can be set aside for one limit
// only.
static void agree_on_buckets(struct atomic_batch *batch)
{
    for (size_t i = 1; i < batch->count; i++) {
        struct limit_attempt *a = &batch->members[i].attempt;
        for (size_t n = 0; n < a->part_count; n++)
            for (size_t j = 0; j < i && a->parts[n].meter->algorithm == LIMIT_TOKEN_BUCKET; j++)
                agree_with(&a->parts[n], &batch->members[j].attempt);
    }
}

// --- deciding

static const struct limit_logged_charge *find_earlier(const struct atomic_batch *batch, const struct member *member)
{
    for (const struct member *other = batch->members; member->logged != NULL && other < member; other++)
        if (other->spent && other->logged != NULL && other->logged->hash == member->logged->hash &&
            memcmp(other->logged->id, member->logged->id, sizeof member->logged->id) == 0)
            return other->logged;
    return NULL;
}

// Is this the last call, which no other follows, and is it about to be taken back? Then it need not be spent. So a
// single call that waits or peeks touches no meter.
static bool need_not_be_spent(const struct atomic_batch *batch, const struct member *member)
{
    bool is_last = member == &batch->members[batch->count - 1];
    return is_last && (batch->is_peek || (batch->is_short && !batch->is_refused));
}

// Spends what fits, so that the calls behind it find what is left. A peek's standings show the meters before it.
static enum limit_verdict evaluate_member(struct atomic_batch *batch, struct member *member)
{
    struct limit_attempt *a = &member->attempt;
    if (!limit_sync_parts(a))
        return LIMIT_NO_MEMORY;
    a->answer->verdict = limit_evaluate(a);
    if (a->answer->verdict != LIMIT_ADMITTED || batch->is_peek)
        limit_answer_standings(a);
    if (a->answer->verdict != LIMIT_ADMITTED)
        return a->answer->verdict;
    batch->is_short = batch->is_short || limit_is_short(a);
    if (need_not_be_spent(batch, member))
        return LIMIT_ADMITTED;
    limit_spend(a);
    member->spent = true;
    if (!batch->is_peek)
        limit_answer_standings(a);
    if (member->logged != NULL)
        limit_charge_log_fill(a->table, member->logged, a->call, a->answer);
    return LIMIT_ADMITTED;
}

static enum limit_verdict decide_member(struct atomic_batch *batch, struct member *member)
{
    if (member->made != NULL)
        return LIMIT_ADMITTED;
    member->made = find_earlier(batch, member);
    if (member->made == NULL)
        return evaluate_member(batch, member);
    member->attempt.part_count = member->attempt.charged_count = 0;
    return limit_answer_again(&member->attempt, member->made);
}

static bool is_refusal(enum limit_verdict verdict)
{
    return verdict == LIMIT_DENIED || verdict == LIMIT_TOO_COSTLY;
}

// Decides every call in turn. ADMITTED: each has a verdict, and what fits is spent.
static enum limit_verdict decide_members(struct atomic_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct limit_answer *answer = batch->members[i].attempt.answer;
        answer->verdict = decide_member(batch, &batch->members[i]);
        batch->is_refused = batch->is_refused || is_refusal(answer->verdict);
        if (answer->verdict != LIMIT_ADMITTED && !is_refusal(answer->verdict))
            return answer->verdict;
    }
    return LIMIT_ADMITTED;
}

// --- the three ways out

static void unspend_all(struct atomic_batch *batch)
{
    for (size_t i = batch->count; i > 0; i--)
        if (batch->members[i - 1].spent)
            limit_unspend(&batch->members[i - 1].attempt);
}

static enum limit_verdict wait_all(struct atomic_batch *batch, struct limit_waiter *waiter)
{
    struct limit_attempt *attempts[LIMIT_CALLS_MAX];
    for (size_t i = 0; i < batch->count; i++)
        attempts[i] = &batch->members[i].attempt;
    return limit_queue(attempts, batch->count, waiter);
}

static enum limit_verdict confirm_all(struct atomic_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct member *member = &batch->members[i];
        if (!member->spent)
            continue;
        limit_confirm(&member->attempt);
        if (member->logged != NULL)
            limit_charge_log_append(member->attempt.shard, member->logged);
        member->logged = NULL;
    }
    return LIMIT_ADMITTED;
}

static enum limit_verdict decide_locked(struct atomic_batch *batch, struct limit_waiter *waiter)
{
    batch->now_ms = clock_now_ms(batch->table->clock);
    enum limit_verdict verdict = find_all(batch);
    if (verdict == LIMIT_ADMITTED) {
        agree_on_buckets(batch);
        verdict = decide_members(batch);
    }
    bool is_charged = verdict == LIMIT_ADMITTED && !batch->is_refused && !batch->is_short && !batch->is_peek;
    if (is_charged)
        return confirm_all(batch);
    unspend_all(batch);
    if (verdict != LIMIT_ADMITTED)
        return verdict;
    if (batch->is_refused)
        return LIMIT_DENIED;
    return batch->is_peek ? LIMIT_ADMITTED : wait_all(batch, waiter);
}

// --- locks and memory

static void lock_all(const struct atomic_batch *batch)
{
    for (uint64_t rest = batch->shards; rest != 0; rest &= rest - 1)
        pthread_mutex_lock(&batch->table->shards[__builtin_ctzll(rest)].mutex);
}

static void unlock_all(const struct atomic_batch *batch)
{
    for (uint64_t rest = batch->shards; rest != 0; rest &= rest - 1)
        pthread_mutex_unlock(&batch->table->shards[__builtin_ctzll(rest)].mutex);
}

static void init_members(struct atomic_batch *batch, const struct limit_call *calls, struct limit_answer *answers)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct member *member = &batch->members[i];
        limit_attempt_init(&member->attempt, batch->table, &calls[i], &answers[i]);
        member->attempt.woken = batch->woken;
        member->logged = NULL;
        member->made = NULL;
        member->spent = false;
        batch->shards |= UINT64_C(1) << (member->attempt.shard - batch->table->shards);
        batch->is_peek = calls[i].peek;
    }
}

static void free_logged(struct atomic_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        free(batch->members[i].logged);
}

static bool is_decided(enum limit_verdict verdict)
{
    return verdict == LIMIT_ADMITTED || verdict == LIMIT_DENIED;
}

static void finish(const struct atomic_batch *batch, struct limit_answer *answers, enum limit_verdict verdict)
{
    bool write_wanted = limit_write_wanted(batch->table);
    for (size_t i = 0; i < batch->count; i++) {
        answers[i].write_wanted = write_wanted;
        if (!is_decided(verdict) && answers[i].verdict != verdict)
            answers[i].verdict = verdict == LIMIT_WAIT ? LIMIT_WAIT : LIMIT_UNDECIDED;
    }
}

static enum limit_verdict lock_and_decide(struct atomic_batch *batch, const struct limit_call *calls,
                                          struct limit_waiter *waiter, struct limit_answer *answers)
{
    batch->woken = limit_take_woken(waiter);
    init_members(batch, calls, answers);
    lock_all(batch);
    enum limit_verdict verdict = decide_locked(batch, waiter);
    finish(batch, answers, verdict);
    limit_keep_woken(waiter, batch->woken, verdict);
    unlock_all(batch); // from here on somebody who waits may be woken, and his answers be gone
    free_logged(batch);
    return verdict;
}

static enum limit_verdict refuse_undeclared(const struct limit_table *table, struct limit_answer *answers, size_t count)
{
    uint64_t now_ms = clock_now_ms(table->clock);
    for (size_t i = 0; i < count; i++)
        answers[i].now_ms = now_ms;
    return LIMIT_UNDECLARED;
}

enum limit_verdict limit_decide(struct limit_table *table, const struct limit_call *calls, size_t count,
                                struct limit_waiter *waiter, struct limit_answer *answers)
{
    assert(count <= LIMIT_CALLS_MAX && (waiter != NULL || count == 0 || calls[0].peek));
    struct member alone; // one call allocates nothing
    struct atomic_batch batch = {.table = table, .members = &alone, .count = count};
    if (!are_declared(calls, count, answers))
        return refuse_undeclared(table, answers, count);
    if (count == 0)
        return LIMIT_ADMITTED;
    if (count > 1)
        batch.members = malloc(count * sizeof *batch.members);
    if (batch.members == NULL)
        return LIMIT_NO_MEMORY;
    enum limit_verdict verdict = lock_and_decide(&batch, calls, waiter, answers);
    if (count > 1)
        free(batch.members);
    return verdict;
}
