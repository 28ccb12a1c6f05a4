// Many threads, few meters, a writer that also forgets them: what is admitted in frozen time is exactly the limit.

#include <pthread.h>
#include <stdatomic.h>

#include "unit/limit_fake.h"

enum { THREADS = 8, CALLS = 1500, OWNERS = 2, STORED_MAX = 8 };

struct stored {
    struct limit_name name;
    struct limit_record record;
};

struct world {
    struct fake_time time;
    struct clock *clock;
    struct limit_table *table;
    _Atomic bool stopped;
    _Atomic uint64_t admitted[OWNERS];
    _Atomic uint64_t denied;
    _Atomic uint64_t unavailable;
    bool failing;
    pthread_mutex_t store_mutex;
    struct stored store[STORED_MAX];
    size_t stored_count;
};

struct client {
    struct limit_waiter waiter; // first: wake gets it
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool woken;
    enum status status;
    struct world *world;
    uint64_t random;
    struct limit_answer answer;
};

static const char *const owners[OWNERS] = {"acme", "globex"};

static void wake(struct limit_waiter *waiter, enum status status)
{
    struct client *client = (struct client *)waiter;
    pthread_mutex_lock(&client->mutex);
    client->woken = true;
    client->status = status;
    pthread_cond_signal(&client->changed);
    pthread_mutex_unlock(&client->mutex);
}

static enum status wait_until_woken(struct client *client)
{
    pthread_mutex_lock(&client->mutex);
    while (!client->woken)
        pthread_cond_wait(&client->changed, &client->mutex);
    client->woken = false;
    enum status status = client->status;
    pthread_mutex_unlock(&client->mutex);
    return status;
}

static struct stored *find_stored(struct world *world, struct slice name)
{
    for (size_t i = 0; i < world->stored_count; i++)
        if (slice_equal(slice_make(world->store[i].name.bytes, world->store[i].name.size), name))
            return &world->store[i];
    return NULL;
}

static void store_batch(struct world *world, const struct limit_batch *batch)
{
    struct slice name;
    const struct limit_record *record = NULL;
    bool empty = false;
    pthread_mutex_lock(&world->store_mutex);
    for (size_t i = 0; i < limit_batch_count(batch); i++) {
        limit_batch_at(batch, i, &name, &record, &empty);
        struct stored *stored = find_stored(world, name);
        if (stored == NULL) {
            stored = &world->store[world->stored_count++];
            memcpy(stored->name.bytes, name.data, name.size);
            stored->name.size = name.size;
        }
        stored->record = *record;
    }
    pthread_mutex_unlock(&world->store_mutex);
}

static bool install(struct world *world, const struct limit_call *call, const struct limit_term *term,
                    uint64_t generation)
{
    struct limit_name name;
    limit_name_of(term, &name);
    pthread_mutex_lock(&world->store_mutex);
    const struct stored *stored = find_stored(world, slice_make(name.bytes, name.size));
    struct limit_record record = {0};
    if (stored != NULL)
        record = stored->record;
    pthread_mutex_unlock(&world->store_mutex);
    return limit_install(world->table, call->owner, term, stored != NULL ? &record : NULL, generation);
}

// Asks until there is a verdict; LIMIT_WAIT means that the disk failed.
static enum limit_verdict ask(struct client *client, const struct limit_call *call)
{
    struct limit_answer *answer = &client->answer;
    for (;;) {
        limit_decide(client->world->table, call, &client->waiter, answer);
        if (answer->verdict == LIMIT_ABSENT) {
            for (size_t i = 0; i < answer->absent_count; i++)
                if (!install(client->world, call, answer->absent[i], answer->generation))
                    return LIMIT_NO_MEMORY;
        } else if (answer->verdict != LIMIT_WAIT || wait_until_woken(client) != STATUS_OK) {
            return answer->verdict;
        }
    }
}

// A limit per minute, one per day and a bucket; the second owner has the tighter bucket.
static void make_terms(struct limit_term terms[3], size_t owner)
{
    static const char *const texts[OWNERS][3] = {
        {"requests=3000/min", "requests=2000/day", "requests=5000/min:token_bucket"},
        {"requests=3000/min", "requests=4000/day", "requests=5000/min:token_bucket,burst=1000"}};
    for (size_t i = 0; i < 3; i++) {
        terms[i] = (struct limit_term){.limit = fake_limit(texts[owner][i]), .subject = LIMIT_OF_ACCOUNT};
        terms[i].subject_id = slice_text(owners[owner]);
    }
}

static void *run_client(void *argument)
{
    struct client *client = argument;
    struct limit_term terms[OWNERS][3];
    for (size_t i = 0; i < OWNERS; i++)
        make_terms(terms[i], i);
    for (int i = 0; i < CALLS; i++) {
        size_t owner = fake_below(&client->random, OWNERS);
        struct limit_charge charge = {slice_text("requests"), 1 + fake_below(&client->random, 2)};
        struct limit_call call = {.owner = slice_text(owners[owner]),
                                  .terms = terms[owner],
                                  .term_count = 3,
                                  .charges = &charge,
                                  .charge_count = 1,
                                  .peek = i % 50 == 0};
        enum limit_verdict verdict = ask(client, &call);
        if (verdict == LIMIT_ADMITTED && !call.peek)
            atomic_fetch_add(&client->world->admitted[owner], charge.cost);
        else if (verdict == LIMIT_DENIED)
            atomic_fetch_add(&client->world->denied, 1);
        else if (verdict == LIMIT_WAIT)
            atomic_fetch_add(&client->world->unavailable, 1);
    }
    return NULL;
}

static void *run_writer(void *argument)
{
    struct world *world = argument;
    for (uint64_t n = 0; !world->stopped || limit_write_wanted(world->table); n++) {
        struct limit_batch *batch = limit_collect(world->table);
        if (batch == NULL) {
            sched_yield();
            continue;
        }
        bool fails = world->failing && n % 3 == 0;
        if (!fails || n % 2 == 0) // a failed commit may have landed all the same
            store_batch(world, batch);
        limit_settle(world->table, batch, fails ? STATUS_UNAVAILABLE : STATUS_OK, clock_now_ms(world->clock));
        if (n % 16 == 0)
            limit_forget_idle(world->table, 0);
    }
    return NULL;
}

static void run_world(struct world *world)
{
    pthread_t writer, threads[THREADS];
    static struct client clients[THREADS];
    world->time = (struct fake_time){.boot_ms = 1000, .wall_ms = FAKE_START_MS};
    pthread_mutex_init(&world->store_mutex, NULL);
    world->clock = clock_new(fake_source(&world->time), NULL);
    world->table = limit_table_new(&(struct limit_table_options){.clock = world->clock});
    assert_int_equal(pthread_create(&writer, NULL, run_writer, world), 0);
    for (size_t i = 0; i < THREADS; i++) {
        clients[i] = (struct client){.waiter = {.wake = wake}, .world = world, .random = i + 1};
        pthread_mutex_init(&clients[i].mutex, NULL);
        pthread_cond_init(&clients[i].changed, NULL);
        assert_int_equal(pthread_create(&threads[i], NULL, run_client, &clients[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    world->stopped = true;
    assert_int_equal(pthread_join(writer, NULL), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_mutex_destroy(&clients[i].mutex);
        pthread_cond_destroy(&clients[i].changed);
    }
    pthread_mutex_destroy(&world->store_mutex);
    limit_table_free(world->table);
    clock_free(world->clock);
}

static void threads_together_get_exactly_the_limit(void **state)
{
    (void)state;
    struct world world = {0};
    run_world(&world);
    assert_int_equal(world.admitted[0], 2000);
    assert_int_equal(world.admitted[1], 1000);
    assert_int_equal(world.unavailable, 0);
    assert_true(world.denied > 0);
}

static void failing_disk_lets_nobody_hang_and_nothing_extra_through(void **state)
{
    (void)state;
    struct world world = {.failing = true};
    run_world(&world);
    assert_true(world.admitted[0] <= 2000);
    assert_true(world.admitted[1] <= 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_together_get_exactly_the_limit),
        cmocka_unit_test(failing_disk_lets_nobody_hang_and_nothing_extra_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
