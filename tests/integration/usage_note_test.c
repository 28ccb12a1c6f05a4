// What is noted can be read: by key and account, by hour and day, from memory and from disk.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/usage_fixture.h"
#include "unit/zone_file.h"

static int set_up(void **state)
{
    static struct usage_fixture fixture;
    usage_fixture_make(&fixture);
    usage_fixture_open(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    usage_fixture_remove(*state);
    return 0;
}

static const struct usage_test_key ours = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}};

static void open_again(struct usage_fixture *fixture)
{
    usage_fixture_close(fixture);
    usage_fixture_open(fixture);
}

// --- counting

static void decisions_are_counted_by_reason_for_key_and_account(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_test_key other = usage_test_key(2);
    usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
    usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
    usage_fixture_note(fixture, &ours, "acme", REASON_RATE_LIMITED);
    usage_fixture_note(fixture, &other, "acme", REASON_ALLOWED);
    usage_fixture_note(fixture, NULL, "acme", REASON_ACCOUNT_SUSPENDED);
    struct usage_query of_key = usage_test_of_key(&ours);
    struct usage_query of_account = usage_test_of_account("acme");
    struct usage_query of_nobody = usage_test_of_account("acm");
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(usage_fixture_total(fixture, &of_key, REASON_ALLOWED), 2);
        assert_int_equal(usage_fixture_total(fixture, &of_key, REASON_RATE_LIMITED), 1);
        assert_int_equal(usage_fixture_total(fixture, &of_account, REASON_ALLOWED), 3);
        assert_int_equal(usage_fixture_total(fixture, &of_account, REASON_RATE_LIMITED), 1);
        assert_int_equal(usage_fixture_total(fixture, &of_account, REASON_ACCOUNT_SUSPENDED), 1);
        assert_int_equal(usage_fixture_read(fixture, &of_nobody).bucket_count, 0);
        if (round == 0)
            usage_fixture_tick(fixture);
        else
            open_again(fixture);
    }
}

static void a_key_and_an_account_with_the_same_bytes_are_apart(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_test_key key;
    memcpy(key.id, "hello-world", sizeof key.id);
    usage_fixture_note(fixture, &key, "acme", REASON_ALLOWED);
    usage_fixture_note(fixture, NULL, "hello-world", REASON_RATE_LIMITED);
    usage_fixture_tick(fixture);
    struct usage_query of_key = usage_test_of_key(&key);
    struct usage_query of_account = usage_test_of_account("hello-world");
    assert_int_equal(usage_fixture_total(fixture, &of_key, REASON_RATE_LIMITED), 0);
    assert_int_equal(usage_fixture_total(fixture, &of_account, REASON_ALLOWED), 0);
}

static void calls_of_nobody_known_are_counted_together(void **state)
{
    struct usage_fixture *fixture = *state;
    usage_fixture_note(fixture, NULL, "", REASON_INVALID_API_KEY);
    usage_fixture_note(fixture, NULL, "", REASON_MISSING_API_KEY);
    struct usage_query of_nobody = usage_test_of_account("");
    open_again(fixture);
    assert_int_equal(usage_fixture_total(fixture, &of_nobody, REASON_INVALID_API_KEY), 1);
    assert_int_equal(usage_fixture_total(fixture, &of_nobody, REASON_MISSING_API_KEY), 1);
}

static void only_what_was_admitted_is_a_cost(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_cost charges[] = {{slice_text("productions"), 5}, {slice_text("requests"), 0}};
    struct usage_decision event = usage_fixture_decision(fixture, &ours, "acme", REASON_ALLOWED);
    event.charges = charges;
    event.charge_count = 2;
    usage_note(fixture->usage, &event);
    usage_fixture_tick(fixture);
    usage_note(fixture->usage, &event);
    event.reason = REASON_RATE_LIMITED;
    usage_note(fixture->usage, &event);
    struct usage_query of_account = usage_test_of_account("acme");
    struct usage_report report = usage_fixture_read(fixture, &of_account);
    assert_int_equal(report.bucket_count, 1);
    assert_int_equal(report.buckets[0].tally.cost_count, 2);
    assert_int_equal(usage_test_cost(&report.buckets[0].tally, "productions"), 10);
    assert_int_equal(usage_test_cost(&report.buckets[0].tally, "requests"), 2); // 0 counts as 1
}

static void more_resources_than_are_told_apart_are_the_other(void **state)
{
    struct usage_fixture *fixture = *state;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    struct usage_cost charges[10];
    for (size_t i = 0; i < 10; i++)
        charges[i] = (struct usage_cost){slice_text(names[i]), i + 1};
    struct usage_decision event = usage_fixture_decision(fixture, &ours, "acme", REASON_ALLOWED);
    event.charges = charges;
    event.charge_count = 10;
    usage_note(fixture->usage, &event);
    open_again(fixture);
    struct usage_query of_account = usage_test_of_account("acme");
    struct usage_report report = usage_fixture_read(fixture, &of_account);
    assert_int_equal(usage_test_cost(&report.buckets[0].tally, "h"), 8);
    assert_int_equal(usage_test_cost(&report.buckets[0].tally, USAGE_OTHER), 9 + 10);
}

// --- hours and days

static void hours_are_apart_and_in_order(void **state)
{
    struct usage_fixture *fixture = *state;
    for (unsigned hour = 0; hour < 5; hour++) {
        for (unsigned i = 0; i <= hour; i++)
            usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
        if (hour % 2 == 0)
            usage_fixture_tick(fixture);
        usage_fixture_wait(fixture, hour == 2 ? 2 * USAGE_TEST_HOUR : USAGE_TEST_HOUR);
    }
    struct usage_query query = usage_test_of_key(&ours);
    struct usage_report report = usage_fixture_read(fixture, &query);
    assert_int_equal(report.bucket_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(report.buckets[i].start_ms, USAGE_TEST_START + (i + (i > 2 ? 1 : 0)) * USAGE_TEST_HOUR);
        assert_int_equal(usage_test_count(&report.buckets[i].tally, REASON_ALLOWED), i + 1);
    }
}

static void a_span_takes_the_whole_buckets_that_it_touches(void **state)
{
    struct usage_fixture *fixture = *state;
    for (unsigned hour = 0; hour < 6; hour++) {
        usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
        usage_fixture_wait(fixture, USAGE_TEST_HOUR);
    }
    struct usage_query query = usage_test_of_key(&ours);
    query.from_ms = USAGE_TEST_START + USAGE_TEST_HOUR + 1;
    query.to_ms = USAGE_TEST_START + 3 * USAGE_TEST_HOUR;
    assert_int_equal(usage_fixture_total(fixture, &query, REASON_ALLOWED), 2);
    query.to_ms++;
    assert_int_equal(usage_fixture_total(fixture, &query, REASON_ALLOWED), 3);
    query.bucket_s = 86400;
    assert_int_equal(usage_fixture_total(fixture, &query, REASON_ALLOWED), 6);
    query.from_ms = clock_now_ms(fixture->clock) + USAGE_TEST_DAY;
    query.to_ms = query.from_ms + 1;
    assert_int_equal(usage_fixture_read(fixture, &query).bucket_count, 0);
}

static void days_are_added_up_from_hours(void **state)
{
    struct usage_fixture *fixture = *state;
    for (unsigned hour = 0; hour < 3 * 24; hour++) {
        usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
        usage_fixture_tick(fixture);
        usage_fixture_wait(fixture, USAGE_TEST_HOUR);
    }
    struct usage_query query = usage_test_of_account("acme");
    query.bucket_s = 86400;
    struct usage_report report = usage_fixture_read(fixture, &query);
    assert_int_equal(report.bucket_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(report.buckets[i].start_ms, USAGE_TEST_START + i * USAGE_TEST_DAY);
        assert_int_equal(usage_test_count(&report.buckets[i].tally, REASON_ALLOWED), 24);
        assert_int_equal(usage_test_cost(&report.buckets[i].tally, "requests"), 24);
    }
}

static void days_follow_the_offset_of_the_installation(void **state)
{
    struct usage_fixture *fixture = *state;
    static const int32_t offsets_s[] = {3600, -5 * 3600, 5 * 3600 + 1800, -1};
    struct zone *zones[4];
    static const unsigned first_day[] = {23, 5, 19, 1}; // hours from the start to the first midnight after it
    for (unsigned hour = 0; hour < 48; hour++) {
        usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
        usage_fixture_wait(fixture, USAGE_TEST_HOUR);
    }
    for (size_t i = 0; i < 4; i++) {
        fixture->options.zone = zones[i] = zone_new_fixed(offsets_s[i]);
        open_again(fixture);
        struct usage_query query = usage_test_of_account("acme");
        query.bucket_s = 86400;
        struct usage_report report = usage_fixture_read(fixture, &query);
        assert_int_equal(report.bucket_count, 3);
        assert_int_equal(usage_test_count(&report.buckets[0].tally, REASON_ALLOWED), first_day[i]);
        assert_int_equal(usage_test_count(&report.buckets[1].tally, REASON_ALLOWED), 24);
        assert_int_equal((report.buckets[1].start_ms + (uint64_t)((int64_t)offsets_s[i] * 1000)) % USAGE_TEST_DAY, 0);
        assert_int_equal(report.buckets[1].start_ms - report.buckets[0].start_ms, USAGE_TEST_DAY);
        query.from_ms = report.buckets[1].start_ms;
        query.to_ms = report.buckets[2].start_ms;
        report = usage_fixture_read(fixture, &query);
        assert_int_equal(report.bucket_count, 1);
        assert_int_equal(usage_test_count(&report.buckets[0].tally, REASON_ALLOWED), 24);
    }
    fixture->options.zone = NULL;
    open_again(fixture);
    for (size_t i = 0; i < 4; i++)
        zone_free(zones[i]);
}

// The clock is put back by an hour at the end of the second day, which so has 25.
static void days_have_the_hours_of_the_installation_s_zone(void **state)
{
    struct usage_fixture *fixture = *state;
    struct zone *zone = zone_put_back_at((int64_t)(USAGE_TEST_START / 1000) + 86400 + 72000);
    for (unsigned hour = 0; hour < 73; hour++) {
        usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
        usage_fixture_wait(fixture, USAGE_TEST_HOUR);
    }
    fixture->options.zone = zone;
    open_again(fixture);
    struct usage_query query = usage_test_of_account("acme");
    query.bucket_s = 86400;
    struct usage_report report = usage_fixture_read(fixture, &query);
    assert_int_equal(report.bucket_count, 3);
    assert_int_equal(usage_test_count(&report.buckets[0].tally, REASON_ALLOWED), 24);
    assert_int_equal(usage_test_count(&report.buckets[1].tally, REASON_ALLOWED), 25);
    assert_int_equal(usage_test_count(&report.buckets[2].tally, REASON_ALLOWED), 24);
    assert_int_equal(report.buckets[2].start_ms - report.buckets[1].start_ms, USAGE_TEST_DAY + USAGE_TEST_HOUR);
    fixture->options.zone = NULL;
    open_again(fixture);
    zone_free(zone);
}

static void a_question_that_makes_no_sense_says_why(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_query query = usage_test_of_account("acme");
    struct usage_report report;
    struct status_failure failure;
    query.bucket_s = 60;
    assert_int_equal(usage_read(fixture->usage, usage_fixture_look(fixture), &query, fixture->arena, &report, &failure),
                     STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.field, "bucket_s");
    query.bucket_s = 3600;
    query.from_ms = query.to_ms = USAGE_TEST_START;
    assert_int_equal(usage_read(fixture->usage, fixture->view, &query, fixture->arena, &report, &failure),
                     STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.field, "to_ms");
}

static void an_answer_that_is_too_large_is_refused(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_query query = usage_test_of_account("acme");
    struct usage_report report;
    struct status_failure failure;
    struct arena *small = arena_new(ARENA_FIRST_BLOCK_SIZE);
    for (unsigned hour = 0; hour < 300; hour++) {
        usage_fixture_note(fixture, NULL, "acme", REASON_ALLOWED);
        if (hour % 24 == 0)
            usage_fixture_tick(fixture);
        usage_fixture_wait(fixture, USAGE_TEST_HOUR);
    }
    assert_int_equal(usage_read(fixture->usage, usage_fixture_look(fixture), &query, small, &report, &failure),
                     STATUS_RESOURCE_EXHAUSTED);
    arena_reset(small);
    query.bucket_s = 86400;
    assert_int_equal(usage_read(fixture->usage, fixture->view, &query, small, &report, &failure), STATUS_OK);
    arena_free(small);
}

// --- last use

static void a_key_that_was_never_used_is_not_found(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_last last;
    assert_int_equal(usage_last_used(fixture->usage, usage_fixture_look(fixture), ours.id, &last), STATUS_NOT_FOUND);
}

static void the_last_use_is_known_at_once_and_after_a_restart(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_last last;
    usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
    for (unsigned round = 0; round < 4; round++) {
        assert_int_equal(usage_last_used(fixture->usage, usage_fixture_look(fixture), ours.id, &last), STATUS_OK);
        assert_int_equal(last.first_ms, USAGE_TEST_START);
        assert_int_equal(last.last_ms, USAGE_TEST_START + (round == 3 ? 5 * USAGE_TEST_HOUR : 0));
        assert_int_equal(last.address_size, round == 3 ? 11 : 9);
        assert_memory_equal(last.address, round == 3 ? "2001:db8::1" : "192.0.2.1", last.address_size);
        if (round == 0)
            usage_fixture_tick(fixture);
        if (round == 1)
            open_again(fixture);
        if (round == 2) {
            usage_fixture_wait(fixture, 5 * USAGE_TEST_HOUR);
            struct usage_decision event = usage_fixture_decision(fixture, &ours, "acme", REASON_RATE_LIMITED);
            event.remote_address = slice_text("2001:db8::1");
            usage_note(fixture->usage, &event);
        }
    }
    assert_int_equal(last.networks_met, 2);
}

static void a_key_that_is_not_good_is_not_used(void **state)
{
    static const enum reason reasons[] = {REASON_REVOKED_API_KEY, REASON_EXPIRED_API_KEY, REASON_DISABLED_API_KEY,
                                          REASON_INVALID_API_KEY};
    struct usage_fixture *fixture = *state;
    struct usage_last last;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        usage_fixture_note(fixture, &ours, "acme", reasons[i]);
    assert_int_equal(usage_last_used(fixture->usage, usage_fixture_look(fixture), ours.id, &last), STATUS_NOT_FOUND);
    usage_fixture_note(fixture, &ours, "acme", REASON_INSUFFICIENT_SCOPE);
    assert_int_equal(usage_last_used(fixture->usage, fixture->view, ours.id, &last), STATUS_OK);
}

// --- the busiest

static size_t busiest(struct usage_fixture *fixture, enum usage_kind kind, size_t max, struct usage_rank **ranks)
{
    size_t count = 0;
    struct usage_busy busy = {usage_fixture_look(fixture), kind, clock_now_ms(fixture->clock), max};
    assert_int_equal(usage_busiest(fixture->usage, &busy, fixture->arena, ranks, &count), STATUS_OK);
    return count;
}

static void the_busiest_of_the_hour_come_first(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_rank *ranks;
    char account[16];
    for (unsigned i = 0; i < 50; i++)
        usage_fixture_note(fixture, NULL, "of-the-last-hour", REASON_ALLOWED);
    usage_fixture_wait(fixture, USAGE_TEST_HOUR);
    for (unsigned i = 1; i <= 20; i++) {
        snprintf(account, sizeof account, "a%u", i * 7 % 20);
        for (unsigned call = 0; call <= i * 7 % 20; call++)
            usage_fixture_note(fixture, &ours, account, call < 2 ? REASON_RATE_LIMITED : REASON_ALLOWED);
    }
    for (size_t max = 1; max < 20; max++) {
        assert_int_equal(busiest(fixture, USAGE_OF_ACCOUNT, max, &ranks), max);
        for (unsigned i = 0; i < max; i++) {
            snprintf(account, sizeof account, "a%u", 19 - i);
            assert_true(slice_equal(ranks[i].id, slice_text(account)));
            assert_int_equal(ranks[i].calls, 20 - i);
            assert_int_equal(ranks[i].refusals, i < 19 ? 2 : 1);
        }
    }
    assert_int_equal(busiest(fixture, USAGE_OF_ACCOUNT, 100, &ranks), 20);
    assert_int_equal(busiest(fixture, USAGE_OF_KEY, 5, &ranks), 1);
    assert_int_equal(busiest(fixture, USAGE_OF_KEY, 0, &ranks), 0);
}

static void who_comes_back_after_a_rest_counts_whole(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_rank *ranks;
    usage_fixture_note(fixture, NULL, "acme", REASON_RATE_LIMITED);
    usage_fixture_note(fixture, NULL, "acme", REASON_ALLOWED);
    usage_fixture_tick(fixture);
    usage_fixture_wait(fixture, 150000);
    usage_fixture_tick(fixture);
    assert_int_equal(busiest(fixture, USAGE_OF_ACCOUNT, 5, &ranks), 0);
    usage_fixture_note(fixture, NULL, "acme", REASON_ALLOWED);
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(busiest(fixture, USAGE_OF_ACCOUNT, 5, &ranks), 1);
        assert_int_equal(ranks[0].calls, 3);
        assert_int_equal(ranks[0].refusals, 1);
        usage_fixture_tick(fixture);
    }
}

static void decisions_are_counted_by_reason_since_the_start(void **state)
{
    struct usage_fixture *fixture = *state;
    for (unsigned i = 0; i < 7; i++)
        usage_fixture_note(fixture, &ours, "acme", i < 4 ? REASON_ALLOWED : REASON_COST_EXCEEDS_LIMIT);
    usage_fixture_note(fixture, NULL, "", REASON_INVALID_API_KEY);
    struct usage_stats stats = usage_stats(fixture->usage);
    assert_int_equal(stats.noted, 8);
    for (size_t i = 0; i < REASON_COUNT; i++) {
        uint32_t reason = stats.reasons[i].reason;
        uint64_t wanted = reason == REASON_ALLOWED ? 4 : reason == REASON_COST_EXCEEDS_LIMIT ? 3 : 0;
        assert_int_equal(stats.reasons[i].count, reason == REASON_INVALID_API_KEY ? 1 : wanted);
    }
}

// --- unusual

static void note_many(struct usage_fixture *fixture, unsigned count, const char *address)
{
    struct usage_decision event = usage_fixture_decision(fixture, &ours, "acme", REASON_ALLOWED);
    event.remote_address = slice_text(address);
    for (unsigned i = 0; i < count; i++)
        usage_note(fixture->usage, &event);
}

static void unusual_hours_are_seen_in_memory_and_on_disk(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_verdict verdict;
    for (unsigned hour = 0; hour < 5 * 24; hour++) {
        note_many(fixture, 30, "192.0.2.1");
        usage_fixture_tick(fixture);
        usage_fixture_wait(fixture, USAGE_TEST_HOUR);
    }
    uint64_t now_ms = clock_now_ms(fixture->clock);
    note_many(fixture, 30, "192.0.2.1");
    assert_int_equal(
        usage_unusual(fixture->usage, usage_fixture_look(fixture), ours.id, now_ms, USAGE_ASSESS_ALL, &verdict),
        STATUS_OK);
    assert_true(verdict.assessed);
    assert_int_equal(verdict.flags, 0);
    assert_int_equal(verdict.usual_calls, 30);
    note_many(fixture, 300, "198.51.100.7");
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(
            usage_unusual(fixture->usage, usage_fixture_look(fixture), ours.id, now_ms, USAGE_ASSESS_ALL, &verdict),
            STATUS_OK);
        assert_int_equal(verdict.flags, USAGE_VOLUME_UP | USAGE_NEW_ADDRESS);
        assert_int_equal(verdict.calls, 330);
        open_again(fixture);
    }
}

static void hours_that_were_removed_by_age_are_no_quiet_hours(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_verdict verdict;
    fixture->options.retention_days = 4;
    open_again(fixture);
    for (unsigned hour = 0; hour < 30 * 24; hour++) {
        note_many(fixture, 100, "192.0.2.1");
        if (hour % 24 == 0)
            usage_fixture_tick(fixture);
        usage_fixture_wait(fixture, USAGE_TEST_HOUR);
    }
    usage_fixture_tick(fixture);
    note_many(fixture, 100, "192.0.2.1");
    assert_int_equal(usage_unusual(fixture->usage, usage_fixture_look(fixture), ours.id, clock_now_ms(fixture->clock),
                                   USAGE_ASSESS_ALL, &verdict),
                     STATUS_OK);
    assert_true(verdict.assessed);
    assert_int_equal(verdict.flags, 0);
    assert_int_equal(verdict.usual_calls, 100);
}

static void a_quiet_hour_is_told_without_the_past(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_verdict verdict;
    for (unsigned hour = 0; hour < 5 * 24; hour++) {
        note_many(fixture, 1, "192.0.2.1");
        usage_fixture_tick(fixture);
        usage_fixture_wait(fixture, USAGE_TEST_HOUR);
    }
    uint64_t now_ms = clock_now_ms(fixture->clock);
    note_many(fixture, 19, "192.0.2.1");
    struct store_txn *view = usage_fixture_look(fixture);
    assert_int_equal(usage_unusual(fixture->usage, view, ours.id, now_ms, USAGE_ASSESS_IF_UNUSUAL, &verdict),
                     STATUS_OK);
    assert_false(verdict.assessed);
    assert_int_equal(verdict.calls, 19);
    assert_int_equal(usage_unusual(fixture->usage, view, ours.id, now_ms, USAGE_ASSESS_ALL, &verdict), STATUS_OK);
    assert_true(verdict.assessed);
    note_many(fixture, 1, "192.0.2.1");
    assert_int_equal(usage_unusual(fixture->usage, view, ours.id, now_ms, USAGE_ASSESS_IF_UNUSUAL, &verdict),
                     STATUS_OK);
    assert_int_equal(verdict.flags, USAGE_VOLUME_UP);
    assert_int_equal(verdict.usual_calls, 1);
}

static void a_new_address_is_told_in_a_quiet_hour(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_verdict verdict;
    note_many(fixture, 1, "192.0.2.1");
    usage_fixture_wait(fixture, 2 * USAGE_TEST_DAY);
    note_many(fixture, 1, "198.51.100.7");
    uint64_t now_ms = clock_now_ms(fixture->clock);
    assert_int_equal(
        usage_unusual(fixture->usage, usage_fixture_look(fixture), ours.id, now_ms, USAGE_ASSESS_IF_UNUSUAL, &verdict),
        STATUS_OK);
    assert_int_equal(verdict.flags, USAGE_NEW_ADDRESS);
}

static void a_key_without_a_past_is_not_judged(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_verdict verdict;
    assert_int_equal(usage_unusual(fixture->usage, usage_fixture_look(fixture), ours.id, USAGE_TEST_START,
                                   USAGE_ASSESS_ALL, &verdict),
                     STATUS_OK);
    assert_false(verdict.assessed);
}

#define IN_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FIXTURE(decisions_are_counted_by_reason_for_key_and_account),
        IN_FIXTURE(a_key_and_an_account_with_the_same_bytes_are_apart),
        IN_FIXTURE(calls_of_nobody_known_are_counted_together),
        IN_FIXTURE(only_what_was_admitted_is_a_cost),
        IN_FIXTURE(more_resources_than_are_told_apart_are_the_other),
        IN_FIXTURE(hours_are_apart_and_in_order),
        IN_FIXTURE(a_span_takes_the_whole_buckets_that_it_touches),
        IN_FIXTURE(days_are_added_up_from_hours),
        IN_FIXTURE(days_follow_the_offset_of_the_installation),
        IN_FIXTURE(days_have_the_hours_of_the_installation_s_zone),
        IN_FIXTURE(a_question_that_makes_no_sense_says_why),
        IN_FIXTURE(an_answer_that_is_too_large_is_refused),
        IN_FIXTURE(a_key_that_was_never_used_is_not_found),
        IN_FIXTURE(the_last_use_is_known_at_once_and_after_a_restart),
        IN_FIXTURE(a_key_that_is_not_good_is_not_used),
        IN_FIXTURE(the_busiest_of_the_hour_come_first),
        IN_FIXTURE(who_comes_back_after_a_rest_counts_whole),
        IN_FIXTURE(decisions_are_counted_by_reason_since_the_start),
        IN_FIXTURE(unusual_hours_are_seen_in_memory_and_on_disk),
        IN_FIXTURE(hours_that_were_removed_by_age_are_no_quiet_hours),
        IN_FIXTURE(a_quiet_hour_is_told_without_the_past),
        IN_FIXTURE(a_new_address_is_told_in_a_quiet_hour),
        IN_FIXTURE(a_key_without_a_past_is_not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
