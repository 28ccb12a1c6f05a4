// Commits and writes that fail: what a caller hears, and what a retry with the same request_id then finds. These
// definitions stand before LMDB's own and forward to them.
#include "support/registry_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <lmdb.h>

enum fault_kind { FAULT_NONE, FAULT_LOST_COMMIT, FAULT_LANDED_COMMIT, FAULT_PUT, FAULT_GET };

// The n-th call of that kind fails, once.
static struct fault {
    atomic_int kind;
    atomic_int countdown;
    atomic_int code;
} fault;

static void arm(enum fault_kind kind, int number, int code)
{
    atomic_store(&fault.kind, FAULT_NONE);
    atomic_store(&fault.countdown, number);
    atomic_store(&fault.code, code);
    atomic_store(&fault.kind, (int)kind);
}

static bool strikes(enum fault_kind kind)
{
    return atomic_load(&fault.kind) == (int)kind && atomic_fetch_sub(&fault.countdown, 1) == 1;
}

static void find_next(const char *name, void *function, size_t size)
{
    void *address = dlsym(RTLD_NEXT, name);
    fixture_demand(address != NULL, name);
    memcpy(function, &address, size);
}

__attribute__((visibility("default"))) int mdb_txn_commit(MDB_txn *txn)
{
    int (*next)(MDB_txn *);
    find_next("mdb_txn_commit", &next, sizeof next);
    if (strikes(FAULT_LOST_COMMIT)) {
        mdb_txn_abort(txn);
        return atomic_load(&fault.code);
    }
    if (strikes(FAULT_LANDED_COMMIT)) {
        int code = next(txn);
        return code != 0 ? code : atomic_load(&fault.code);
    }
    return next(txn);
}

__attribute__((visibility("default"))) int mdb_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value,
                                                   unsigned flags)
{
    int (*next)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *, unsigned);
    find_next("mdb_put", &next, sizeof next);
    return strikes(FAULT_PUT) ? atomic_load(&fault.code) : next(txn, table, key, value, flags);
}

__attribute__((visibility("default"))) int mdb_get(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value)
{
    int (*next)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *);
    find_next("mdb_get", &next, sizeof next);
    return strikes(FAULT_GET) ? atomic_load(&fault.code) : next(txn, table, key, value);
}

// ---

static int set_up(void **state)
{
    struct registry_fixture *fixture = calloc(1, sizeof *fixture);
    arm(FAULT_NONE, 0, 0);
    fixture_make(fixture);
    fixture_furnish(fixture, "acme");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    arm(FAULT_NONE, 0, 0);
    fixture_remove(*state);
    free(*state);
    return 0;
}

static size_t count_keys(struct registry_fixture *fixture)
{
    struct registry_page page;
    struct registry_list query = {.page_size = REGISTRY_PAGE_MAX, .page_bytes_max = SIZE_MAX};
    assert_int_equal(registry_list_keys(fixture_look(fixture), &query, fixture->arena, &page), STATUS_OK);
    return page.count;
}

static void assert_sound(struct registry_fixture *fixture)
{
    struct status_failure failure = {.message = ""};
    enum status status = registry_fsck(fixture->registry, NULL, &failure);
    if (status != STATUS_OK)
        fail_msg("%s", failure.message);
}

static void assert_nothing_given_out(const struct ask *ask)
{
    const uint8_t zeros[REGISTRY_RANDOM_SIZE] = {0};
    assert_int_equal(ask->command.result.token.size, 0);
    assert_int_equal(ask->command.reply.size, 0);
    assert_int_equal(ask->command.seq, 0);
    assert_memory_equal(ask->command.random, zeros, sizeof zeros);
}

static void lost_commit_is_unavailable_and_the_retry_makes_the_key(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *ask = ask_for_key(fixture, "acme");
    arm(FAULT_LOST_COMMIT, 1, EIO);
    assert_int_equal(ask_run(fixture, ask), STATUS_UNAVAILABLE);
    assert_non_null(strstr(ask->command.failure.message, "same request_id"));
    assert_nothing_given_out(ask);
    assert_int_equal(registry_health(fixture->registry).last_commit, STATUS_UNAVAILABLE);
    assert_int_equal(count_keys(fixture), 0);
    struct ask *again = ask_again(fixture, ask);
    assert_int_equal(ask_run(fixture, again), STATUS_OK);
    assert_false(again->command.is_retry);
    assert_int_equal(again->command.seq, 3); // no gap
    assert_int_equal(count_keys(fixture), 1);
    assert_sound(fixture);
}

static void landed_commit_is_unavailable_and_the_retry_finds_the_key(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *ask = ask_for_key(fixture, "acme");
    arm(FAULT_LANDED_COMMIT, 1, EIO);
    assert_int_equal(ask_run(fixture, ask), STATUS_UNAVAILABLE);
    assert_nothing_given_out(ask);
    struct ask *again = ask_again(fixture, ask);
    assert_int_equal(ask_run(fixture, again), STATUS_OK);
    assert_true(again->command.is_retry);
    assert_non_null(memmem(again->command.reply.data, again->command.reply.size, "acme_test_", 10));
    assert_int_equal(count_keys(fixture), 1);
    assert_sound(fixture);
}

static void full_map_is_resource_exhausted_and_nothing_was_written(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *ask = ask_for_key(fixture, "acme");
    arm(FAULT_PUT, 1, MDB_MAP_FULL);
    assert_int_equal(ask_run(fixture, ask), STATUS_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(ask->command.failure.message, "map"));
    assert_nothing_given_out(ask);
    assert_int_equal(count_keys(fixture), 0);
    assert_sound(fixture);
}

static void every_write_of_a_command_may_fail(void **state)
{
    struct registry_fixture *fixture = *state;
    enum status status = STATUS_UNAVAILABLE;
    int number = 1;
    for (; status != STATUS_OK; number++) {
        struct ask *ask = ask_for_key(fixture, "acme");
        arm(FAULT_PUT, number, EIO);
        status = ask_run(fixture, ask);
        assert_true(status == STATUS_OK || status == STATUS_UNAVAILABLE);
        assert_int_equal(count_keys(fixture), status == STATUS_OK ? 1 : 0);
    }
    assert_in_range(number, 10, 13); // key, two indexes, count, change, head and three for the idempotency record
    arm(FAULT_NONE, 0, 0);
    assert_sound(fixture);
}

static void every_read_of_a_command_may_fail(void **state)
{
    struct registry_fixture *fixture = *state;
    enum status status = STATUS_UNAVAILABLE;
    int number = 1;
    for (; status != STATUS_OK; number++) {
        struct ask *ask = ask_for_key(fixture, "acme");
        arm(FAULT_GET, number, EIO);
        status = ask_run(fixture, ask);
        arm(FAULT_NONE, 0, 0);
        assert_true(status == STATUS_OK || status == STATUS_UNAVAILABLE);
        assert_int_equal(count_keys(fixture), status == STATUS_OK ? 1 : 0);
    }
    assert_true(number > 6);
    assert_sound(fixture);
}

static void whole_batch_fails_with_its_commit(void **state)
{
    struct registry_fixture *fixture = *state;
    sem_t started;
    sem_t release;
    assert_int_equal(sem_init(&started, 0, 0), 0);
    assert_int_equal(sem_init(&release, 0, 0), 0);
    struct ask *one = ask_for_account(fixture, "acme", "");
    one->command.ask.put_account.max_keys = 1;
    assert_int_equal(ask_run(fixture, one), STATUS_OK);
    struct ask *holder = ask_for_tier(fixture, "held", false);
    holder->started = &started;
    holder->release = &release;
    ask_start(fixture, holder);
    sem_wait(&started);
    arm(FAULT_LOST_COMMIT, 2, EIO); // the batch after the holder's
    struct ask *made = ask_for_key(fixture, "acme");
    struct ask *refused = ask_for_key(fixture, "acme"); // only because of the one before it
    ask_start(fixture, made);
    ask_start(fixture, refused);
    sem_post(&release);
    assert_int_equal(ask_wait(holder), STATUS_OK);
    assert_int_equal(ask_wait(made), STATUS_UNAVAILABLE);
    assert_int_equal(ask_wait(refused), STATUS_UNAVAILABLE);
    assert_nothing_given_out(refused);
    assert_int_equal(ask_run(fixture, ask_again(fixture, refused)), STATUS_OK);
    assert_sound(fixture);
    sem_destroy(&started);
    sem_destroy(&release);
}

static void revocation_that_did_not_land_is_not_acknowledged(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_key key;
    struct ask *made = fixture_key(fixture, "acme");
    struct ask *revoke = ask_to_revoke(fixture, made->command.result.key.id, "leaked");
    arm(FAULT_LOST_COMMIT, 1, EIO);
    assert_int_equal(ask_run(fixture, revoke), STATUS_UNAVAILABLE);
    const uint8_t *id = made->command.result.key.id;
    assert_int_equal(registry_find_key(fixture_look(fixture), id, fixture->arena, &key), STATUS_OK);
    assert_int_equal(key.facts.revoked_at_ms, 0);
    assert_int_equal(ask_run(fixture, ask_again(fixture, revoke)), STATUS_OK);
    assert_int_equal(registry_find_key(fixture_look(fixture), id, fixture->arena, &key), STATUS_OK);
    assert_int_equal(key.facts.revoked_at_ms, FIXTURE_START_MS);
}

static void purge_that_did_not_land_says_so_and_is_repeated(void **state)
{
    struct registry_fixture *fixture = *state;
    struct status_failure failure = {.message = ""};
    size_t count = 0;
    fixture_wait(fixture, REGISTRY_IDEMPOTENCY_MS);
    arm(FAULT_LOST_COMMIT, 1, EIO);
    assert_int_equal(registry_purge_idempotency(fixture->registry, 1, &count, &failure), STATUS_UNAVAILABLE);
    assert_int_equal(count, 0);
    assert_non_null(strstr(failure.message, "same request_id"));
    assert_int_equal(registry_purge_idempotency(fixture->registry, 1, &count, &failure), STATUS_OK);
    assert_int_equal(count, 2); // of the tier and the account
    assert_sound(fixture);
}

static void opening_a_new_store_on_a_failing_disk_says_so(void **state)
{
    struct registry_fixture *fixture = *state;
    struct status_failure failure = {.message = ""};
    fixture_close(fixture);
    tempdir_join(&fixture->directory, "another", fixture->path);
    arm(FAULT_PUT, 1, EIO);
    assert_int_equal(fixture_try_open(fixture, &failure), STATUS_UNAVAILABLE);
    assert_non_null(strstr(failure.message, fixture->path));
    arm(FAULT_NONE, 0, 0);
    fixture_open(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(lost_commit_is_unavailable_and_the_retry_makes_the_key),
        TEST(landed_commit_is_unavailable_and_the_retry_finds_the_key),
        TEST(full_map_is_resource_exhausted_and_nothing_was_written),
        TEST(every_write_of_a_command_may_fail),
        TEST(every_read_of_a_command_may_fail),
        TEST(whole_batch_fails_with_its_commit),
        TEST(revocation_that_did_not_land_is_not_acknowledged),
        TEST(purge_that_did_not_land_says_so_and_is_repeated),
        TEST(opening_a_new_store_on_a_failing_disk_says_so),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
