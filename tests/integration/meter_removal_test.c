// A custom subject that an operator has removed begins anew, whatever was on disk, in memory or on its way.

#include "support/custom_fixture.h"

enum { AMOUNT = 80, SPENT = 30 };

struct removing {
    struct meter_removal removal; // first: done gets it
    char subject[LIMIT_NAME_MAX];
    enum status status;
    sem_t done;
};

static void removal_done(struct meter_removal *removal, enum status status)
{
    struct removing *removing = (struct removing *)removal;
    removing->status = status;
    sem_post(&removing->done);
}

static void begin_removal(struct custom_fixture *fixture, struct removing *removing, const char *space,
                          const char *identifier)
{
    *removing = (struct removing){.removal = {.done = removal_done}};
    sem_init(&removing->done, 0, 0);
    removing->removal.subject = custom_subject(space, identifier, removing->subject);
    meter_remove_custom(fixture->meters, &removing->removal);
}

static uint64_t end_removal(struct removing *removing)
{
    sem_wait(&removing->done);
    sem_destroy(&removing->done);
    assert_int_equal(removing->status, STATUS_OK);
    return removing->removal.records;
}

static uint64_t remove_subject(struct custom_fixture *fixture, const char *space, const char *identifier)
{
    struct removing removing;
    begin_removal(fixture, &removing, space, identifier);
    return end_removal(&removing);
}

static void charge(struct custom_fixture *fixture, const char *identifier, uint64_t cost)
{
    struct custom_ask ask;
    custom_ask_init(fixture, &ask, ANN, "login", identifier, cost);
    assert_int_equal(custom_finish(fixture, &ask, custom_try(fixture, &ask)), LIMIT_ADMITTED);
}

static struct custom_fixture *open_fixture(void)
{
    struct custom_fixture *fixture = custom_make(10000, "tries=80/hour");
    custom_open(fixture);
    return fixture;
}

static void removed_subject_begins_full_and_no_other_one(void **state)
{
    (void)state;
    struct custom_fixture *fixture = open_fixture();
    charge(fixture, "ann", SPENT);
    charge(fixture, "ann2", SPENT);
    charge(fixture, "bob", SPENT);
    custom_restart(fixture);
    charge(fixture, "bob", 1);
    assert_int_equal(remove_subject(fixture, "login", "ann"), 1);
    assert_int_equal(remove_subject(fixture, "login", "bob"), 1); // is in memory
    assert_false(custom_has_record(fixture, "login", "ann"));
    assert_false(custom_has_record(fixture, "login", "bob"));
    assert_int_equal(custom_left(fixture, "login", "ann"), AMOUNT);
    assert_int_equal(custom_left(fixture, "login", "bob"), AMOUNT);
    assert_int_equal(custom_left(fixture, "login", "ann2"), AMOUNT - SPENT);
    charge(fixture, "ann", SPENT);
    charge(fixture, "bob", 1); // nothing was set aside any more: it is on disk
    assert_true(custom_has_record(fixture, "login", "bob"));
    custom_restart(fixture);
    assert_int_equal(custom_left(fixture, "login", "ann"), AMOUNT - SPENT);
    assert_int_equal(custom_left(fixture, "login", "bob"), AMOUNT - 1);
    assert_int_equal(remove_subject(fixture, "login", "nobody"), 0);
    custom_remove(fixture);
}

static void all_meters_of_a_subject_are_removed(void **state)
{
    (void)state;
    enum { MANY = 200 };
    struct custom_fixture *fixture = open_fixture();
    charge(fixture, "bob", 1);
    for (uint32_t i = 0; i < MANY; i++) {
        fixture->limit.window_s = 3600 + i;
        charge(fixture, "ann", SPENT);
    }
    assert_int_equal(custom_records(fixture), MANY + 1);
    assert_int_equal(remove_subject(fixture, "login", "ann"), MANY);
    assert_int_equal(custom_records(fixture), 1);
    assert_int_equal(custom_left(fixture, "login", "ann"), AMOUNT);
    assert_int_equal(meter_stats(fixture->meters).custom_makers, 1);
    custom_restart(fixture);
    assert_int_equal(custom_left(fixture, "login", "ann"), AMOUNT);
    custom_remove(fixture);
}

// Holds the writer in a commit, so that what is submitted until `end` becomes the next one.
static void hold(struct custom_fixture *fixture, struct custom_gate *gate)
{
    custom_gate_submit(fixture, gate);
    sem_wait(&gate->reached);
}

static void write_that_is_queued_does_not_bring_it_back(void **state)
{
    (void)state;
    struct custom_gate gate;
    struct removing removing;
    struct custom_fixture *fixture = open_fixture();
    charge(fixture, "ann", SPENT);
    charge(fixture, "ann", 1); // sets ten aside
    hold(fixture, &gate);
    charge(fixture, "ann", 6); // asks for more ahead of need, and waits for nothing
    begin_removal(fixture, &removing, "login", "ann");
    custom_gate_open(&gate);
    (void)end_removal(&removing);
    struct custom_job job = custom_run_job(fixture, (struct custom_job){.space = "login", .identifier = "ann"});
    assert_true(!job.found || job.record.counters[job.record.index % job.record.counter_count] == 0);
    assert_int_equal(custom_left(fixture, "login", "ann"), AMOUNT);
    charge(fixture, "ann", 1);
    custom_restart(fixture);
    assert_int_equal(custom_left(fixture, "login", "ann"), AMOUNT - 1);
    custom_remove(fixture);
}

static void call_that_waits_is_charged_to_the_new_subject(void **state)
{
    (void)state;
    struct custom_gate gate;
    struct removing removing;
    struct custom_ask ask;
    struct custom_fixture *fixture = open_fixture();
    charge(fixture, "ann", SPENT);
    hold(fixture, &gate);
    custom_ask_init(fixture, &ask, ANN, "login", "ann", SPENT);
    enum limit_verdict verdict = custom_try(fixture, &ask);
    assert_int_equal(verdict, LIMIT_WAIT);
    begin_removal(fixture, &removing, "login", "ann");
    custom_gate_open(&gate);
    (void)end_removal(&removing);
    assert_int_equal(custom_finish(fixture, &ask, verdict), LIMIT_ADMITTED);
    assert_int_equal(custom_left(fixture, "login", "ann"), AMOUNT - SPENT);
    custom_restart(fixture);
    assert_int_equal(custom_left(fixture, "login", "ann"), AMOUNT - SPENT);
    custom_remove(fixture);
}

static void record_that_was_read_before_the_commit_does_not_bring_it_back(void **state)
{
    (void)state;
    struct custom_gate before, within;
    struct removing removing;
    struct custom_fixture *fixture = open_fixture();
    charge(fixture, "ann", SPENT);
    custom_restart(fixture);
    hold(fixture, &before);
    begin_removal(fixture, &removing, "login", "ann");
    custom_gate_submit(fixture, &within); // runs behind the removal, in the same commit
    custom_gate_open(&before);
    sem_wait(&within.reached);
    assert_int_equal(custom_left(fixture, "login", "ann"), AMOUNT - SPENT); // not removed yet
    custom_gate_open(&within);
    (void)end_removal(&removing);
    assert_int_equal(custom_left(fixture, "login", "ann"), AMOUNT);
    charge(fixture, "ann", 1);
    custom_restart(fixture);
    assert_int_equal(custom_left(fixture, "login", "ann"), AMOUNT - 1);
    custom_remove(fixture);
}

static void record_in_the_hands_of_a_call_is_not_installed_after_the_removal(void **state)
{
    (void)state;
    struct custom_ask ask;
    struct limit_record record;
    struct custom_fixture *fixture = open_fixture();
    charge(fixture, "ann", SPENT);
    custom_restart(fixture);
    record = custom_run_job(fixture, (struct custom_job){.space = "login", .identifier = "ann"}).record;
    custom_ask_init(fixture, &ask, ANN, "login", "ann", 1);
    struct limit_table *limits = fixture->meters->limits;
    assert_int_equal(limit_decide(limits, &ask.call, 1, &ask.waiter, &ask.answer), LIMIT_ABSENT);
    (void)remove_subject(fixture, "login", "ann");
    struct limit_found found = {.record = &record};
    assert_true(limit_install(limits, ask.call.owner, &ask.applicable, &found, ask.answer.generation));
    assert_int_equal(custom_left(fixture, "login", "ann"), AMOUNT);
    sem_destroy(&ask.woken);
    custom_remove(fixture);
}

static void charge_from_before_is_not_given_back(void **state)
{
    (void)state;
    struct custom_ask ask;
    uint8_t id[LIMIT_CHARGE_ID_SIZE] = {1};
    struct custom_fixture *fixture = open_fixture();
    custom_ask_init(fixture, &ask, ANN, "login", "ann", SPENT);
    ask.call.charge_id = slice_make(id, sizeof id);
    assert_int_equal(custom_finish(fixture, &ask, custom_try(fixture, &ask)), LIMIT_ADMITTED);
    (void)remove_subject(fixture, "login", "ann");
    charge(fixture, "ann", SPENT);
    custom_ask_init(fixture, &ask, ANN, "login", "ann", SPENT);
    ask.call.charge_id = slice_make(id, sizeof id);
    ask.call.mode = LIMIT_REFUND;
    assert_int_equal(custom_finish(fixture, &ask, custom_try(fixture, &ask)), LIMIT_NO_CHARGE);
    assert_int_equal(custom_left(fixture, "login", "ann"), AMOUNT - SPENT);
    custom_remove(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removed_subject_begins_full_and_no_other_one),
        cmocka_unit_test(all_meters_of_a_subject_are_removed),
        cmocka_unit_test(write_that_is_queued_does_not_bring_it_back),
        cmocka_unit_test(call_that_waits_is_charged_to_the_new_subject),
        cmocka_unit_test(record_that_was_read_before_the_commit_does_not_bring_it_back),
        cmocka_unit_test(record_in_the_hands_of_a_call_is_not_installed_after_the_removal),
        cmocka_unit_test(charge_from_before_is_not_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
