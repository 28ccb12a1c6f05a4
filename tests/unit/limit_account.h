// One account with its meters, the clients that ask for it, and a disk that answers when it is told to.
//
// Threads: the test's.
#ifndef UNIT_LIMIT_ACCOUNT_H
#define UNIT_LIMIT_ACCOUNT_H

#include "unit/limit_fake.h"

enum { APPLICABLES = 4, WAITERS = 8 };

struct world;

// Somebody who asks, and asks again when woken.
struct client {
    struct limit_waiter waiter; // first: wake gets it
    struct world *world;
    const char *resource;
    uint64_t cost;
    enum limit_verdict verdict; // of the last try
    enum status status;
    size_t woken_as;         // 1 for the first one woken; 0: never
    struct client *newcomer; // asks just before this one asks again
};

struct world {
    struct fake_time time;
    struct clock *clock;
    struct limit_table *table;
    struct limit_applicable applicables[APPLICABLES];
    size_t applicable_count;
    struct limit_answer answer;
    size_t woken;
};

static inline struct slice acme(void)
{
    return slice_text("acme");
}

static inline void open_world_with(struct world *world, struct limit_table_options options)
{
    *world = (struct world){.time = {.boot_ms = 5000, .wall_ms = FAKE_START_MS / 86400000 * 86400000}};
    world->clock = clock_new(fake_source(&world->time), NULL);
    assert_non_null(world->clock);
    options.clock = world->clock;
    world->table = limit_table_new(&options);
    assert_non_null(world->table);
    limit_note_durable(world->table, clock_now_ms(world->clock));
}

static inline void open_world(struct world *world, bool relaxed)
{
    open_world_with(world, (struct limit_table_options){.relaxed = relaxed});
}

static inline void close_world(struct world *world)
{
    limit_table_free(world->table);
    clock_free(world->clock);
}

static inline struct limit_applicable *add_applicable(struct world *world, const char *text)
{
    struct limit_applicable *applicable = &world->applicables[world->applicable_count++];
    *applicable =
        (struct limit_applicable){.limit = fake_limit(text), .subject = LIMIT_OF_ACCOUNT, .subject_id = acme()};
    return applicable;
}

static inline enum limit_verdict decide(struct world *world, const struct limit_charge *charges, size_t count,
                                        bool peek, struct limit_waiter *waiter)
{
    struct limit_call call = {.owner = acme(),
                              .applicables = world->applicables,
                              .applicable_count = world->applicable_count,
                              .charges = charges,
                              .charge_count = count,
                              .peek = peek};
    limit_decide(world->table, &call, 1, waiter, &world->answer);
    return world->answer.verdict;
}

static inline enum limit_verdict peek(struct world *world, const char *resource, uint64_t cost)
{
    struct limit_charge charge = {slice_text(resource), cost};
    return decide(world, &charge, 1, true, NULL);
}

static inline enum limit_verdict ask(struct client *client)
{
    struct limit_charge charge = {slice_text(client->resource), client->cost};
    client->verdict = decide(client->world, &charge, 1, false, &client->waiter);
    return client->verdict;
}

static inline void wake(struct limit_waiter *waiter, enum status status)
{
    struct client *client = (struct client *)waiter;
    client->status = status;
    client->woken_as = ++client->world->woken;
    if (client->newcomer != NULL)
        ask(client->newcomer);
    if (status == STATUS_OK)
        ask(client);
}

static inline struct client client_of(struct world *world, const char *resource, uint64_t cost)
{
    return (struct client){.waiter = {.wake = wake}, .world = world, .resource = resource, .cost = cost};
}

static inline void install_absent(struct world *world)
{
    for (size_t i = 0; i < world->answer.absent_count; i++)
        assert_true(limit_install(world->table, acme(), world->answer.absent[i], NULL, world->answer.generation));
}

// Makes the meters of a resource, with nothing spent.
static inline void install(struct world *world, const char *resource)
{
    assert_int_equal(peek(world, resource, 1), LIMIT_ABSENT);
    install_absent(world);
}

static inline size_t commit(struct world *world, enum status status)
{
    struct limit_write_batch *batch = limit_collect(world->table);
    if (batch == NULL)
        return 0;
    size_t count = limit_write_batch_count(batch);
    limit_write_batch_end(world->table, batch, status, clock_now_ms(world->clock));
    return count;
}

static inline uint64_t remaining(struct world *world, const char *resource)
{
    assert_true(peek(world, resource, 1) != LIMIT_ABSENT);
    return world->answer.standings[0].remaining;
}

// Spends `cost` through as many commits as it takes.
static inline void spend(struct world *world, const char *resource, uint64_t cost)
{
    struct client client = client_of(world, resource, cost);
    ask(&client);
    for (int i = 0; i < 2 && client.verdict == LIMIT_WAIT; i++)
        commit(world, STATUS_OK);
    assert_int_equal(client.verdict, LIMIT_ADMITTED);
}

static inline const struct limit_record *only_record(const struct limit_write_batch *batch, bool *empty)
{
    struct slice name;
    const struct limit_record *record = NULL;
    assert_int_equal(limit_write_batch_count(batch), 1);
    limit_write_batch_at(batch, 0, &name, &record, empty);
    return record;
}

#endif
