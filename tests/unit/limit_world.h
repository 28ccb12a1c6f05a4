// A table of meters with a disk and a clock that moves by hand: owners with limits, somebody who asks and asks again
// when woken, commits, crashes. Meters that are absent are read from the disk without a word.
#ifndef UNIT_LIMIT_WORLD_H
#define UNIT_LIMIT_WORLD_H

#include "unit/limit_fake.h"

enum { WORLD_OWNERS = 4, WORLD_APPLICABLES = 4, WORLD_STORED = 64 };

struct world_owner {
    const char *name;
    struct limit_applicable applicables[WORLD_APPLICABLES];
    size_t applicable_count;
};

struct world_stored {
    struct limit_name name;
    struct limit_record record;
};

struct world {
    struct fake_time time;
    struct clock *clock;
    struct clock_mark mark; // of the last commit
    struct limit_table *table;
    struct world_owner owners[WORLD_OWNERS];
    size_t owner_count;
    struct world_stored disk[WORLD_STORED];
    size_t stored_count;
    size_t woken;
};

// One call, and how it ended.
struct client {
    struct limit_waiter waiter; // first: wake gets it
    struct world *world;
    const char *owner;
    const char *key; // that it names, NULL: none
    struct limit_charge charges[2];
    size_t charge_count;
    uint8_t id[LIMIT_CHARGE_ID_SIZE];
    bool has_id;
    bool is_lasting;
    bool peek;
    bool relaxed;
    enum limit_mode mode;
    struct limit_answer answer; // of the last try
    enum limit_verdict verdict;
    enum status status; // it was woken with
    size_t woken_as;    // 1 for the first one woken; 0: never
};

static inline void world_start(struct world *world)
{
    world->clock = clock_new(fake_source(&world->time), world->mark.high_ms > 0 ? &world->mark : NULL);
    assert_non_null(world->clock);
    world->table = limit_table_new(&(struct limit_table_options){.clock = world->clock});
    assert_non_null(world->table);
    limit_note_durable(world->table, world->mark.high_ms);
}

// At a midnight, with that time on disk.
static inline void world_open(struct world *world)
{
    *world = (struct world){.time = {.boot_ms = 5000, .wall_ms = FAKE_START_MS / 86400000 * 86400000}};
    world_start(world);
    world->mark = clock_mark(world->clock);
    limit_note_durable(world->table, world->mark.high_ms);
}

static inline void world_close(struct world *world)
{
    limit_table_free(world->table);
    clock_free(world->clock);
}

static inline void world_crash(struct world *world)
{
    world_close(world);
    world_start(world);
}

static inline struct world_owner *world_owner(struct world *world, const char *name)
{
    for (size_t i = 0; i < world->owner_count; i++)
        if (strcmp(world->owners[i].name, name) == 0)
            return &world->owners[i];
    assert_true(world->owner_count < WORLD_OWNERS);
    struct world_owner *owner = &world->owners[world->owner_count++];
    owner->name = name;
    return owner;
}

static inline struct limit_applicable *world_applicable(struct world *world, const char *name, const char *text)
{
    struct world_owner *owner = world_owner(world, name);
    assert_true(owner->applicable_count < WORLD_APPLICABLES);
    struct limit_applicable *applicable = &owner->applicables[owner->applicable_count++];
    *applicable = (struct limit_applicable){
        .limit = fake_limit(text), .subject = LIMIT_OF_ACCOUNT, .subject_id = slice_text(name)};
    return applicable;
}

// --- the disk

static inline struct world_stored *world_stored(struct world *world, struct slice name)
{
    for (size_t i = 0; i < world->stored_count; i++)
        if (slice_equal(slice_make(world->disk[i].name.bytes, world->disk[i].name.size), name))
            return &world->disk[i];
    return NULL;
}

static inline void world_store(struct world *world, struct slice name, const struct limit_record *record)
{
    struct world_stored *stored = world_stored(world, name);
    if (stored == NULL) {
        assert_true(world->stored_count < WORLD_STORED);
        stored = &world->disk[world->stored_count++];
        memcpy(stored->name.bytes, name.data, name.size);
        stored->name.size = name.size;
    }
    stored->record = *record;
}

// Returns how many records were written, or would have been.
static inline size_t world_finish(struct world *world, struct limit_write_batch *batch, enum status status)
{
    if (batch == NULL)
        return 0;
    struct slice name;
    const struct limit_record *record = NULL;
    bool empty = false;
    size_t count = limit_write_batch_count(batch);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        limit_write_batch_at(batch, i, &name, &record, &empty);
        world_store(world, name, record);
    }
    if (status == STATUS_OK)
        world->mark = clock_mark(world->clock);
    limit_write_batch_end(world->table, batch, status, world->mark.high_ms);
    return count;
}

static inline size_t world_commit(struct world *world, enum status status)
{
    return world_finish(world, limit_collect(world->table), status);
}

static inline void world_install(struct world *world, const struct limit_call *call, const struct limit_answer *answer)
{
    for (size_t i = 0; i < answer->absent_count; i++) {
        struct limit_name name, names[LIMIT_FORMERS_MAX];
        struct limit_former formers[LIMIT_FORMERS_MAX];
        bool alone;
        limit_name_of(answer->absent[i], &name);
        const struct world_stored *stored = world_stored(world, slice_make(name.bytes, name.size));
        struct limit_found found = {.record = stored != NULL ? &stored->record : NULL, .formers = formers};
        size_t count = limit_formers(call, answer->absent[i], names, &alone);
        for (size_t n = 0; n < count; n++) {
            stored = world_stored(world, slice_make(names[n].bytes, names[n].size));
            if (stored != NULL)
                formers[found.former_count++] = (struct limit_former){names[n], stored->record};
        }
        assert_true(limit_install(world->table, call->owner, answer->absent[i], &found, answer->generation));
    }
}

// Every meter goes, to come back from the disk.
static inline void world_forget_all(struct world *world)
{
    while (world_commit(world, STATUS_OK) > 0)
        ;
    limit_evict_idle(world->table, 0);
    world_commit(world, STATUS_OK);
    assert_int_equal(limit_table_stats(world->table).meters, 0);
}

// --- calls

static inline struct limit_call client_call(const struct client *client)
{
    const struct world_owner *owner = world_owner(client->world, client->owner);
    return (struct limit_call){.owner = slice_text(client->owner),
                               .applicables = owner->applicables,
                               .applicable_count = owner->applicable_count,
                               .charges = client->charges,
                               .charge_count = client->charge_count,
                               .peek = client->peek,
                               .relaxed = client->relaxed,
                               .charge_id = client->has_id ? slice_make(client->id, sizeof client->id) : slice_text(""),
                               .key = slice_text(client->key != NULL ? client->key : ""),
                               .is_lasting = client->is_lasting,
                               .mode = client->mode};
}

static inline enum limit_verdict client_ask(struct client *client)
{
    struct limit_call call = client_call(client);
    do {
        if (client->mode == LIMIT_CONSUME)
            limit_decide(client->world->table, &call, 1, &client->waiter, &client->answer);
        else
            limit_settle(client->world->table, &call, &client->waiter, &client->answer);
        world_install(client->world, &call, &client->answer);
    } while (client->answer.verdict == LIMIT_ABSENT);
    return client->verdict = client->answer.verdict;
}

static inline void client_wake(struct limit_waiter *waiter, enum status status)
{
    struct client *client = (struct client *)waiter;
    client->status = status;
    client->woken_as = ++client->world->woken;
    if (status == STATUS_OK)
        client_ask(client);
}

// `id` 0: none.
static inline struct client client_of(struct world *world, const char *owner, const char *resource, uint64_t cost,
                                      unsigned id)
{
    struct client client = {.waiter = {.wake = client_wake}, .world = world, .owner = owner, .has_id = id > 0};
    client.charges[client.charge_count++] = (struct limit_charge){slice_text(resource), cost};
    memcpy(client.id, &id, sizeof id);
    return client;
}

// Asks, with as many commits as it takes.
static inline enum limit_verdict client_decide(struct client *client)
{
    client_ask(client);
    for (int i = 0; i < 3 && client->verdict == LIMIT_WAIT; i++)
        world_commit(client->world, STATUS_OK);
    return client->verdict;
}

// Gives back what the client's id names, whatever it was.
static inline enum limit_verdict client_refund(struct client *client)
{
    struct limit_call call = client_call(client);
    call.charge_count = 0;
    call.mode = LIMIT_REFUND;
    do {
        limit_settle(client->world->table, &call, NULL, &client->answer);
        world_install(client->world, &call, &client->answer);
    } while (client->answer.verdict == LIMIT_ABSENT);
    return client->answer.verdict;
}

static inline void world_spend(struct world *world, const char *owner, const char *resource, uint64_t cost)
{
    struct client client = client_of(world, owner, resource, cost, 0);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
}

// Of the n-th limit of the resource.
static inline uint64_t world_remaining_of(struct world *world, const char *owner, const char *resource, size_t n)
{
    struct client client = client_of(world, owner, resource, 1, 0);
    client.peek = true;
    client_ask(&client);
    assert_true(n < client.answer.standing_count);
    return client.answer.standings[n].remaining;
}

static inline uint64_t world_remaining(struct world *world, const char *owner)
{
    return world_remaining_of(world, owner, "requests", 0);
}

#endif
