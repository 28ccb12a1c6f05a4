// What reservation costs: records written per admitted call, and the share of calls that wait for the disk. The real
// limit table on a clock of its own, and a disk that takes a fixed time for each commit; beside them what the validated
// specification says.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/container.h"
#include "limit/limit.h"
#include "options.h"
#include "process.h"
#include "report.h"
#include "support/limit_text.h"

enum {
    THINK_US = 50, // from an answer to the same client's next call
    CLIENTS_MAX = 256,
    CALLS_MIN = 3000, // admitted in one measurement; at least one whole limit is used up
    COMMITS = 2,
    PATTERNS = 4,
    LIMITS = 5
};

#define START_US  (UINT64_C(1700006400) * 1000000) // a day's beginning
#define TICK_US   UINT64_C(1000000)
#define SLACK     1.1    // of what is printed with two digits
#define FEW_CALLS 0.0005 // one wait more or less than in the specification's own run

static const uint64_t commit_us[COMMITS] = {300, 5000};

struct expected {
    double writes;         // per admitted call
    double waits[COMMITS]; // share of the calls, in percent
};

struct pattern {
    const char *key, *label;
    unsigned clients;
    bool steady; // one call each time that the limit gives a unit back; else as fast as they can after a rest
};

static const struct pattern patterns[PATTERNS] = {
    {"steady", "steady at the limit", 1, true},
    {"after_idle", "one client after idle", 1, false},
    {"clients_16", "16 clients at once", 16, false},
    {"clients_256", "256 at once", 256, false},
};

struct row {
    const char *key, *limit;
    struct expected expected[PATTERNS];
};

static const struct row rows[LIMITS] = {
    {"10_min", "requests=10/min", {{1, {100, 100}}, {1, {100, 100}}, {0.20, {100, 100}}, {0.20, {100, 100}}}},
    {"60_min", "requests=60/min", {{0.25, {0.03, 0.03}}, {0.25, {23, 23}}, {0.13, {89, 89}}, {0.05, {89, 89}}}},
    {"300_min",
     "requests=300/min",
     {{0.053, {0.03, 0.03}}, {0.053, {0.06, 4.9}}, {0.039, {57, 57}}, {0.012, {92, 92}}}},
    {"2000_day",
     "requests=2000/day",
     {{0.008, {0.03, 0.03}}, {0.008, {0.03, 0.03}}, {0.008, {0.4, 12}}, {0.005, {94, 94}}}},
    {"1000000_min",
     "requests=1000000/min",
     {{0.00002, {0.02, 0.02}}, {0.00002, {0.02, 0.02}}, {0.00002, {0.02, 0.02}}, {0.00002, {0.06, 0.06}}}},
};

struct machine;

struct caller {
    struct limit_waiter waiter; // wake gets it
    struct machine *machine;
    uint64_t next_us; // UINT64_MAX: waits, or has stopped
    bool waited;      // this call
};

struct machine {
    uint64_t now_us;
    struct clock *clock;
    struct limit_table *table;
    struct limit_applicable applicable;
    struct caller callers[CLIENTS_MAX];
    const struct pattern *pattern;
    struct limit_write_batch *batch; // in flight until commit_ends_us
    uint64_t commit_us, commit_ends_us, durable_ms, ticked_us;
    uint64_t admitted, waited, records;
    bool in_use; // somebody has called since the last tick
    bool failed; // a call was neither admitted nor refused
};

struct cost {
    double writes, waits; // waits in percent
};

static uint64_t read_ms(void *context)
{
    return ((const struct machine *)context)->now_us / 1000;
}

// --- calls

static uint64_t pause_us(const struct machine *machine)
{
    const struct limit *limit = &machine->applicable.limit;
    return machine->pattern->steady ? limit->window_s * TICK_US / limit->amount : THINK_US;
}

// Callers that come all at once stop when the limit is used up.
static void finish(struct caller *caller, enum limit_verdict verdict)
{
    struct machine *machine = caller->machine;
    if (verdict == LIMIT_ADMITTED) {
        machine->admitted++;
        machine->waited += caller->waited;
    }
    caller->waited = false;
    machine->failed = machine->failed || (verdict != LIMIT_ADMITTED && verdict != LIMIT_DENIED);
    if (verdict == LIMIT_ADMITTED || machine->pattern->steady)
        caller->next_us = machine->now_us + pause_us(machine);
}

static void call(struct caller *caller)
{
    struct machine *machine = caller->machine;
    const struct limit_charge charge = {.resource = slice_text("requests"), .cost = 1};
    const struct limit_call ask = {.owner = machine->applicable.subject_id,
                                   .applicables = &machine->applicable,
                                   .applicable_count = 1,
                                   .charges = &charge,
                                   .charge_count = 1};
    struct limit_answer answer;
    caller->next_us = UINT64_MAX;
    machine->in_use = true;
    limit_decide(machine->table, &ask, 1, &caller->waiter, &answer);
    if (answer.verdict == LIMIT_ABSENT) {
        limit_install(machine->table, ask.owner, &machine->applicable, NULL, answer.generation);
        limit_decide(machine->table, &ask, 1, &caller->waiter, &answer);
    }
    if (answer.verdict == LIMIT_WAIT)
        caller->waited = true;
    else
        finish(caller, answer.verdict);
}

static void wake(struct limit_waiter *waiter, enum status status)
{
    (void)status; // this disk does not fail
    call(CONTAINER_OF(waiter, struct caller, waiter));
}

// --- the disk

static void begin_commit(struct machine *machine)
{
    machine->batch = limit_collect(machine->table);
    if (machine->batch == NULL)
        return;
    machine->records += limit_write_batch_count(machine->batch);
    machine->durable_ms = clock_now_ms(machine->clock);
    machine->commit_ends_us = machine->now_us + machine->commit_us;
}

static void end_commit(struct machine *machine)
{
    struct limit_write_batch *batch = machine->batch;
    machine->batch = NULL;
    machine->commit_ends_us = UINT64_MAX;
    limit_write_batch_end(machine->table, batch, STATUS_OK, machine->durable_ms);
}

// Does what the daemon's ticker does: it writes the clock's mark once a second while somebody calls.
static void tick(struct machine *machine)
{
    if (machine->now_us - machine->ticked_us < TICK_US)
        return;
    machine->ticked_us = machine->now_us;
    if (machine->in_use)
        limit_note_durable(machine->table, clock_now_ms(machine->clock));
    machine->in_use = false;
}

// --- time

static struct caller *find_next(struct machine *machine)
{
    struct caller *next = &machine->callers[0];
    for (unsigned i = 1; i < machine->pattern->clients; i++)
        if (machine->callers[i].next_us < next->next_us)
            next = &machine->callers[i];
    return next;
}

// False when nobody calls any more and nothing is written.
static bool step(struct machine *machine)
{
    struct caller *next = find_next(machine);
    if (next->next_us == UINT64_MAX && machine->commit_ends_us == UINT64_MAX)
        return false;
    if (machine->commit_ends_us <= next->next_us) {
        machine->now_us = machine->commit_ends_us;
        end_commit(machine);
    } else {
        machine->now_us = next->next_us;
        tick(machine);
        call(next);
    }
    if (machine->batch == NULL)
        begin_commit(machine);
    return true;
}

// Everybody calls from the same moment on, until the limit is used up; after a rest of two windows once more.
static void run_rounds(struct machine *machine)
{
    do {
        for (unsigned i = 0; i < machine->pattern->clients; i++)
            machine->callers[i].next_us = machine->now_us;
        while (step(machine) && !machine->failed &&
               !(machine->pattern->steady && machine->admitted >= CALLS_MIN &&
                 machine->admitted >= machine->applicable.limit.amount))
            ;
        machine->now_us += 2 * machine->applicable.limit.window_s * TICK_US;
    } while (machine->admitted < CALLS_MIN && !machine->failed);
}

static bool complain(const struct row *row, const char *text)
{
    fprintf(stderr, "postern-bench: %s: %s\n", row->limit, text);
    return false;
}

// False: printed on stderr.
static bool measure(const struct row *row, const struct pattern *pattern, uint64_t commit, struct cost *out)
{
    struct machine *machine = process_need(1, sizeof *machine);
    struct status_failure failure = {0};
    *machine = (struct machine){.now_us = START_US, .pattern = pattern, .commit_us = commit};
    machine->commit_ends_us = UINT64_MAX;
    machine->applicable = (struct limit_applicable){.subject = LIMIT_OF_ACCOUNT, .subject_id = slice_text("acme")};
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        machine->callers[i] = (struct caller){{.wake = wake}, machine, UINT64_MAX, false};
    const struct clock_source source = {.boot_ms = read_ms, .wall_ms = read_ms, .context = machine};
    machine->clock = clock_new(source, NULL);
    machine->table = limit_table_new(&(struct limit_table_options){.clock = machine->clock});
    bool fine = machine->clock != NULL && machine->table != NULL &&
                limit_text_read(row->limit, &machine->applicable.limit, &failure) == STATUS_OK;
    if (!fine)
        complain(row, failure.message[0] != '\0' ? failure.message : "memory is out");
    if (fine) {
        run_rounds(machine);
        *out = (struct cost){.writes = (double)machine->records / (double)machine->admitted,
                             .waits = 100.0 * (double)machine->waited / (double)machine->admitted};
        if (machine->batch != NULL)
            end_commit(machine);
        fine = !machine->failed || complain(row, "a call was neither admitted nor refused");
    }
    limit_table_free(machine->table);
    clock_free(machine->clock);
    free(machine);
    return fine;
}

// --- printing

static void print_cell(struct report *report, const struct row *row, size_t n, const struct cost costs[COMMITS])
{
    const struct expected *expected = &row->expected[n];
    char key[96];
    char label[64];
    char text[160];
    for (size_t i = 0; i < COMMITS; i++) {
        double most_writes = expected->writes * SLACK;
        double most_waits = expected->waits[i] * SLACK + 100 * FEW_CALLS;
        bool within = costs[i].writes <= most_writes && costs[i].waits <= most_waits;
        snprintf(label, sizeof label, "%s, %s", row->limit + strlen("requests="), patterns[n].label);
        snprintf(text, sizeof text, "%4.1f ms: %8.3g / %5.3g %% (specified %g / %g %%): %s",
                 (double)commit_us[i] / 1000, costs[i].writes, costs[i].waits, expected->writes, expected->waits[i],
                 within ? "within" : "beyond");
        snprintf(key, sizeof key, "%s_%s_%.1f_ms", row->key, patterns[n].key, (double)commit_us[i] / 1000);
        report_text(report, key, i == 0 ? label : "", text);
    }
}

int bench_writes(const struct options *options)
{
    struct report report;
    report_open(&report, "writes", options->json);
    report_text(&report, "figures", "commit time:", "records written per admitted call / share of calls that wait");
    for (size_t i = 0; i < LIMITS; i++) {
        for (size_t n = 0; n < PATTERNS; n++) {
            struct cost costs[COMMITS];
            for (size_t c = 0; c < COMMITS; c++) {
                if (!measure(&rows[i], &patterns[n], commit_us[c], &costs[c]))
                    return 1;
            }
            print_cell(&report, &rows[i], n, costs);
        }
    }
    report_close(&report, NULL);
    return 0;
}
