// Many threads, few meters, a writer that also forgets them: what is admitted in frozen time, alone or together with
// another owner, is exactly the limit, and what is given back is not counted.

#include <pthread.h>
#include <stdatomic.h>

#include "unit/limit_fake.h"

enum { THREADS = 8, CALLS = 1500, OWNERS = 2, STORED_MAX = 8, IDS = 300 };

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
    bool naming; // charges have ids, which others use as well, and some are given back
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
    struct limit_answer answers[OWNERS];
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

static void store_batch(struct world *world, const struct limit_write_batch *batch)
{
    struct slice name;
    const struct limit_record *record = NULL;
    bool empty = false;
    pthread_mutex_lock(&world->store_mutex);
    for (size_t i = 0; i < limit_write_batch_count(batch); i++) {
        limit_write_batch_at(batch, i, &name, &record, &empty);
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

static bool install(struct world *world, const struct limit_call *call, const struct limit_applicable *applicable,
                    uint64_t generation)
{
    struct limit_name name;
    limit_name_of(applicable, &name);
    pthread_mutex_lock(&world->store_mutex);
    const struct stored *stored = find_stored(world, slice_make(name.bytes, name.size));
    struct limit_record record = {0};
    if (stored != NULL)
        record = stored->record;
    pthread_mutex_unlock(&world->store_mutex);
    return limit_install(world->table, call->owner, applicable,
                         &(struct limit_found){.record = stored != NULL ? &record : NULL}, generation);
}

static bool install_absent(struct world *world, const struct limit_call *call, const struct limit_answer *answer)
{
    for (size_t i = 0; i < answer->absent_count; i++)
        if (!install(world, call, answer->absent[i], answer->generation))
            return false;
    return true;
}

// Asks until there is a verdict; LIMIT_WAIT means that the disk failed.
static enum limit_verdict ask(struct client *client, const struct limit_call *calls, size_t count)
{
    enum limit_verdict verdict = LIMIT_WAIT;
    for (;;) {
        if (count > 1) {
            verdict = limit_decide(client->world->table, calls, count, &client->waiter, client->answers);
        } else {
            limit_decide(client->world->table, calls, 1, &client->waiter, client->answers);
            verdict = client->answers[0].verdict;
        }
        if (verdict == LIMIT_ABSENT) {
            for (size_t i = 0; i < count; i++)
                if (!install_absent(client->world, &calls[i], &client->answers[i]))
                    return LIMIT_NO_MEMORY;
        } else if (verdict != LIMIT_WAIT || wait_until_woken(client) != STATUS_OK) {
            return verdict;
        }
    }
}

static bool give_back(struct client *client, const struct limit_call *call)
{
    struct limit_answer *answer = &client->answers[0];
    struct limit_call refund = *call;
    refund.mode = LIMIT_REFUND;
    do
        limit_settle(client->world->table, &refund, NULL, answer);
    while (answer->verdict == LIMIT_ABSENT && install_absent(client->world, call, answer));
    return answer->verdict == LIMIT_ADMITTED;
}

// A limit per minute, one per day and a bucket; the second owner has the tighter bucket.
static void make_applicables(struct limit_applicable applicables[3], size_t owner)
{
    static const char *const texts[OWNERS][3] = {
        {"requests=3000/min", "requests=2000/day", "requests=5000/min:token_bucket"},
        {"requests=3000/min", "requests=4000/day", "requests=5000/min:token_bucket,burst=1000"}};
    for (size_t i = 0; i < 3; i++) {
        applicables[i] = (struct limit_applicable){.limit = fake_limit(texts[owner][i]), .subject = LIMIT_OF_ACCOUNT};
        applicables[i].subject_id = slice_text(owners[owner]);
    }
}

static void note(struct client *client, const struct limit_call *calls, size_t count, enum limit_verdict verdict)
{
    struct world *world = client->world;
    if (verdict == LIMIT_DENIED)
        atomic_fetch_add(&world->denied, 1);
    else if (verdict == LIMIT_WAIT)
        atomic_fetch_add(&world->unavailable, 1);
    for (size_t i = 0; i < count && verdict == LIMIT_ADMITTED; i++) {
        size_t owner = slice_equal(calls[i].owner, slice_text(owners[0])) ? 0 : 1;
        if (!calls[i].peek && !client->answers[i].repeated)
            atomic_fetch_add(&world->admitted[owner], calls[i].charges[0].cost);
    }
}

static void *run_client(void *argument)
{
    struct client *client = argument;
    struct limit_applicable applicables[OWNERS][3];
    for (size_t i = 0; i < OWNERS; i++)
        make_applicables(applicables[i], i);
    for (int i = 0; i < CALLS; i++) {
        size_t first = fake_below(&client->random, OWNERS);
        uint8_t id[LIMIT_CHARGE_ID_SIZE] = {0};
        uint64_t number = fake_below(&client->random, IDS);
        struct limit_charge charge = {slice_text("requests"), 1 + number % 2};
        struct limit_call calls[OWNERS];
        memcpy(id, &number, sizeof number);
        for (size_t n = 0; n < OWNERS; n++) {
            size_t owner = (first + n) % OWNERS;
            calls[n] = (struct limit_call){.owner = slice_text(owners[owner]),
                                           .applicables = applicables[owner],
                                           .applicable_count = 3,
                                           .charges = &charge,
                                           .charge_count = 1,
                                           .peek = i % 50 == 0};
            if (client->world->naming && i % 3 == 0)
                calls[n].charge_id = slice_make(id, sizeof id);
        }
        size_t count = i % 4 == 0 ? OWNERS : 1;
        note(client, calls, count, ask(client, calls, count));
        if (calls[0].charge_id.size > 0 && number % 4 == 0 && give_back(client, calls))
            atomic_fetch_sub(&client->world->admitted[first], charge.cost);
    }
    return NULL;
}

static void *run_writer(void *argument)
{
    struct world *world = argument;
    for (uint64_t n = 0; !world->stopped || limit_write_wanted(world->table); n++) {
        struct limit_write_batch *batch = limit_collect(world->table);
        if (batch == NULL) {
            sched_yield();
            continue;
        }
        bool fails = world->failing && n % 3 == 0;
        if (!fails || n % 2 == 0) // a failed commit may have landed all the same
            store_batch(world, batch);
        limit_write_batch_end(world->table, batch, fails ? STATUS_UNAVAILABLE : STATUS_OK, clock_now_ms(world->clock));
        if (n % 16 == 0)
            limit_evict_idle(world->table, 0);
    }
    return NULL;
}

// Every limit has counted exactly what was admitted and not given back.
static void check_what_is_left(struct client *client)
{
    for (size_t owner = 0; owner < OWNERS; owner++) {
        struct limit_applicable applicables[3];
        make_applicables(applicables, owner);
        struct limit_charge charge = {slice_text("requests"), 1};
        struct limit_call call = {.owner = slice_text(owners[owner]),
                                  .applicables = applicables,
                                  .applicable_count = 3,
                                  .charges = &charge,
                                  .charge_count = 1,
                                  .peek = true};
        ask(client, &call, 1);
        for (size_t i = 0; i < 3; i++) {
            const struct limit *limit = &applicables[i].limit;
            uint64_t most = limit->algorithm == LIMIT_TOKEN_BUCKET ? limit->burst : limit->amount;
            assert_int_equal(client->answers[0].standings[i].remaining, most - client->world->admitted[owner]);
        }
    }
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
    check_what_is_left(&clients[0]);
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

static void charges_with_ids_are_made_once_and_given_back_once(void **state)
{
    (void)state;
    for (int failing = 0; failing < 2; failing++) {
        struct world world = {.failing = failing == 1, .naming = true};
        run_world(&world);
        assert_true(world.admitted[0] <= 2000);
        assert_true(world.admitted[1] <= 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_together_get_exactly_the_limit),
        cmocka_unit_test(charges_with_ids_are_made_once_and_given_back_once),
        cmocka_unit_test(failing_disk_lets_nobody_hang_and_nothing_extra_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
