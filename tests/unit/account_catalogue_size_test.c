#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "account/account.h"

// Catalogues too large, and too many, to write down. Every test gets an arena of the size that the door calls enough.
enum { BUDGET = 256 * 1024 };

static int set_up(void **state)
{
    *state = arena_new(BUDGET);
    return *state == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

// --- a large catalogue: "s0" implies "s1" to "s64", "s1" the next 64, and so on, up to `last`; the last ones imply the
// one a hundred before them, so that everything is met again after the working set has grown

enum { FAN = ACCOUNT_SCOPE_IMPLIES_MAX };

struct tree {
    unsigned last;
    size_t calls;
    char names[ACCOUNT_CATALOGUE_MAX + 2][8];
};

static enum status tree_find(void *context, struct slice scope, struct slice *implies, size_t max, size_t *count)
{
    struct tree *tree = context;
    char text[8] = {0};
    unsigned number = 0;
    memcpy(text, scope.data, scope.size);
    assert_int_equal(sscanf(text, "s%u", &number), 1);
    assert_int_equal(max, FAN);
    tree->calls++;
    for (unsigned i = 0; i < FAN && number * FAN + i + 1 <= tree->last; i++)
        implies[(*count)++] = slice_text(tree->names[number * FAN + i + 1]);
    if (*count == 0)
        implies[(*count)++] = slice_text(tree->names[number < 100 ? 0 : number - 100]);
    return STATUS_OK;
}

// One need by itself.
static enum status cover_one(const struct account_scope_source *source, const struct slice *grants, size_t grant_count,
                             struct slice needed, bool *covered)
{
    struct account_scope_need need = {.scope = needed, .covered = *covered};
    enum status status = account_scopes_cover_each(source, grants, grant_count, &need, 1);
    *covered = need.covered;
    return status;
}

static enum status ask_tree(struct arena *arena, unsigned last, const char *needed, bool *covered, size_t *calls)
{
    static struct tree tree;
    const struct slice grant = slice_text("s0");
    tree.last = last;
    tree.calls = 0;
    for (unsigned i = 0; i < sizeof tree.names / sizeof *tree.names; i++)
        assert_true(snprintf(tree.names[i], sizeof *tree.names, "s%u", i) > 0);
    struct account_scope_source source = {.find = tree_find, .context = &tree, .arena = arena};
    arena_reset(arena);
    enum status status = cover_one(&source, &grant, 1, slice_text(needed), covered);
    *calls = tree.calls;
    return status;
}

static void whole_catalogue_can_be_visited_but_not_one_scope_more(void **state)
{
    bool covered = true;
    size_t calls = 0;
    assert_int_equal(ask_tree(*state, ACCOUNT_CATALOGUE_MAX - 1, "missing", &covered, &calls), STATUS_OK);
    assert_false(covered);
    assert_int_equal(calls, ACCOUNT_CATALOGUE_MAX); // each once
    assert_int_equal(ask_tree(*state, ACCOUNT_CATALOGUE_MAX - 1, "s4095", &covered, &calls), STATUS_OK);
    assert_true(covered);
    arena_set_budget(*state, 4 * (size_t)BUDGET); // it is not the arena that ends it
    covered = true;
    assert_int_equal(ask_tree(*state, ACCOUNT_CATALOGUE_MAX, "missing", &covered, &calls), STATUS_RESOURCE_EXHAUSTED);
    assert_false(covered);
    assert_true(calls <= ACCOUNT_CATALOGUE_MAX);
}

// Each size of arena is either enough or a failure, and what the door calls enough is not the least by far.
static void full_arena_is_a_failure_not_a_refusal(void **state)
{
    size_t least = 0;
    for (size_t budget = 0; budget <= BUDGET; budget += 4096) {
        bool covered = true;
        size_t calls = 0;
        arena_set_budget(*state, budget);
        enum status status = ask_tree(*state, ACCOUNT_CATALOGUE_MAX - 1, "missing", &covered, &calls);
        assert_false(covered);
        if (status == STATUS_OK) {
            least = budget;
            break;
        }
        assert_int_equal(status, STATUS_RESOURCE_EXHAUSTED);
    }
    assert_in_range(least, 128 * 1024, BUDGET);
}

// --- any catalogue: compared with the transitive closure, computed the slow way

enum { NODES = 12, SEEDS = 500 };

struct graph {
    bool edge[NODES][NODES];
    bool reach[NODES][NODES];
};

static const char *const nodes[NODES] = {"n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n10", "n11"};

static enum status graph_find(void *context, struct slice scope, struct slice *implies, size_t max, size_t *count)
{
    const struct graph *graph = context;
    size_t from = 0;
    while (!slice_equal(scope, slice_text(nodes[from])))
        from++;
    for (size_t to = 0; to < NODES && *count < max; to++)
        if (graph->edge[from][to])
            implies[(*count)++] = slice_text(nodes[to]);
    return STATUS_OK;
}

static uint64_t next_random(uint64_t *random)
{
    *random = *random * 6364136223846793005U + 1442695040888963407U;
    return *random >> 33;
}

static void fill_graph(struct graph *graph, uint64_t *random)
{
    for (size_t i = 0; i < NODES; i++)
        for (size_t j = 0; j < NODES; j++)
            graph->edge[i][j] = next_random(random) % NODES == 0;
    for (size_t i = 0; i < NODES; i++)
        for (size_t j = 0; j < NODES; j++)
            graph->reach[i][j] = i == j || graph->edge[i][j];
    for (size_t k = 0; k < NODES; k++)
        for (size_t i = 0; i < NODES; i++)
            for (size_t j = 0; j < NODES; j++)
                graph->reach[i][j] |= graph->reach[i][k] && graph->reach[k][j];
}

static void any_catalogue_gives_the_transitive_closure(void **state)
{
    struct graph graph;
    struct account_scope_source source = {.find = graph_find, .context = &graph, .arena = *state};
    uint64_t random = 1;
    size_t covered_count = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
        fill_graph(&graph, &random);
        size_t a = next_random(&random) % NODES, b = next_random(&random) % NODES;
        const struct slice grants[] = {slice_text(nodes[a]), slice_text(nodes[b])};
        struct account_scope_need needs[NODES];
        for (size_t i = 0; i < NODES; i++)
            needs[i] = (struct account_scope_need){slice_text(nodes[i]), false};
        arena_reset(*state);
        assert_int_equal(account_scopes_cover_each(&source, grants, 2, needs, NODES), STATUS_OK);
        for (size_t i = 0; i < NODES; i++) {
            assert_int_equal(needs[i].covered, graph.reach[a][i] || graph.reach[b][i]);
            covered_count += needs[i].covered;
        }
    }
    assert_in_range(covered_count, SEEDS * NODES / 5, SEEDS * NODES * 4 / 5); // neither answer is rare
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_catalogue_can_be_visited_but_not_one_scope_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_arena_is_a_failure_not_a_refusal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_catalogue_gives_the_transitive_closure, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
