// Far more meters than fit in memory, many threads that charge them with limits they do not agree about, waiting or
// not, and a disk that fails now and then: every meter that comes and goes has counted exactly what was admitted.

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "unit/limit_fake.h"

enum { THREADS = 8, CALLS = 3000, SUBJECTS = 384, MAX_METERS = 128, AMOUNT = 20, ID_SIZE = 4, NAP_ROUNDS = 12 };

struct stored {
    bool present;
    struct limit_record record;
};

struct world {
    struct fake_time time;
    struct clock *clock;
    struct limit_table *table;
    bool failing;
    _Atomic bool stopped;
    _Atomic uint64_t admitted[SUBJECTS];
    _Atomic uint64_t crowded_out;
    pthread_mutex_t store_mutex;
    uint64_t rounds; // of the writer, with a commit or without
    pthread_cond_t round_ended;
    struct stored store[SUBJECTS];
};

struct client {
    struct limit_waiter waiter; // first: wake gets it
    struct world *world;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool woken;
    enum status status;
    uint64_t random;
    struct limit_answer answer;
};

// --- the disk

static size_t subject_of(struct slice name)
{
    char digits[ID_SIZE + 1] = {0};
    memcpy(digits, name.data + 2, ID_SIZE); // behind the kind and the size
    return strtoul(digits, NULL, 10);
}

static void store_batch(struct world *world, const struct limit_write_batch *batch)
{
    struct slice name;
    const struct limit_record *record = NULL;
    bool empty = false;
    pthread_mutex_lock(&world->store_mutex);
    for (size_t i = 0; i < limit_write_batch_count(batch); i++) {
        limit_write_batch_at(batch, i, &name, &record, &empty);
        world->store[subject_of(name)] = (struct stored){.present = !empty, .record = *record};
    }
    pthread_mutex_unlock(&world->store_mutex);
}

static void commit(struct world *world, struct limit_write_batch *batch, bool fails, bool lands)
{
    if (lands)
        store_batch(world, batch);
    limit_write_batch_end(world->table, batch, fails ? STATUS_UNAVAILABLE : STATUS_OK, clock_now_ms(world->clock));
}

static void end_round(struct world *world)
{
    pthread_mutex_lock(&world->store_mutex);
    world->rounds++;
    pthread_cond_broadcast(&world->round_ended);
    pthread_mutex_unlock(&world->store_mutex);
}

static void *run_writer(void *argument)
{
    const struct timespec moment = {.tv_nsec = 20000};
    struct world *world = argument;
    for (uint64_t n = 0; !world->stopped || limit_write_wanted(world->table); n++) {
        struct limit_write_batch *batch = limit_collect(world->table);
        bool fails = world->failing && n % 5 == 0;
        if (batch != NULL)
            commit(world, batch, fails, !fails || n % 2 == 0); // a failed one may have landed all the same
        else
            nanosleep(&moment, NULL);
        fake_advance(&world->time, n % 4 == 0); // so that somebody is at rest
        end_round(world);
    }
    return NULL;
}

// --- calls

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

// While the others go on.
static void fall_asleep(struct world *world)
{
    pthread_mutex_lock(&world->store_mutex);
    uint64_t last = world->rounds + NAP_ROUNDS;
    while (!world->stopped && world->rounds < last) // without a writer nobody goes on
        pthread_cond_wait(&world->round_ended, &world->store_mutex);
    pthread_mutex_unlock(&world->store_mutex);
}

static bool install(struct client *client, const struct limit_call *call, size_t subject, uint64_t generation)
{
    struct world *world = client->world;
    pthread_mutex_lock(&world->store_mutex);
    struct stored stored = world->store[subject];
    pthread_mutex_unlock(&world->store_mutex);
    if (fake_below(&client->random, 4) == 0)
        fall_asleep(world); // what was read may be old by now
    return limit_install(world->table, call->owner, &call->applicables[0],
                         &(struct limit_found){.record = stored.present ? &stored.record : NULL}, generation);
}

// LIMIT_ABSENT: there was no room; LIMIT_WAIT: the disk has failed.
static enum limit_verdict ask(struct client *client, const struct limit_call *call, size_t subject)
{
    for (;;) {
        limit_decide(client->world->table, call, 1, &client->waiter, &client->answer);
        enum limit_verdict verdict = client->answer.verdict;
        if (verdict == LIMIT_ABSENT && install(client, call, subject, client->answer.generation))
            continue;
        if (verdict == LIMIT_WAIT && wait_until_woken(client) == STATUS_OK)
            continue;
        return verdict;
    }
}

static struct limit limit_of(size_t subject, bool smaller)
{
    static const char *const texts[] = {"x=20/31d:fixed_window", "x=20/31d:sliding_window", "x=20/31d:token_bucket"};
    struct limit limit = fake_limit(texts[subject % 3]);
    if (smaller && limit.algorithm == LIMIT_TOKEN_BUCKET)
        limit.burst = AMOUNT / 2;
    return limit;
}

static enum limit_verdict ask_for(struct client *client, size_t subject, struct limit_call call, bool smaller)
{
    char id[16];
    struct limit_charge charge = {slice_text("x"), 1};
    struct limit_applicable applicable = {.limit = limit_of(subject, smaller), .subject = LIMIT_OF_CUSTOM};
    snprintf(id, sizeof id, "%04zu", subject);
    applicable.subject_id = call.owner = slice_make(id, ID_SIZE);
    call.applicables = &applicable;
    call.charges = &charge;
    call.applicable_count = call.charge_count = 1;
    return ask(client, &call, subject);
}

static void *run_client(void *argument)
{
    struct client *client = argument;
    struct world *world = client->world;
    for (int i = 0; i < CALLS; i++) {
        size_t subject = fake_below(&client->random, i % 4 == 0 ? SUBJECTS : SUBJECTS / 8);
        struct limit_call call = {.relaxed = i % 8 == 0};
        enum limit_verdict verdict = ask_for(client, subject, call, fake_below(&client->random, 3) == 0);
        if (verdict == LIMIT_ADMITTED)
            atomic_fetch_add(&world->admitted[subject], 1);
        else if (verdict == LIMIT_ABSENT)
            atomic_fetch_add(&world->crowded_out, 1);
    }
    return NULL;
}

// --- one run

static void start(struct world *world)
{
    world->table = limit_table_new(&(struct limit_table_options){.clock = world->clock, .max_meters = MAX_METERS});
    assert_non_null(world->table);
}

static void run_threads(struct world *world, struct client clients[THREADS])
{
    pthread_t writer, threads[THREADS];
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
}

// After a clean stop, from the disk alone.
static void check_what_is_left(struct world *world, struct client *client)
{
    for (size_t subject = 0; subject < SUBJECTS; subject++) {
        enum limit_verdict verdict = LIMIT_ABSENT;
        fake_advance(&world->time, 1);
        while (verdict == LIMIT_ABSENT)
            verdict = ask_for(client, subject, (struct limit_call){.peek = true}, false);
        assert_true(world->admitted[subject] <= AMOUNT);
        assert_int_equal(client->answer.standings[0].remaining, AMOUNT - world->admitted[subject]);
    }
}

static void run_world(struct world *world)
{
    static struct client clients[THREADS];
    world->time = (struct fake_time){.boot_ms = 1000, .wall_ms = FAKE_START_MS};
    pthread_mutex_init(&world->store_mutex, NULL);
    pthread_cond_init(&world->round_ended, NULL);
    world->clock = clock_new(fake_source(&world->time), NULL);
    start(world);
    run_threads(world, clients);
    struct limit_table_stats stats = limit_table_stats(world->table);
    assert_true(stats.meters <= 2 * MAX_METERS);
    assert_true(stats.records > SUBJECTS);
    struct limit_write_batch *batch = limit_collect_exact(world->table);
    if (batch != NULL)
        commit(world, batch, false, true);
    limit_table_free(world->table);
    start(world);
    check_what_is_left(world, &clients[0]);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_mutex_destroy(&clients[i].mutex);
        pthread_cond_destroy(&clients[i].changed);
    }
    limit_table_free(world->table);
    clock_free(world->clock);
    pthread_mutex_destroy(&world->store_mutex);
    pthread_cond_destroy(&world->round_ended);
}

static void meters_that_come_and_go_count_exactly_what_was_admitted(void **state)
{
    (void)state;
    for (int failing = 0; failing < 2; failing++) {
        struct world *world = calloc(1, sizeof *world);
        assert_non_null(world);
        world->failing = failing == 1;
        run_world(world);
        print_message("%llu calls found no room\n", (unsigned long long)world->crowded_out);
        free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(meters_that_come_and_go_count_exactly_what_was_admitted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
