// The meter table in a simulated machine: calls alone and in atomic batches, with charge ids that are repeated and
// given back, commits that land or not, failed commits, crashes, reboots, clean stops, clock steps, forgotten meters,
// limits that change, callers who do not agree about them, and some who do not wait, charges that are settled to what
// they really cost, and such that no limit refuses, from a seed. A checker that knows only the admissions, what was
// given back, what was settled and the limits says whether anything was admitted too much, and whether any id was
// charged, given back or settled twice. After a crash a charge that was settled to less may count as its estimate; what
// was settled to more, and answered, counts in full.
//
// LIMIT_SIMULATION_SEED is the first seed (1), LIMIT_SIMULATION_COUNT how many (2500). A failure prints its seed.

#include "unit/limit_simulation.h"

static void pass_time(struct world *world, uint64_t by_ms)
{
    fake_advance(&world->time, by_ms);
    world->real_ms += by_ms;
}

// --- the disk

static struct stored *find_stored(struct disk *disk, struct slice name)
{
    struct stored *empty = NULL;
    for (size_t i = 0; i < STORED_MAX; i++) {
        struct stored *stored = &disk->meters[i];
        if (stored->present && slice_equal(slice_make(stored->name.bytes, stored->name.size), name))
            return stored;
        if (!stored->present && empty == NULL)
            empty = stored;
    }
    return empty;
}

static void put_record(struct world *world, struct slice name, const struct limit_record *record, bool empty)
{
    struct stored *stored = find_stored(&world->disk_after, name);
    assert_non_null(stored);
    stored->present = !empty || happens(world, 2); // a record at rest may be deleted, or not
    memcpy(stored->name.bytes, name.data, name.size);
    stored->name.size = name.size;
    stored->record = *record;
}

static void begin_commit(struct world *world, struct limit_write_batch *batch)
{
    struct slice name;
    const struct limit_record *record = NULL;
    bool empty = false;
    world->disk_after = world->disk;
    world->batch = batch;
    for (size_t i = 0; batch != NULL && i < limit_write_batch_count(batch); i++) {
        limit_write_batch_at(batch, i, &name, &record, &empty);
        put_record(world, name, record, empty);
    }
    world->disk_after.mark = clock_mark(world->clock);
    world->disk_after.has_mark = true;
    world->batch_durable_ms = world->disk_after.mark.high_ms;
}

static void end_commit(struct world *world, bool fails)
{
    struct limit_write_batch *batch = world->batch;
    if (!fails || happens(world, 2)) // a failed commit may have landed all the same
        world->disk = world->disk_after;
    world->batch = NULL;
    if (batch != NULL)
        limit_write_batch_end(world->table, batch, fails ? STATUS_UNAVAILABLE : STATUS_OK, world->batch_durable_ms);
    else if (!fails)
        limit_note_durable(world->table, world->batch_durable_ms);
}

// --- calls

// False when there is no room.
static bool install(struct world *world, size_t account, const struct limit_answer *answer)
{
    for (size_t i = 0; i < answer->absent_count; i++) {
        struct limit_name name;
        limit_name_of(answer->absent[i], &name);
        const struct stored *stored = find_stored(&world->disk, slice_make(name.bytes, name.size));
        const struct limit_record *record = stored != NULL && stored->present ? &stored->record : NULL;
        if (!limit_install(world->table, slice_text(account_names[account]), answer->absent[i],
                           &(struct limit_found){.record = record}, answer->generation))
            return false;
    }
    return true;
}

static struct limit_call call_of(const struct world *world, const struct request *request,
                                 uint8_t id[LIMIT_CHARGE_ID_SIZE], struct limit_applicable applicables[APPLICABLES])
{
    memset(id, 0, LIMIT_CHARGE_ID_SIZE);
    memcpy(id, &request->id, sizeof request->id);
    memcpy(applicables, world->applicables[request->account], sizeof world->applicables[0]);
    for (size_t i = 0; i < world->applicable_count[request->account]; i++)
        applicables[i].limit = limit_seen_by(world, request, i);
    return (struct limit_call){.owner = slice_text(account_names[request->account]),
                               .applicables = applicables,
                               .applicable_count = world->applicable_count[request->account],
                               .charges = request->charges,
                               .charge_count = request->charge_count,
                               .relaxed = request->relaxed,
                               .charge_id = request->id > 0 ? slice_make(id, LIMIT_CHARGE_ID_SIZE) : slice_text(""),
                               .mode = request->overdraws ? LIMIT_OVERDRAW : LIMIT_CONSUME};
}

static enum limit_verdict decide(struct client *client, struct limit_answer *answers)
{
    struct world *world = client->world;
    struct limit_call calls[BATCH_MAX];
    uint8_t ids[BATCH_MAX][LIMIT_CHARGE_ID_SIZE];
    for (size_t i = 0; i < client->request_count; i++)
        calls[i] = call_of(world, &client->requests[i], ids[i], client->applicables[i]);
    if (client->settles)
        calls[0].mode = LIMIT_SETTLE;
    for (int loads = 0; loads < LOADS_MAX; loads++) {
        enum limit_verdict verdict = LIMIT_ADMITTED;
        if (calls[0].mode != LIMIT_CONSUME) {
            verdict = limit_settle(world->table, calls, &client->waiter, answers);
        } else if (client->request_count == 1) {
            limit_decide(world->table, calls, 1, &client->waiter, answers);
            verdict = answers[0].verdict;
        } else {
            verdict = limit_decide(world->table, calls, client->request_count, &client->waiter, answers);
        }
        bool installed = verdict == LIMIT_ABSENT;
        for (size_t i = 0; i < client->request_count && installed; i++)
            installed = install(world, client->requests[i].account, &answers[i]);
        if (!installed)
            return verdict;
    }
    return LIMIT_ABSENT;
}

// One that was given back is neither charged nor answered again; nobody asks with other costs.
static void check_refusal(struct world *world, const struct client *client, enum limit_verdict verdict)
{
    bool given_back = false, forgotten = false;
    for (size_t i = 0; i < client->request_count; i++) {
        const struct named *named = find_named(world, client->requests[i].id);
        forgotten = forgotten || (named == NULL && client->requests[i].id > 0);
        given_back = given_back || (named != NULL && was_admitted(world, named) && named->given_back);
    }
    if (given_back != (verdict == LIMIT_GIVEN_BACK) && verdict != LIMIT_ABSENT && !forgotten)
        note_named_violation(world, client->requests, "wrong about what was given back");
    if (verdict == LIMIT_OTHER_CHARGE)
        note_named_violation(world, client->requests, "the same charge is said to be another one");
}

static void note_deciding(struct world *world, const struct client *client, enum limit_verdict verdict,
                          const struct limit_answer *answers)
{
    check_refusal(world, client, verdict);
    for (size_t i = 0; i < client->request_count && verdict == LIMIT_ADMITTED; i++) {
        assert_int_equal(answers[i].verdict, LIMIT_ADMITTED);
        note_admission(world, &client->requests[i], &answers[i]);
    }
}

// It is counted at the first try, and answered when it is on disk.
static void note_overdrawing(struct world *world, const struct request *request, enum limit_verdict verdict,
                             const struct limit_answer *answer)
{
    struct named *named = find_named(world, request->id);
    if (named == NULL || verdict == LIMIT_ABSENT)
        return;
    bool given_back = was_admitted(world, named) && named->given_back;
    if (given_back != (verdict == LIMIT_GIVEN_BACK))
        note_named_violation(world, request, "wrong about an overdraw that was given back");
    if (!given_back && verdict != LIMIT_WAIT && verdict != LIMIT_ADMITTED)
        note_named_violation(world, request, "an overdraw was refused");
    if (!was_admitted(world, named))
        note_overdraw(world, named, answer);
    if (verdict == LIMIT_ADMITTED)
        note_answered(world, named);
}

static bool is_same_settlement(const struct named *named, const struct request *settled)
{
    bool same = named->is_settled;
    for (size_t i = 0; i < settled->charge_count; i++)
        same = same && named->settled[i] == settled->charges[i].cost;
    return same;
}

static void note_settling(struct world *world, const struct request *settled, enum limit_verdict verdict,
                          const struct limit_answer *answer)
{
    struct named *named = find_named(world, settled->id);
    if (named == NULL || verdict == LIMIT_ABSENT)
        return;
    if ((verdict == LIMIT_NO_CHARGE) == was_admitted(world, named))
        note_named_violation(world, settled, "wrong about what was charged before it is settled");
    if (!was_admitted(world, named))
        return;
    bool same = is_same_settlement(named, settled), done = verdict == LIMIT_ADMITTED || verdict == LIMIT_WAIT;
    if ((verdict == LIMIT_GIVEN_BACK) != (named->given_back && !same))
        note_named_violation(world, settled, "wrong about a charge to settle that was given back");
    if ((verdict == LIMIT_OTHER_CHARGE) != (named->is_settled && !named->given_back && !same))
        note_named_violation(world, settled, "wrong about a charge that was settled before");
    if (same && !done)
        note_named_violation(world, settled, "a settlement that is repeated was refused");
    if (done && !same)
        note_settlement(world, named, settled, answer);
    if (verdict == LIMIT_ADMITTED)
        note_answered(world, named);
}

static void ask(struct client *client)
{
    struct world *world = client->world;
    struct limit_answer answers[BATCH_MAX];
    client->woken = false;
    enum limit_verdict verdict = decide(client, answers);
    assert_true(verdict != LIMIT_ABSENT || world->max_meters > 0);
    client->busy = verdict == LIMIT_WAIT;
    client->waits += client->busy;
    if (client->waits > world->longest_wait)
        world->longest_wait = client->waits;
    assert_true(!client->busy || answers[0].write_wanted);
    if (client->settles)
        note_settling(world, &client->requests[0], verdict, &answers[0]);
    else if (client->requests[0].overdraws)
        note_overdrawing(world, &client->requests[0], verdict, &answers[0]);
    else
        note_deciding(world, client, verdict, answers);
}

static void wake(struct limit_waiter *waiter, enum status status)
{
    struct client *client = (struct client *)waiter;
    if (status != STATUS_OK)
        client->busy = false;
    else if (client->lazy)
        client->woken = true;
    else
        ask(client);
}

static struct client *find_idle(struct world *world)
{
    for (size_t i = 0; i < CLIENTS; i++)
        if (!world->clients[i].busy)
            return &world->clients[i];
    return NULL;
}

static struct request random_request(struct world *world)
{
    static const char *const resources[] = {"requests", "productions"};
    struct request request = {.account = below(world, ACCOUNTS), .charge_count = happens(world, 4) ? 2 : 1};
    if (world->disagrees && happens(world, 2))
        request.view = happens(world, 2) ? HALF : DOUBLE;
    request.relaxed = world->has_relaxed && happens(world, 3);
    size_t first = below(world, 2);
    for (size_t i = 0; i < request.charge_count; i++) {
        uint64_t cost = (happens(world, 3) ? 1 + below(world, 12) : 1) * world->scale;
        request.charges[i] = (struct limit_charge){slice_text(resources[(first + i) % 2]), cost};
    }
    return request;
}

// Some have an id, and some of these have been asked before.
static struct request next_request(struct world *world)
{
    const struct named *old = &world->named[below(world, NAMED_MAX)];
    if (happens(world, 8) && old->request.id > 0)
        return old->request;
    struct request request = random_request(world);
    if (happens(world, 3)) {
        request.id = ++world->ids;
        request.overdraws = happens(world, 60);
        world->named[request.id % NAMED_MAX] = (struct named){.request = request};
    }
    return request;
}

static void call(struct world *world)
{
    struct client *client = find_idle(world);
    if (client == NULL)
        return;
    *client = (struct client){.waiter = {.wake = wake}, .world = world};
    client->request_count = happens(world, 8) ? 2 + below(world, BATCH_MAX - 1) : 1;
    for (size_t i = 0; i < client->request_count; i++) {
        client->requests[i] = next_request(world);
        if (!client->requests[i].overdraws)
            continue;
        client->requests[0] = client->requests[i]; // alone
        client->request_count = 1;
    }
    client->lazy = !world->calm && happens(world, 4);
    client->busy = true;
    ask(client);
}

static void refund(struct world *world)
{
    struct named *named = &world->named[below(world, NAMED_MAX)];
    struct limit_answer answer = {.verdict = LIMIT_ABSENT};
    uint8_t id[LIMIT_CHARGE_ID_SIZE];
    struct limit_applicable applicables[APPLICABLES];
    struct limit_call call = call_of(world, &named->request, id, applicables);
    if (named->request.id == 0)
        return;
    call.charge_count = happens(world, 2) ? call.charge_count : 0;
    call.mode = LIMIT_REFUND;
    for (int loads = 0; loads < LOADS_MAX && answer.verdict == LIMIT_ABSENT; loads++) {
        limit_settle(world->table, &call, NULL, &answer);
        if (!install(world, named->request.account, &answer))
            break;
    }
    if (answer.verdict == LIMIT_ADMITTED)
        note_refund(world, named);
    if ((answer.verdict == LIMIT_NO_CHARGE) == was_admitted(world, named))
        note_named_violation(world, &named->request, "wrong about what was charged");
    if ((answer.verdict == LIMIT_GIVEN_BACK) != (was_admitted(world, named) && named->given_back) &&
        answer.verdict != LIMIT_ADMITTED)
        note_named_violation(world, &named->request, "wrong about what was given back before");
}

static uint64_t random_settled_cost(struct world *world, uint64_t then)
{
    uint64_t least = world->calm && world->batch != NULL ? then : 0; // the snapshot does not know of less
    switch (below(world, 4)) {
    case 0:
        return least;
    case 1:
        return then;
    default:
        return least + below(world, 3 * then);
    }
}

// Most often one that was charged.
static const struct named *find_chargeable(struct world *world)
{
    const struct named *named = NULL;
    for (int i = 0; i < NAMED_MAX && (named == NULL || !was_admitted(world, named)); i++)
        named = &world->named[below(world, NAMED_MAX)];
    return named;
}

static void settle(struct world *world)
{
    const struct named *named = find_chargeable(world);
    struct client *client = find_idle(world);
    if (client == NULL || named->request.id == 0)
        return;
    *client = (struct client){.waiter = {.wake = wake}, .world = world, .request_count = 1, .settles = true};
    client->requests[0] = named->request;
    client->requests[0].overdraws = false;
    bool again = named->is_settled && happens(world, 2);
    for (size_t i = 0; i < named->request.charge_count; i++) {
        struct limit_charge *charge = &client->requests[0].charges[i];
        charge->cost = again ? named->settled[i] : random_settled_cost(world, charge->cost);
    }
    client->lazy = !world->calm && happens(world, 4);
    client->busy = true;
    ask(client);
}

static void let_lazy_ask(struct world *world)
{
    for (size_t i = 0; i < CLIENTS; i++)
        if (world->clients[i].busy && world->clients[i].woken && happens(world, 2))
            ask(&world->clients[i]);
}

// --- starts and stops

static void forget_relaxed(struct world *world)
{
    for (size_t i = 0; i < ACCOUNTS; i++)
        for (size_t j = 0; j < world->applicable_count[i]; j++)
            for (size_t n = 0; n < world->limits[i][j].count; n++)
                world->limits[i][j].log[n].given_back |= world->limits[i][j].log[n].relaxed;
}

static void start(struct world *world)
{
    forget_relaxed(world);
    struct clock_source source = fake_source(&world->time);
    source.boot_id[0] = world->boot_id;
    world->clock = clock_new(source, world->disk.has_mark ? &world->disk.mark : NULL);
    world->table = limit_table_new(&(struct limit_table_options){
        .clock = world->clock, .hash_seed = world->seed + world->runs + 1, .max_meters = world->max_meters});
    assert_true(world->clock != NULL && world->table != NULL);
    if (world->disk.has_mark)
        limit_note_durable(world->table, world->disk.mark.high_ms);
    world->runs++;
    observe_time(world);
}

static void stop(struct world *world)
{
    observe_time(world);
    limit_table_free(world->table);
    clock_free(world->clock);
    for (size_t i = 0; i < CLIENTS; i++)
        world->clients[i].busy = false; // their connections are gone
}

static void step_wall(struct world *world)
{
    uint64_t by_ms = below(world, 20000);
    if (happens(world, 2))
        world->time.wall_ms += by_ms;
    else
        world->time.wall_ms -= by_ms;
}

static void restart(struct world *world)
{
    pass_time(world, happens(world, 2) ? below(world, 50) : below(world, 15000));
    if (happens(world, 3))
        step_wall(world);
    if (happens(world, 2)) { // the machine was rebooted
        world->boot_id++;
        world->time.boot_ms = below(world, 10000);
    }
    start(world);
    for (uint64_t greedy = happens(world, 2) ? 30 : 0; greedy > 0; greedy--) {
        call(world);
        if (world->batch == NULL && happens(world, 2))
            begin_commit(world, limit_collect(world->table));
        else if (world->batch != NULL)
            end_commit(world, false);
    }
}

static void drop_batch(struct world *world)
{
    if (world->batch == NULL)
        return;
    if (happens(world, 2))
        world->disk = world->disk_after;
    // Only its memory is given back: nobody hears of it any more.
    for (size_t i = 0; i < CLIENTS; i++)
        world->clients[i] = (struct client){.world = world, .waiter = {.wake = wake}, .busy = true, .lazy = true};
    limit_write_batch_end(world->table, world->batch, STATUS_UNAVAILABLE, 0);
    world->batch = NULL;
}

static void crash(struct world *world)
{
    world->crashes++;
    drop_batch(world);
    stop(world);
    restart(world);
}

static void stop_cleanly(struct world *world)
{
    if (world->batch != NULL)
        end_commit(world, happens(world, 8));
    for (int i = 0; i < 3 && happens(world, 2); i++)
        call(world); // too late, or just in time
    begin_commit(world, limit_collect_exact(world->table));
    for (int i = 0; i < 3 && happens(world, 2); i++)
        call(world); // too late in any case: the records do not know of it
    if (happens(world, 8)) {
        crash(world);
        return;
    }
    end_commit(world, happens(world, 8));
    stop(world);
    restart(world);
}

// --- limits

static struct limit random_limit(struct world *world, const char *resource)
{
    static const uint32_t windows_s[] = {1, 2, 5, 10, 30};
    static const uint64_t amounts[] = {3, 15, 40, 120, 400};
    struct limit limit = {.resource = slice_text(resource)};
    limit.algorithm = (enum limit_algorithm)(1 + below(world, 3));
    limit.window_s = windows_s[below(world, 5)];
    limit.amount = (1 + below(world, amounts[below(world, 5)])) * world->scale;
    if (limit.algorithm == LIMIT_TOKEN_BUCKET)
        limit.burst = world->scale + below(world, limit.amount);
    assert_int_equal(limit_complete(&limit, NULL), STATUS_OK);
    return limit;
}

static bool has_meter(const struct world *world, size_t account, const struct limit *limit)
{
    for (size_t i = 0; i < world->applicable_count[account]; i++)
        if (limit_same_meter(&world->applicables[account][i].limit, limit))
            return true;
    return false;
}

static void make_limits(struct world *world, size_t account)
{
    size_t wanted = 2 + below(world, APPLICABLES - 1);
    while (world->applicable_count[account] < wanted) {
        size_t n = world->applicable_count[account];
        struct limit limit = random_limit(world, n % 2 == 0 ? "requests" : "productions");
        if (has_meter(world, account, &limit))
            continue;
        world->applicables[account][n] = (struct limit_applicable){
            .limit = limit, .subject = LIMIT_OF_ACCOUNT, .subject_id = slice_text(account_names[account])};
        world->limits[account][n].limit = limit;
        world->applicable_count[account]++;
    }
}

// Often back to what it was: then nothing that was spent under it may have been forgotten.
static void change_limit(struct world *world)
{
    size_t account = below(world, ACCOUNTS), n = below(world, world->applicable_count[account]);
    struct limit *limit = &world->applicables[account][n].limit;
    const struct limit *first = &world->limits[account][n].limit;
    limit->amount = happens(world, 8) ? 0 : (1 + below(world, happens(world, 2) ? 10 : 400)) * world->scale;
    if (happens(world, 3))
        limit->amount = first->amount;
    if (limit->algorithm == LIMIT_TOKEN_BUCKET)
        limit->burst = limit->amount == 0 ? 0 : world->scale + below(world, happens(world, 2) ? 5 : limit->amount);
    if (limit->algorithm == LIMIT_TOKEN_BUCKET && limit->amount == first->amount && happens(world, 2))
        limit->burst = first->burst;
}

// --- one seed

static uint64_t random_pause(struct world *world)
{
    switch (below(world, 8)) {
    case 0:
        return below(world, 5000);
    case 1:
        return 1000 - clock_now_ms(world->clock) % 1000; // to a boundary of windows
    case 2:
        return below(world, 500);
    default:
        return below(world, 20);
    }
}

static void commit_step(struct world *world)
{
    if (world->batch != NULL)
        end_commit(world, !world->calm && happens(world, 12));
    else if (limit_write_wanted(world->table))
        begin_commit(world, limit_collect(world->table));
}

static void accident(struct world *world)
{
    switch (below(world, 7)) {
    case 0:
        crash(world);
        break;
    case 1:
        stop_cleanly(world);
        break;
    case 2:
        step_wall(world);
        break;
    case 3:
        observe_time(world);
        clock_follow_wall(world->clock, 0, UINT64_MAX);
        observe_time(world);
        break;
    case 4:
        limit_evict_idle(world->table, below(world, 3000));
        break;
    case 5:
        change_limit(world);
        break;
    default:
        if (world->batch == NULL)
            begin_commit(world, NULL); // the ticker writes the time alone
    }
}

static void step(struct world *world)
{
    uint64_t what = below(world, 100);
    if (what < 49)
        call(world);
    else if (what < 52)
        settle(world);
    else if (what < 55 && !(world->calm && world->batch != NULL)) // the snapshot does not know of it yet
        refund(world);
    else if (what < 80)
        commit_step(world);
    else if (what < 90)
        pass_time(world, world->calm && world->batch != NULL ? 0 : random_pause(world));
    else if (what < 94)
        let_lazy_ask(world);
    else if (what < 96)
        for (int burst = 16; burst > 0; burst--)
            call(world);
    else if (!world->calm)
        accident(world);
}

// Everybody who waits gets an answer once the disk works.
static void drain(struct world *world)
{
    for (size_t i = 0; i < CLIENTS; i++)
        world->clients[i].lazy = false;
    for (int round = 0; round < RETRY_MAX; round++) {
        let_lazy_ask(world);
        if (world->batch == NULL)
            begin_commit(world, limit_collect(world->table));
        end_commit(world, false);
    }
    for (size_t i = 0; i < CLIENTS; i++)
        if (world->clients[i].busy)
            note_named_violation(world, world->clients[i].requests, "somebody waits for ever");
}

static void run_seed(struct world *world, uint64_t seed)
{
    memset(world, 0, offsetof(struct world, limits));
    memset(&world->clients, 0, sizeof *world - offsetof(struct world, clients));
    world->seed = world->random = seed;
    world->time = (struct fake_time){.boot_ms = below(world, 100000), .wall_ms = FAKE_START_MS + below(world, 60000)};
    world->boot_id = 1;
    world->calm = seed % 8 == 0;
    world->scale = seed % 16 == 6 ? 400 : seed % 16 == 14 ? UINT64_C(1) << 26 : 1;
    world->disagrees = seed % 8 == 3 || seed % 8 == 5 || seed % 8 == 7;
    world->has_relaxed = seed % 8 == 2 || seed % 8 == 5;
    world->max_meters = seed % 4 == 1 ? SHARDS * (1 + below(world, 3)) : 0; // an account needs up to APPLICABLES
    for (size_t i = 0; i < ACCOUNTS; i++) {
        for (size_t j = 0; j < APPLICABLES; j++)
            world->limits[i][j].count = 0;
        make_limits(world, i);
    }
    start(world);
    for (int i = 0; i < STEPS; i++)
        step(world);
    drain(world);
    stop(world);
    check_buckets(world);
    if (world->calm && world->longest_wait > 2)
        note_violation(world, &world->limits[0][0].limit, "a call had to wait for more than two commits");
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void no_crash_failure_or_clock_step_admits_more_than_a_limit(void **state)
{
    (void)state;
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    uint64_t first = number_from("LIMIT_SIMULATION_SEED", 1), count = number_from("LIMIT_SIMULATION_COUNT", 2500);
    uint64_t seeds = 0, bad = 0, admissions = 0, crashes = 0, repeats = 0, refunds = 0, settlements = 0, debts = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        run_seed(world, seed);
        seeds++;
        admissions += world->admissions;
        crashes += world->crashes;
        repeats += world->repeats;
        refunds += world->refunds;
        settlements += world->settlements;
        debts += world->debts;
        if (world->violation[0] != '\0' && bad++ < 10)
            print_error("seed %llu: %s\n", (unsigned long long)seed, world->violation);
    }
    print_message(
        "%llu seeds, %llu admissions, %llu repeated, %llu given back, %llu settled, %llu debts, %llu crashes, "
        "%llu violating seeds\n",
        (unsigned long long)seeds, (unsigned long long)admissions, (unsigned long long)repeats,
        (unsigned long long)refunds, (unsigned long long)settlements, (unsigned long long)debts,
        (unsigned long long)crashes, (unsigned long long)bad);
    free(world);
    assert_int_equal(bad, 0);
    assert_true(admissions > seeds * 20 && repeats > seeds && refunds > seeds && settlements > seeds && debts > seeds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_crash_failure_or_clock_step_admits_more_than_a_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
