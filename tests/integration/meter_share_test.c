// Shares of custom subjects: one caller's names keep out nobody else, and what is forgotten for room costs least.

#include "support/custom_fixture.h"

// The last 16th of 64 begins at 60, the last 32nd at 62.
enum { SMALL = 64, CROWDED = 60, TIGHT = 62 };
// Of 1024 a namespace comes to 960, and loses records from about 945 on.
enum { LARGE = 1024, RELIEVED = 940, AMOUNT = 800, FRESH = 1, GUEST = 60, ESTABLISHED = 400 };

// Makes up names in one namespace, or each in a namespace of its own, until one is refused; returns how many were not.
static size_t flood(struct custom_fixture *fixture, struct custom_ask *refused, uint32_t maker, const char *space)
{
    char identifier[32], own[40];
    size_t count = 0;
    for (bool goes_on = true; goes_on && count <= SMALL; count += goes_on) {
        (void)snprintf(identifier, sizeof identifier, "%u.%zu", maker, count);
        (void)snprintf(own, sizeof own, "s%s", identifier);
        goes_on = custom_charges(fixture, refused, maker, space != NULL ? space : own, identifier);
    }
    return count;
}

// A ring in which `used` was counted now.
static struct limit_record record_of(uint32_t maker, uint64_t used)
{
    struct limit_record record = {.algorithm = LIMIT_SLIDING_WINDOW, .t_ms = CUSTOM_START_MS, .amount = AMOUNT};
    record.index = CUSTOM_START_MS / 60000; // sub-windows of an hour
    record.counter_count = 61;
    record.counters[record.index % 61] = used;
    record.maker = maker;
    record.magnitude = maker != 0 ? 10 : 0; // 2^9 <= 800 < 2^10
    return record;
}

static void put(struct custom_fixture *fixture, const char *space, size_t first, size_t count, uint32_t maker,
                uint64_t used)
{
    (void)custom_run_job(
        fixture, (struct custom_job){.space = space, .record = record_of(maker, used), .first = first, .count = count});
}

// The counts may be wrong, and a minute later they are made again.
static void doubt(struct custom_fixture *fixture)
{
    share_doubt(&fixture->meters->custom.shares);
    fixture->now_ms += 60000;
}

// --- who gets the room

static void caller_who_makes_up_names_keeps_out_nobody_else(void **state)
{
    (void)state;
    struct custom_ask refused;
    struct custom_fixture *fixture = custom_make(SMALL, "tries=8/hour");
    custom_open(fixture);
    assert_int_equal(flood(fixture, &refused, ANN, "spam"), CROWDED);
    assert_string_equal(refused.failure.field, "custom.identifier");
    assert_non_null(strstr(refused.failure.message, "your share"));
    assert_non_null(strstr(refused.failure.message, "60 meters, 60 of them in namespace spam"));
    assert_true(refused.load.retry_after_ms > 0);
    assert_string_equal(refused.load.status_reason, "SHARE_USED_UP");
    assert_true(custom_charges(fixture, &refused, BOB, "login", "bob"));
    assert_true(custom_charges(fixture, &refused, BOB, "spam", "bob"));
    assert_int_equal(flood(fixture, &refused, BOB, "login"), SMALL - CROWDED - 2);
    assert_non_null(strstr(refused.failure.message, "raise --max-custom-meters")); // the bound itself
    assert_null(refused.load.status_reason);
    assert_true(refused.load.retry_after_ms > 0);
    assert_true(custom_charges(fixture, &refused, ANN, "spam", "11.0")); // known ones go on
    assert_int_equal(custom_left(fixture, "spam", "11.0"), 6);
    assert_int_equal(meter_stats(fixture->meters).custom_makers, 2);
    custom_remove(fixture);
}

static void flooded_namespace_keeps_out_no_other_one_of_its_caller(void **state)
{
    (void)state;
    struct custom_ask refused;
    struct custom_fixture *fixture = custom_make(SMALL, "tries=8/hour");
    custom_open(fixture);
    assert_int_equal(flood(fixture, &refused, ANN, "spam"), CROWDED);
    assert_int_equal(flood(fixture, &refused, ANN, "login"), TIGHT - CROWDED);
    assert_int_equal(flood(fixture, &refused, BOB, "login"), SMALL - TIGHT);
    custom_remove(fixture);
}

static void caller_who_makes_up_namespaces_too_leaves_room_for_others(void **state)
{
    (void)state;
    struct custom_ask refused;
    struct custom_fixture *fixture = custom_make(SMALL, "tries=8/hour");
    custom_open(fixture);
    assert_int_equal(flood(fixture, &refused, ANN, NULL), TIGHT);
    assert_int_equal(flood(fixture, &refused, BOB, NULL), SMALL - TIGHT);
    custom_remove(fixture);
}

// Looks at names that nobody has charged; returns how many of them were let into memory.
static size_t peek_at(struct custom_fixture *fixture, uint32_t maker, const char *space, size_t count)
{
    char identifier[32];
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        struct custom_ask ask;
        (void)snprintf(identifier, sizeof identifier, "%zu", i);
        custom_ask_init(fixture, &ask, maker, space, identifier, 0);
        known += custom_finish(fixture, &ask, custom_try(fixture, &ask)) == LIMIT_ADMITTED;
    }
    return known;
}

// A peek needs no record, and so does not count for long; a first charge does.
static void names_that_were_only_looked_at_do_not_pass_the_share(void **state)
{
    (void)state;
    struct custom_ask refused;
    struct custom_fixture *fixture = custom_make(SMALL, "tries=8/hour");
    custom_open(fixture);
    assert_int_equal(peek_at(fixture, ANN, "looked", 20), 20);
    assert_true(custom_charges(fixture, &refused, ANN, "spam", "first")); // its record is written
    assert_int_equal(flood(fixture, &refused, ANN, "spam"), CROWDED - 1);
    assert_int_equal(flood(fixture, &refused, ANN, NULL), TIGHT - CROWDED);
    assert_false(custom_charges(fixture, &refused, ANN, "looked", "0"));
    assert_string_equal(refused.load.status_reason, "SHARE_USED_UP");
    assert_int_equal(custom_records(fixture), TIGHT);
    assert_true(custom_charges(fixture, &refused, BOB, "login", "bob"));
    custom_remove(fixture);
}

static void calls_at_the_same_time_do_not_pass_the_share(void **state)
{
    (void)state;
    struct custom_fixture *fixture = custom_make(SMALL, "tries=8/hour");
    struct custom_ask asks[SMALL + 8], refused;
    struct custom_gate gate;
    char identifier[32];
    size_t waiting = 0;
    custom_open(fixture);
    custom_gate_submit(fixture, &gate);
    sem_wait(&gate.reached);
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        (void)snprintf(identifier, sizeof identifier, "%zu", i);
        custom_ask_init(fixture, &asks[waiting], ANN, "spam", identifier, 1);
        waiting += custom_try(fixture, &asks[waiting]) == LIMIT_WAIT;
    }
    assert_int_equal(waiting, CROWDED);
    custom_gate_open(&gate);
    for (size_t i = 0; i < waiting; i++)
        assert_int_equal(custom_finish(fixture, &asks[i], LIMIT_WAIT), LIMIT_ADMITTED);
    assert_int_equal(custom_records(fixture), CROWDED);
    assert_true(custom_charges(fixture, &refused, BOB, "login", "bob"));
    custom_remove(fixture);
}

enum { FEW = 58 }; // counted twice, they would be more than there may be

// Begins so many first charges, from this number on, and returns how many now wait for the writer.
static size_t begin_charges(struct custom_fixture *fixture, struct custom_ask *asks, size_t first, size_t count)
{
    char identifier[32];
    size_t waiting = 0;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(identifier, sizeof identifier, "%zu", first + i);
        custom_ask_init(fixture, &asks[i], ANN, "spam", identifier, 1);
        waiting += custom_try(fixture, &asks[i]) == LIMIT_WAIT;
    }
    return waiting;
}

static void end_charges(struct custom_fixture *fixture, struct custom_ask *asks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(custom_finish(fixture, &asks[i], LIMIT_WAIT), LIMIT_ADMITTED);
}

// With the writer held in a commit that has the FEW: there is room for the rest of the share, and for no more.
static void fill_share(struct custom_fixture *fixture, struct custom_ask *asks)
{
    struct custom_ask refused;
    assert_int_equal(begin_charges(fixture, asks, FEW, CROWDED - FEW), CROWDED - FEW);
    assert_false(custom_charges(fixture, &refused, ANN, "spam", "one more"));
    assert_string_equal(refused.load.status_reason, "SHARE_USED_UP");
    assert_non_null(strstr(refused.failure.message, "60 meters, 60 of them in namespace spam"));
}

static void records_of_a_commit_under_way_are_counted_once(void **state)
{
    (void)state;
    struct custom_fixture *fixture = custom_make(SMALL, "tries=8/hour");
    struct custom_ask asks[CROWDED];
    struct custom_gate before, behind;
    custom_open(fixture);
    custom_gate_submit(fixture, &before);
    sem_wait(&before.reached);
    assert_int_equal(begin_charges(fixture, asks, 0, FEW), FEW);
    custom_gate_submit(fixture, &behind);
    custom_gate_open(&before);
    sem_wait(&behind.reached); // the records are written, and the commit is not made
    fill_share(fixture, &asks[FEW]);
    custom_gate_open(&behind);
    end_charges(fixture, asks, CROWDED);
    assert_int_equal(custom_records(fixture), CROWDED);
    custom_remove(fixture);
}

static void run_nothing(struct store_job *job, struct store_txn *txn)
{
    (void)job;
    (void)txn;
}

// Holds the writer between a commit and those who wait for it.
static void hold_after_commit(struct store_job *job, enum status status)
{
    assert_int_equal(status, STATUS_OK);
    custom_gate_run(job, NULL);
    sem_post(&((struct custom_gate *)job)->done);
}

static void records_of_a_commit_that_was_just_made_are_counted_once(void **state)
{
    (void)state;
    struct custom_fixture *fixture = custom_make(SMALL, "tries=8/hour");
    struct custom_ask asks[CROWDED];
    struct custom_gate before, within;
    custom_open(fixture);
    custom_gate_submit(fixture, &before);
    sem_wait(&before.reached);
    custom_gate_submit_as(fixture, &within, run_nothing, hold_after_commit);
    assert_int_equal(begin_charges(fixture, asks, 0, FEW), FEW);
    custom_gate_open(&before);
    sem_wait(&within.reached); // the commit is made, and the write-behind does not know it
    fill_share(fixture, &asks[FEW]);
    custom_gate_open(&within);
    end_charges(fixture, asks, CROWDED);
    assert_int_equal(custom_records(fixture), CROWDED);
    custom_remove(fixture);
}

static void name_that_is_asked_for_several_times_counts_once(void **state)
{
    (void)state;
    struct custom_fixture *fixture = custom_make(SMALL, "tries=8/hour");
    struct custom_ask asks[CROWDED];
    struct custom_gate gate;
    custom_open(fixture);
    custom_gate_submit(fixture, &gate);
    sem_wait(&gate.reached);
    assert_int_equal(peek_at(fixture, ANN, "spam", FEW), FEW);
    assert_int_equal(begin_charges(fixture, asks, 0, FEW), FEW);
    fill_share(fixture, &asks[FEW]);
    custom_gate_open(&gate);
    end_charges(fixture, asks, CROWDED);
    custom_remove(fixture);
}

// A call may be let in while a batch is being made, and its record be in that batch.
static void promise_that_a_batch_keeps_ends_with_it_however_late_it_was_made(void **state)
{
    (void)state;
    struct shares shares;
    struct share_use use;
    struct limit_name names[2];
    struct custom_fixture *fixture = custom_make(SMALL, "tries=8/hour");
    struct slice early = custom_record_name(fixture, "spam", "early", &names[0]);
    struct slice late = custom_record_name(fixture, "spam", "late", &names[1]);
    share_init(&shares);
    share_promise(&shares, ANN, early);
    share_take_promises(&shares);
    share_promise(&shares, ANN, late);
    for (int ended = 0; ended < 3; ended++) {
        assert_int_equal(share_total(&shares), 2);
        assert_false(share_is_used_up(&shares, ANN, early, SMALL, &use));
        assert_true(use.count == 2 && use.space_count == 2);
        assert_int_equal(share_records(&shares), ended == 2 ? 2 : 0);
        if (ended == 0) {
            share_add(&shares, ANN, early);
            share_add(&shares, ANN, late);
        } else {
            share_end_promises(&shares);
            share_end_commit(&shares, true);
        }
    }
    share_wipe(&shares);
    custom_open(fixture); // as custom_remove wants it
    custom_remove(fixture);
}

static void two_who_make_up_names_leave_room_for_a_third(void **state)
{
    (void)state;
    struct custom_ask refused;
    struct custom_fixture *fixture = custom_make(LARGE, "tries=800/hour");
    put(fixture, "spam", 0, LARGE - LARGE / 16, ANN, ESTABLISHED);
    custom_open(fixture);
    assert_int_equal(flood(fixture, &refused, ANN, "spam"), 0);
    assert_int_equal(flood(fixture, &refused, BOB, "spam"), 60); // of the 64 that are free
    assert_int_equal(flood(fixture, &refused, CY, "spam"), 4);
    custom_remove(fixture);
}

static void shares_are_counted_again_after_a_restart(void **state)
{
    (void)state;
    struct custom_ask refused;
    struct custom_fixture *fixture = custom_make(SMALL, "tries=8/hour");
    custom_open(fixture);
    assert_int_equal(flood(fixture, &refused, ANN, "spam"), CROWDED);
    custom_restart(fixture);
    assert_int_equal(meter_stats(fixture->meters).custom_makers, 1);
    assert_false(custom_charges(fixture, &refused, ANN, "spam", "new"));
    assert_true(custom_charges(fixture, &refused, BOB, "spam", "new"));
    custom_remove(fixture);
}

static void share_is_free_again_when_its_subjects_have_recovered(void **state)
{
    (void)state;
    struct custom_ask refused;
    struct custom_fixture *fixture = custom_make(SMALL, "tries=8/min");
    custom_open(fixture);
    assert_int_equal(flood(fixture, &refused, ANN, "spam"), CROWDED);
    custom_restart(fixture); // so they are not in memory
    assert_int_equal(custom_records(fixture), CROWDED);
    fixture->now_ms += UINT64_C(3) * 60 * 1000;
    meter_sweep_custom(fixture->meters);
    while (custom_records(fixture) > 0)
        meter_sweep_custom(fixture->meters);
    assert_int_equal(meter_stats(fixture->meters).custom_makers, 0);
    assert_int_equal(flood(fixture, &refused, ANN, "spam"), CROWDED);
    custom_remove(fixture);
}

static void subject_is_counted_once_however_often_it_is_charged(void **state)
{
    (void)state;
    struct custom_ask asking;
    static const char *const known[] = {"a", "b", "c", "d", "e"};
    struct custom_fixture *fixture = custom_make(SMALL, "tries=8/hour"); // each charge is a write of its own
    custom_open(fixture);
    for (size_t i = 0; i < 40; i++)
        assert_true(custom_charges(fixture, &asking, ANN, "spam", known[i % 5]));
    assert_int_equal(flood(fixture, &asking, ANN, "spam"), CROWDED - 5);
    custom_remove(fixture);
}

static void records_of_older_versions_count_for_nobody(void **state)
{
    (void)state;
    struct custom_ask refused;
    struct custom_fixture *fixture = custom_make(SMALL, "tries=800/hour");
    put(fixture, "spam", 0, CROWDED, 0, ESTABLISHED);
    custom_open(fixture);
    assert_int_equal(meter_stats(fixture->meters).custom_makers, 0);
    assert_int_equal(flood(fixture, &refused, ANN, "spam"), SMALL - CROWDED);
    assert_null(strstr(refused.failure.message, "your share"));
    assert_int_equal(custom_left(fixture, "spam", "0"), AMOUNT - ESTABLISHED);
    custom_remove(fixture);
}

static void counts_that_may_be_wrong_are_made_again(void **state)
{
    (void)state;
    struct custom_ask refused;
    struct custom_fixture *fixture = custom_make(SMALL, "tries=8/hour");
    custom_open(fixture);
    assert_int_equal(flood(fixture, &refused, ANN, "spam"), CROWDED);
    share_clear(&fixture->meters->custom.shares);
    doubt(fixture);
    meter_sweep_custom(fixture->meters);
    assert_int_equal(custom_records(fixture), CROWDED);
    assert_int_equal(meter_stats(fixture->meters).custom_makers, 1);
    assert_false(custom_charges(fixture, &refused, ANN, "spam", "new"));
    custom_remove(fixture);
}

static void break_txn(struct store_job *job, struct store_txn *txn)
{
    char key[STORE_KEY_MAX + 1] = "too long";
    custom_gate_run(job, txn);
    store_put(txn, TABLE_CUSTOM, slice_make(key, sizeof key), slice_text("x"));
}

static void broken(struct store_job *job, enum status status)
{
    assert_true(status != STATUS_OK);
    sem_post(&((struct custom_gate *)job)->done);
}

static void wake_as_failed(struct limit_waiter *waiter, enum status status)
{
    assert_true(status != STATUS_OK);
    sem_post(&((struct custom_ask *)waiter)->woken);
}

static void record_of_a_commit_that_failed_is_not_counted_for_long(void **state)
{
    (void)state;
    struct custom_ask ask;
    struct custom_gate before, breaking;
    struct custom_fixture *fixture = custom_make(SMALL, "tries=800/hour");
    custom_open(fixture);
    custom_gate_submit(fixture, &before);
    sem_wait(&before.reached);
    fixture->log.fd = -1; // the writer complains
    custom_ask_init(fixture, &ask, ANN, "spam", "0", 1);
    ask.waiter.wake = wake_as_failed;
    assert_int_equal(custom_try(fixture, &ask), LIMIT_WAIT);
    custom_gate_submit_as(fixture, &breaking, break_txn, broken);
    sem_post(&breaking.opened);
    custom_gate_open(&before);
    sem_wait(&ask.woken);
    sem_wait(&breaking.done);
    assert_int_equal(meter_stats(fixture->meters).custom_makers, 1); // nobody has looked yet
    put(fixture, "login", 0, 1, 0, FRESH);
    fixture->now_ms += 59999;
    meter_sweep_custom(fixture->meters);
    assert_int_equal(custom_records(fixture), 1);
    assert_int_equal(meter_stats(fixture->meters).custom_makers, 1); // not all the time
    fixture->now_ms += 1;
    meter_sweep_custom(fixture->meters);
    assert_int_equal(custom_records(fixture), 1);
    assert_int_equal(meter_stats(fixture->meters).custom_makers, 0);
    sem_destroy(&ask.woken);
    custom_remove(fixture);
}

// --- what is forgotten

// Sweeps often enough to go through the table several times; returns how many records are left.
static uint64_t sweep(struct custom_fixture *fixture)
{
    for (int i = 0; i < 64; i++) {
        meter_sweep_custom(fixture->meters);
        (void)custom_records(fixture);
    }
    return custom_records(fixture);
}

static size_t count_known(struct custom_fixture *fixture, const char *space, size_t first, size_t count)
{
    char identifier[32];
    size_t known = 0;
    for (size_t i = first; i < first + count; i++) {
        (void)snprintf(identifier, sizeof identifier, "%zu", i);
        known += custom_has_record(fixture, space, identifier);
    }
    return known;
}

static void freshest_strangers_of_a_share_that_is_used_up_are_forgotten_first(void **state)
{
    (void)state;
    enum { FRESH_ONES = 30, GUESTS = 830, REGULARS = 50, OTHERS = 90 }; // 1000
    struct custom_ask asking;
    struct custom_fixture *fixture = custom_make(LARGE, "tries=800/hour");
    put(fixture, "spam", 0, GUESTS, ANN, GUEST);
    put(fixture, "spam", GUESTS, FRESH_ONES, ANN, FRESH);
    put(fixture, "spam", GUESTS + FRESH_ONES, REGULARS, ANN, ESTABLISHED);
    put(fixture, "login", 0, OTHERS, BOB, FRESH);
    custom_open(fixture);
    assert_false(custom_charges(fixture, &asking, ANN, "spam", "new"));
    assert_in_range(sweep(fixture), RELIEVED, LARGE - LARGE / 16 - 1);
    assert_int_equal(count_known(fixture, "spam", GUESTS, FRESH_ONES), 0);
    assert_int_equal(count_known(fixture, "spam", GUESTS + FRESH_ONES, REGULARS), REGULARS);
    assert_int_equal(count_known(fixture, "login", 0, OTHERS), OTHERS);
    assert_int_equal(custom_left(fixture, "spam", "830"), AMOUNT); // a stranger begins full, and nobody else
    assert_int_equal(custom_left(fixture, "spam", "860"), AMOUNT - ESTABLISHED);
    assert_int_equal(custom_left(fixture, "login", "0"), AMOUNT - FRESH);
    assert_true(custom_charges(fixture, &asking, ANN, "spam", "new"));
    custom_remove(fixture);
}

static void only_the_flooded_namespace_forgets(void **state)
{
    (void)state;
    struct custom_fixture *fixture = custom_make(LARGE, "tries=800/hour");
    put(fixture, "login", 0, 100, ANN, FRESH);
    put(fixture, "spam", 0, 870, ANN, FRESH);
    custom_open(fixture);
    assert_in_range(sweep(fixture), RELIEVED, LARGE - LARGE / 16 - 1);
    assert_int_equal(count_known(fixture, "login", 0, 100), 100);
    custom_remove(fixture);
}

static void what_has_used_more_than_an_eighth_is_never_forgotten(void **state)
{
    (void)state;
    struct custom_fixture *fixture = custom_make(LARGE, "tries=800/hour");
    put(fixture, "spam", 0, LARGE, ANN, AMOUNT / 8 + 1);
    custom_open(fixture);
    assert_int_equal(sweep(fixture), LARGE);
    custom_remove(fixture);
}

static void records_of_older_versions_are_not_forgotten(void **state)
{
    (void)state;
    struct custom_fixture *fixture = custom_make(LARGE, "tries=800/hour");
    put(fixture, "spam", 0, LARGE, 0, FRESH);
    custom_open(fixture);
    assert_int_equal(sweep(fixture), LARGE);
    custom_remove(fixture);
}

static void nothing_is_forgotten_while_there_is_room(void **state)
{
    (void)state;
    struct custom_fixture *fixture = custom_make(LARGE, "tries=800/hour");
    put(fixture, "spam", 0, RELIEVED, ANN, FRESH);
    custom_open(fixture);
    assert_int_equal(sweep(fixture), RELIEVED);
    custom_remove(fixture);
}

static void meter_in_memory_is_not_forgotten(void **state)
{
    (void)state;
    struct custom_fixture *fixture = custom_make(LARGE, "tries=800/hour");
    put(fixture, "spam", 0, 1000, ANN, FRESH);
    custom_open(fixture);
    assert_int_equal(custom_left(fixture, "spam", "0"), AMOUNT - FRESH);
    assert_in_range(sweep(fixture), RELIEVED, LARGE - LARGE / 16 - 1);
    assert_true(custom_has_record(fixture, "spam", "0"));
    assert_false(custom_has_record(fixture, "spam", "1"));
    custom_remove(fixture);
}

// Whoever may charge a subject could otherwise let it look little used, by a limit of his own.
static void smallest_limit_says_how_much_was_used(void **state)
{
    (void)state;
    struct custom_ask asking;
    struct custom_fixture *fixture = custom_make(LARGE, "tries=8/hour");
    custom_open(fixture);
    for (int i = 0; i < 8; i++)
        assert_true(custom_charges(fixture, &asking, ANN, "spam", "!")); // the sweep comes to it first
    fixture->limit.amount = 8000000;
    assert_true(custom_charges(fixture, &asking, ANN, "spam", "!"));
    fixture->limit.amount = AMOUNT;
    assert_true(custom_charges(fixture, &asking, ANN, "spam", "#"));
    custom_restart(fixture);
    put(fixture, "spam", 0, 1000, ANN, FRESH);
    doubt(fixture);
    assert_in_range(sweep(fixture), RELIEVED, LARGE - LARGE / 16 - 1);
    assert_false(custom_has_record(fixture, "spam", "#"));
    assert_true(custom_has_record(fixture, "spam", "!"));
    custom_remove(fixture);
}

// A caller who floods cannot take along what others use, by naming it first.
static void subject_that_somebody_else_has_charged_is_not_forgotten(void **state)
{
    (void)state;
    struct custom_ask asking;
    struct custom_fixture *fixture = custom_make(LARGE, "tries=800/hour");
    custom_open(fixture);
    assert_true(custom_charges(fixture, &asking, ANN, "spam", "!"));
    assert_true(custom_charges(fixture, &asking, BOB, "spam", "!"));
    assert_true(custom_charges(fixture, &asking, ANN, "spam", "!"));
    custom_restart(fixture);
    put(fixture, "spam", 0, 1000, ANN, FRESH);
    doubt(fixture);
    assert_in_range(sweep(fixture), RELIEVED, LARGE - LARGE / 16 - 1);
    assert_true(custom_has_record(fixture, "spam", "!"));
    custom_remove(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caller_who_makes_up_names_keeps_out_nobody_else),
        cmocka_unit_test(flooded_namespace_keeps_out_no_other_one_of_its_caller),
        cmocka_unit_test(caller_who_makes_up_namespaces_too_leaves_room_for_others),
        cmocka_unit_test(names_that_were_only_looked_at_do_not_pass_the_share),
        cmocka_unit_test(calls_at_the_same_time_do_not_pass_the_share),
        cmocka_unit_test(records_of_a_commit_under_way_are_counted_once),
        cmocka_unit_test(records_of_a_commit_that_was_just_made_are_counted_once),
        cmocka_unit_test(name_that_is_asked_for_several_times_counts_once),
        cmocka_unit_test(promise_that_a_batch_keeps_ends_with_it_however_late_it_was_made),
        cmocka_unit_test(two_who_make_up_names_leave_room_for_a_third),
        cmocka_unit_test(shares_are_counted_again_after_a_restart),
        cmocka_unit_test(share_is_free_again_when_its_subjects_have_recovered),
        cmocka_unit_test(subject_is_counted_once_however_often_it_is_charged),
        cmocka_unit_test(records_of_older_versions_count_for_nobody),
        cmocka_unit_test(counts_that_may_be_wrong_are_made_again),
        cmocka_unit_test(record_of_a_commit_that_failed_is_not_counted_for_long),
        cmocka_unit_test(freshest_strangers_of_a_share_that_is_used_up_are_forgotten_first),
        cmocka_unit_test(only_the_flooded_namespace_forgets),
        cmocka_unit_test(what_has_used_more_than_an_eighth_is_never_forgotten),
        cmocka_unit_test(records_of_older_versions_are_not_forgotten),
        cmocka_unit_test(nothing_is_forgotten_while_there_is_room),
        cmocka_unit_test(meter_in_memory_is_not_forgotten),
        cmocka_unit_test(subject_that_somebody_else_has_charged_is_not_forgotten),
        cmocka_unit_test(smallest_limit_says_how_much_was_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
