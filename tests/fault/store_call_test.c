// The n-th LMDB call of the writer fails. These definitions stand before LMDB's own and forward to them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/store_fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <lmdb.h>

enum { MAP_SIZE = 16 * 1024 * 1024 };

enum call_kind { CALL_BEGIN, CALL_PUT, CALL_COMMIT };

// What is armed: one kind of call, the number of the first that fails (from 1; 0 = none), and how many fail.
static struct fault {
    atomic_int kind;
    atomic_int first;
    atomic_int count;
    atomic_int code;
    atomic_int seen;
} fault;

static void arm(enum call_kind kind, int first, int count, int code)
{
    fault.kind = (int)kind;
    fault.count = count;
    fault.code = code;
    fault.seen = 0;
    fault.first = first;
}

static void disarm(void)
{
    fault.first = 0;
}

static int failure(enum call_kind kind)
{
    if (fault.first == 0 || fault.kind != (int)kind) {
        return 0;
    }
    const int number = atomic_fetch_add(&fault.seen, 1) + 1;
    return number >= fault.first && number < fault.first + fault.count ? fault.code : 0;
}

static void find_next(const char *name, void *function, size_t size)
{
    void *address = dlsym(RTLD_NEXT, name);
    if (address == NULL) {
        abort();
    }
    memcpy(function, &address, size);
}

int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
    int (*next)(MDB_env *, MDB_txn *, unsigned, MDB_txn **);
    find_next("mdb_txn_begin", &next, sizeof next);
    const int code = (flags & MDB_RDONLY) == 0 ? failure(CALL_BEGIN) : 0;
    return code != 0 ? code : next(env, parent, flags, txn);
}

int mdb_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags)
{
    int (*next)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *, unsigned);
    find_next("mdb_put", &next, sizeof next);
    const int code = failure(CALL_PUT);
    return code != 0 ? code : next(txn, table, key, value, flags);
}

int mdb_txn_commit(MDB_txn *txn)
{
    int (*next)(MDB_txn *);
    find_next("mdb_txn_commit", &next, sizeof next);
    const int code = failure(CALL_COMMIT);
    if (code != 0) {
        mdb_txn_abort(txn); // LMDB's frees the transaction too
        return code;
    }
    return next(txn);
}

// --- one round: some batches under the fault, one after it

enum { BATCHES = 3, JOBS_EACH = 5, JOBS = BATCHES * JOBS_EACH };

struct round {
    struct store_fixture fixture;
    struct call calls[JOBS];
    struct pair pairs[JOBS];
    char keys[JOBS][sizeof "key-18446744073709551615"];
};

static void submit_batch(struct round *round, size_t from)
{
    struct gate gate;
    gate_shut(round->fixture.store, &gate);
    for (size_t i = from; i < from + JOBS_EACH; i++) {
        snprintf(round->keys[i], sizeof round->keys[i], "key-%zu", i);
        round->pairs[i] = (struct pair){TABLE_FIRST, round->keys[i], "value"};
        call_submit(round->fixture.store, &round->calls[i], put_pair, &round->pairs[i]);
    }
    gate_open(&gate);
    gate_wait(&gate);
}

// A batch stands or falls as one, and exactly what was acknowledged is there. Returns the failed batches.
static unsigned check_batches(struct round *round, enum status expected)
{
    unsigned failed = 0;
    struct slice value;
    struct store_txn *view = NULL;
    assert_int_equal(store_view_open(round->fixture.store, &view), STATUS_OK);
    assert_int_equal(store_view_begin(view), STATUS_OK);
    for (size_t i = 0; i < JOBS; i++) {
        const enum status status = round->calls[i].status;
        const enum status found = store_get(view, TABLE_FIRST, slice_text(round->keys[i]), &value);
        assert_int_equal(round->calls[i].done_count, 1);
        assert_int_equal(status, round->calls[i - i % JOBS_EACH].status);
        assert_true(status == STATUS_OK || status == expected);
        assert_int_equal(found, status == STATUS_OK ? STATUS_OK : STATUS_NOT_FOUND);
        failed += i % JOBS_EACH == 0 && status != STATUS_OK ? 1 : 0;
    }
    store_view_close(view);
    return failed;
}

static unsigned run_round(enum call_kind kind, int first, int count, int code, enum status expected)
{
    static struct round round;
    fixture_make(&round.fixture, MAP_SIZE);
    fixture_open(&round.fixture);
    arm(kind, first, count, code);
    for (size_t batch = 0; batch < BATCHES; batch++) {
        submit_batch(&round, batch * JOBS_EACH);
        for (size_t i = batch * JOBS_EACH; i < (batch + 1) * JOBS_EACH; i++) {
            status_ignore(call_wait(&round.calls[i]), "checked below");
        }
    }
    disarm();
    const unsigned failed = check_batches(&round, expected);
    struct pair later = {TABLE_FIRST, "later", "value"};
    assert_int_equal(call_now(round.fixture.store, put_pair, &later), STATUS_OK);
    assert_int_equal(store_health(round.fixture.store).last_commit, STATUS_OK);
    assert_int_equal(store_health(round.fixture.store).commits, BATCHES - failed + 1);
    assert_int_equal(fixture_log_count(&round.fixture, "cannot write"), failed > 0 ? 1 : 0);
    fixture_remove(&round.fixture);
    return failed;
}

static void the_nth_put_fails_its_batch_alone(void **state)
{
    (void)state;
    for (int n = 1; n <= JOBS; n++) {
        assert_int_equal(run_round(CALL_PUT, n, 1, EIO, STATUS_UNAVAILABLE), 1);
        assert_int_equal(run_round(CALL_PUT, n, 1, MDB_MAP_FULL, STATUS_RESOURCE_EXHAUSTED), 1);
    }
    assert_int_equal(run_round(CALL_PUT, JOBS + 1, 1, EIO, STATUS_UNAVAILABLE), 0);
}

static void the_nth_commit_fails_its_batch_alone(void **state)
{
    static const int codes[] = {EIO, ENOSPC, MDB_BAD_TXN};
    (void)state;
    for (int n = 1; n <= BATCHES; n++) {
        for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
            assert_int_equal(run_round(CALL_COMMIT, n, 1, codes[i], STATUS_UNAVAILABLE), 1);
        }
    }
}

// The writer begins a transaction for a gate, then one for the batch behind it. (The gate must not fail: it would not
// run, and the test would wait for it.)
static void the_nth_begin_fails_its_batch_alone(void **state)
{
    (void)state;
    for (int batch = 1; batch <= BATCHES; batch++) {
        assert_int_equal(run_round(CALL_BEGIN, 2 * batch, 1, EIO, STATUS_UNAVAILABLE), 1);
        assert_int_equal(run_round(CALL_BEGIN, 2 * batch, 1, ENOMEM, STATUS_RESOURCE_EXHAUSTED), 1);
    }
}

static void writing_that_always_fails_is_said_once(void **state)
{
    (void)state;
    assert_int_equal(run_round(CALL_COMMIT, 1, INT_MAX - 1, EIO, STATUS_UNAVAILABLE), BATCHES);
    assert_int_equal(run_round(CALL_PUT, 1, INT_MAX - 1, EIO, STATUS_UNAVAILABLE), BATCHES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nth_put_fails_its_batch_alone),
        cmocka_unit_test(the_nth_commit_fails_its_batch_alone),
        cmocka_unit_test(the_nth_begin_fails_its_batch_alone),
        cmocka_unit_test(writing_that_always_fails_is_said_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
