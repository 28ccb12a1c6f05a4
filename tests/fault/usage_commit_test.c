// Commits fail at random: some have landed all the same. No count is lost and none is counted twice.
// These definitions stand before those of LMDB and protobuf-c and forward to them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/usage_fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <lmdb.h>
#include <records.pb-c.h>

enum fault { FAULT_NONE, FAULT_BEGIN, FAULT_PUT, FAULT_NOT_LANDED, FAULT_LANDED, FAULT_PACK, FAULT_COUNT };

static atomic_int armed;

static bool fails(enum fault fault)
{
    return atomic_load(&armed) == (int)fault;
}

static void find_next(const char *name, void *function, size_t size)
{
    void *address = dlsym(RTLD_NEXT, name);
    if (address == NULL)
        abort();
    memcpy(function, &address, size);
}

int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
    int (*next)(MDB_env *, MDB_txn *, unsigned, MDB_txn **);
    find_next("mdb_txn_begin", &next, sizeof next);
    return (flags & MDB_RDONLY) == 0 && fails(FAULT_BEGIN) ? ENOMEM : next(env, parent, flags, txn);
}

int mdb_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags)
{
    int (*next)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *, unsigned);
    find_next("mdb_put", &next, sizeof next);
    return fails(FAULT_PUT) ? MDB_MAP_FULL : next(txn, table, key, value, flags);
}

int mdb_txn_commit(MDB_txn *txn)
{
    int (*next)(MDB_txn *);
    find_next("mdb_txn_commit", &next, sizeof next);
    if (fails(FAULT_NOT_LANDED)) {
        mdb_txn_abort(txn);
        return EIO;
    }
    int code = next(txn);
    return fails(FAULT_LANDED) ? EIO : code;
}

// A tally that is larger than the arena cannot be packed.
size_t protobuf_c_message_get_packed_size(const ProtobufCMessage *message)
{
    size_t (*next)(const ProtobufCMessage *);
    find_next("protobuf_c_message_get_packed_size", &next, sizeof next);
    bool is_tally = message->descriptor == &postern__records__usage_tally_record__descriptor;
    return is_tally && fails(FAULT_PACK) ? SIZE_MAX / 2 : next(message);
}

// SplitMix64.
static uint64_t draw(uint64_t *state, uint64_t below)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

enum { SEEDS = 20, STEPS = 60, KEYS = 4 };

static void set_up(struct usage_fixture *fixture)
{
    usage_fixture_make(fixture);
    usage_fixture_open(fixture);
}

static void check(struct usage_fixture *fixture, const uint64_t expected[KEYS], uint64_t seed)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        struct usage_test_key key = usage_test_key(i);
        struct usage_query query = usage_test_of_key(&key);
        arena_reset(fixture->arena);
        uint64_t found = usage_fixture_total(fixture, &query, REASON_ALLOWED);
        if (found != expected[i])
            print_error("seed %llu, key %u\n", (unsigned long long)seed, i);
        assert_int_equal(found, expected[i]);
    }
}

static void run_seed(uint64_t seed)
{
    static struct usage_fixture fixture;
    uint64_t expected[KEYS] = {0};
    uint64_t state = seed;
    set_up(&fixture);
    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t number = (uint32_t)draw(&state, KEYS);
        struct usage_test_key key = usage_test_key(number);
        usage_fixture_note(&fixture, &key, "acme", REASON_ALLOWED);
        expected[number]++;
        usage_fixture_wait(&fixture, draw(&state, 4) == 0 ? USAGE_TEST_HOUR / 2 : 1000);
        if (draw(&state, 2) == 0)
            continue;
        atomic_store(&armed, (int)draw(&state, FAULT_COUNT));
        usage_fixture_tick(&fixture);
        check(&fixture, expected, seed);
        atomic_store(&armed, FAULT_NONE);
        if (draw(&state, 10) == 0) {
            usage_fixture_close(&fixture);
            usage_fixture_open(&fixture);
        }
        check(&fixture, expected, seed);
    }
    usage_fixture_close(&fixture);
    usage_fixture_open(&fixture);
    check(&fixture, expected, seed);
    usage_fixture_remove(&fixture);
}

static void failed_commits_neither_lose_nor_double_a_count(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(seed);
}

static void a_network_is_met_once_however_often_its_commit_is_repeated(void **state)
{
    (void)state;
    static struct usage_fixture fixture;
    struct usage_test_key key = usage_test_key(1);
    struct usage_last last;
    set_up(&fixture);
    usage_fixture_note(&fixture, &key, "acme", REASON_ALLOWED);
    for (int fault = FAULT_BEGIN; fault < FAULT_COUNT; fault++) {
        atomic_store(&armed, fault);
        usage_fixture_tick(&fixture);
        assert_int_equal(usage_stats(fixture.usage).waiting, 2);
    }
    atomic_store(&armed, FAULT_NONE);
    usage_fixture_tick(&fixture);
    assert_int_equal(usage_stats(fixture.usage).waiting, 0);
    assert_int_equal(usage_last_used(fixture.usage, usage_fixture_look(&fixture), key.id, &last), STATUS_OK);
    assert_int_equal(last.networks_met, 1);
    usage_fixture_remove(&fixture);
}

static void a_loss_at_the_end_is_logged(void **state)
{
    (void)state;
    static struct usage_fixture fixture;
    struct usage_test_key key = usage_test_key(1);
    set_up(&fixture);
    usage_fixture_note(&fixture, &key, "acme", REASON_ALLOWED);
    atomic_store(&armed, FAULT_NOT_LANDED);
    usage_fixture_close(&fixture);
    atomic_store(&armed, FAULT_NONE);
    assert_int_equal(fixture_log_count(&fixture.store, "2 tallies could not be written and are lost"), 1);
    usage_fixture_remove(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_commits_neither_lose_nor_double_a_count),
        cmocka_unit_test(a_network_is_met_once_however_often_its_commit_is_repeated),
        cmocka_unit_test(a_loss_at_the_end_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
