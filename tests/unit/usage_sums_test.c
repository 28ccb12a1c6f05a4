// Adding up in fixed space, and uses of a key with their networks.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "usage/internal.h"

static struct usage_resources resources;

static int set_up(void **state)
{
    (void)state;
    usage_resources_init(&resources);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    usage_resources_wipe(&resources);
    return 0;
}

static uint16_t number(const char *name)
{
    return usage_resource_number(&resources, slice_text("acme"), slice_text(name));
}

// --- names

static void a_name_keeps_its_number(void **state)
{
    (void)state;
    uint16_t requests = number("requests");
    uint16_t productions = number("productions");
    assert_int_not_equal(requests, 0);
    assert_int_not_equal(requests, productions);
    assert_int_equal(number("requests"), requests);
    assert_true(slice_equal(usage_resource_name(&resources, requests), slice_text("requests")));
}

// Uses new names for an account until one has no number; returns how many have one.
static unsigned fill(const char *account, const char *prefix, unsigned most)
{
    char name[32];
    unsigned count = 0;
    while (count < most) {
        snprintf(name, sizeof name, "%s%u", prefix, count);
        if (usage_resource_number(&resources, slice_text(account), slice_text(name)) == 0)
            break;
        count++;
    }
    return count;
}

static void an_account_has_a_share_of_the_names(void **state)
{
    (void)state;
    uint16_t known = number("requests");
    assert_int_equal(fill("mallory", "m", 2000), USAGE_RESOURCES_SHARE);
    assert_int_not_equal(number("productions"), 0); // another account still can
    assert_int_equal(usage_resource_number(&resources, slice_text("mallory"), slice_text("requests")), known);
    assert_int_equal(usage_resource_number(&resources, slice_text("mallory"), slice_text("exports")), 0);
    assert_int_not_equal(number("exports"), 0);
    assert_int_not_equal(usage_resource_number(&resources, slice_text("mallory"), slice_text("exports")), 0);
    assert_int_equal(fill("", "d", 2000), USAGE_RESOURCES_STORED); // nor does an old store take them all
    assert_int_not_equal(number("bytes"), 0);
}

static void names_beyond_the_bound_are_the_other(void **state)
{
    (void)state;
    unsigned count = 0;
    char account[16], prefix[16];
    for (unsigned i = 0; count < USAGE_RESOURCES_MAX; i++) {
        snprintf(account, sizeof account, "account%u", i);
        snprintf(prefix, sizeof prefix, "r%u-", i);
        unsigned added = fill(account, prefix, USAGE_RESOURCES_MAX - count);
        assert_in_range(added, 1, USAGE_RESOURCES_SHARE);
        count += added;
    }
    assert_int_equal(number("one-more"), 0);
    assert_int_not_equal(number("r0-0"), 0);
    assert_int_equal(number(""), 0);
    assert_int_equal(number(USAGE_OTHER), 0);
    assert_true(slice_equal(usage_resource_name(&resources, 0), slice_text(USAGE_OTHER)));
}

// --- sums

static void every_reason_has_a_place_and_comes_back(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64 * 1024);
    struct usage_sums sums = {0};
    for (uint32_t reason = 0; reason < 100; reason++) {
        size_t index = reason_index(reason);
        assert_int_equal(index < REASON_COUNT, strcmp(reason_name((enum reason)reason), "UNSPECIFIED") != 0);
        if (index < REASON_COUNT)
            sums.counts[index] = reason * 10;
    }
    struct usage_tally tally;
    assert_true(usage_sums_to_tally(&sums, &resources, arena, &tally));
    assert_int_equal(tally.count_count, REASON_COUNT);
    for (size_t i = 0; i < tally.count_count; i++)
        assert_int_equal(tally.counts[i].count, tally.counts[i].reason * 10);
    arena_free(arena);
}

static void calls_are_all_and_refusals_all_but_allowed(void **state)
{
    (void)state;
    struct usage_sums sums = {0};
    sums.counts[reason_index(REASON_ALLOWED)] = 5;
    sums.counts[reason_index(REASON_RATE_LIMITED)] = 2;
    sums.counts[reason_index(REASON_COST_EXCEEDS_LIMIT)] = 1;
    assert_int_equal(usage_sums_calls(&sums), 8);
    assert_int_equal(usage_sums_refusals(&sums), 3);
}

static void a_tally_survives_the_way_there_and_back(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64 * 1024);
    struct usage_sums sums = {.counts[3] = 7, .other_cost = 11, .would_refuse = 2};
    struct usage_sums back;
    struct usage_tally tally;
    usage_sums_add_cost(&sums, number("requests"), 5);
    usage_sums_add_cost(&sums, number("productions"), 6);
    usage_sums_add_cost(&sums, number("requests"), 5);
    assert_true(usage_sums_to_tally(&sums, &resources, arena, &tally));
    assert_int_equal(tally.count_count, 1);
    assert_int_equal(tally.cost_count, 3);
    assert_int_equal(tally.costs[0].cost, 10);
    usage_sums_from_tally(&tally, &resources, &back);
    assert_memory_equal(&back, &sums, sizeof sums);
    arena_free(arena);
}

static void costs_beyond_the_bound_are_added_to_the_other(void **state)
{
    (void)state;
    struct usage_sums sums = {0};
    for (uint16_t resource = 1; resource <= USAGE_COSTS + 3; resource++)
        usage_sums_add_cost(&sums, resource, resource);
    assert_int_equal(sums.cost_count, USAGE_COSTS);
    assert_int_equal(sums.other_cost, 9 + 10 + 11);
    usage_sums_add_cost(&sums, USAGE_COSTS, 1);
    assert_int_equal(sums.costs[USAGE_COSTS - 1], USAGE_COSTS + 1);
}

static void sums_stop_at_the_top(void **state)
{
    (void)state;
    struct usage_sums sums = {.counts[0] = UINT64_MAX - 1};
    struct usage_sums more = {.counts[0] = 5};
    usage_sums_add(&sums, &more);
    assert_true(sums.counts[0] == UINT64_MAX);
}

static void an_unknown_reason_of_a_later_version_is_dropped(void **state)
{
    (void)state;
    struct usage_count counts[] = {{REASON_ALLOWED, 3}, {4711, 5}};
    struct usage_tally tally = {.counts = counts, .count_count = 2};
    struct usage_sums sums;
    usage_sums_from_tally(&tally, &resources, &sums);
    assert_int_equal(usage_sums_calls(&sums), 3);
}

// --- uses

static void use(struct usage_trace *trace, const char *address, uint64_t now_ms)
{
    usage_trace_note(trace, slice_text(address), now_ms);
}

static void the_last_use_has_its_time_and_address(void **state)
{
    (void)state;
    struct usage_trace trace = {0};
    struct usage_last last = {0};
    use(&trace, "192.0.2.1", 1000);
    use(&trace, "192.0.2.1", 1500);
    use(&trace, "192.0.2.77", 2000);
    use(&trace, "192.0.2.77", 3000);
    usage_last_merge(&last, &trace);
    assert_int_equal(last.first_ms, 1000);
    assert_int_equal(last.last_ms, 3000);
    assert_int_equal(last.address_size, 10);
    assert_memory_equal(last.address, "192.0.2.77", 10);
    assert_int_equal(last.networks_met, 2);
    assert_int_equal(last.network_count, 2);
    assert_int_equal(last.networks[0].first_ms, 2000);
    assert_int_equal(last.networks[0].last_ms, 3000);
    assert_int_equal(last.networks[1].last_ms, 1500);
}

static void a_use_without_an_address_shows_none(void **state)
{
    (void)state;
    struct usage_trace trace = {0};
    struct usage_last last = {0};
    use(&trace, "192.0.2.1", 1000);
    use(&trace, "", 2000);
    usage_last_merge(&last, &trace);
    assert_int_equal(last.last_ms, 2000);
    assert_int_equal(last.address_size, 0);
    assert_int_equal(last.networks[0].last_ms, 1000);
}

static void addresses_of_one_network_are_one(void **state)
{
    (void)state;
    static const char *const same[][2] = {{"2001:db8::1", "2001:db8::ffff:1:2:3"}, {"192.0.2.1", "::ffff:192.0.2.1"}};
    static const char *const other[][2] = {
        {"2001:db8::1", "2001:db8:0:1::1"}, {"192.0.2.1", "192.0.2.2"}, {"::1", "192.0.2.1"}};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct usage_trace trace = {0};
        use(&trace, same[i][0], 1);
        use(&trace, same[i][1], 2);
        assert_int_equal(trace.network_count, 1);
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        struct usage_trace trace = {0};
        use(&trace, other[i][0], 1);
        use(&trace, other[i][1], 2);
        assert_int_equal(trace.network_count, 2);
    }
}

static void what_is_no_address_has_no_network(void **state)
{
    (void)state;
    struct usage_trace trace = {0};
    char text[USAGE_ADDRESS_MAX + 2];
    memset(text, '1', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    use(&trace, "192.0.2.1", 1);
    use(&trace, "unix:/run/x", 2);
    use(&trace, "unix:/run/x", 3);
    assert_int_equal(trace.network_count, 1);
    assert_int_equal(trace.networks[0].last_ms, 1);
    use(&trace, text, 4);
    assert_int_equal(trace.address_size, 0);
    assert_int_equal(trace.last_ms, 4);
}

static void merging_twice_changes_nothing(void **state)
{
    (void)state;
    struct usage_last once = {0};
    struct usage_last twice;
    char address[32];
    for (unsigned round = 0; round < 30; round++) {
        struct usage_trace trace = {0};
        for (unsigned i = 0; i < 6; i++) {
            snprintf(address, sizeof address, "10.0.%u.%u", round * 7 % 5, (round + i) % 9);
            use(&trace, address, 1000 + round * 100 - (round % 3) * 150 + i);
        }
        usage_last_merge(&once, &trace);
        twice = once;
        usage_last_merge(&twice, &trace);
        assert_memory_equal(&twice, &once, sizeof once);
        assert_true(once.network_count <= USAGE_NETWORKS && once.networks_met >= once.network_count);
    }
}

static void the_most_recent_networks_are_kept_in_their_order(void **state)
{
    (void)state;
    struct usage_last last = {0};
    char address[32];
    for (unsigned i = 1; i <= 20; i++) {
        struct usage_trace trace = {0};
        snprintf(address, sizeof address, "10.0.0.%u", i);
        use(&trace, address, i);
        usage_last_merge(&last, &trace);
    }
    assert_int_equal(last.networks_met, 20);
    assert_int_equal(last.network_count, USAGE_NETWORKS);
    for (size_t i = 0; i < USAGE_NETWORKS; i++)
        assert_int_equal(last.networks[i].last_ms, 20 - i);
    struct usage_trace old = {0};
    use(&old, "10.9.9.9", 2);
    usage_last_merge(&last, &old);
    assert_int_equal(last.networks_met, 20);
    assert_int_equal(last.networks[0].last_ms, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_name_keeps_its_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_account_has_a_share_of_the_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_beyond_the_bound_are_the_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_reason_has_a_place_and_comes_back, set_up, tear_down),
        cmocka_unit_test(calls_are_all_and_refusals_all_but_allowed),
        cmocka_unit_test_setup_teardown(a_tally_survives_the_way_there_and_back, set_up, tear_down),
        cmocka_unit_test(costs_beyond_the_bound_are_added_to_the_other),
        cmocka_unit_test(sums_stop_at_the_top),
        cmocka_unit_test_setup_teardown(an_unknown_reason_of_a_later_version_is_dropped, set_up, tear_down),
        cmocka_unit_test(the_last_use_has_its_time_and_address),
        cmocka_unit_test(a_use_without_an_address_shows_none),
        cmocka_unit_test(addresses_of_one_network_are_one),
        cmocka_unit_test(what_is_no_address_has_no_network),
        cmocka_unit_test(merging_twice_changes_nothing),
        cmocka_unit_test(the_most_recent_networks_are_kept_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
