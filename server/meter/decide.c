// Decides on meters that may not be in memory.
//
// The problem: limit/ does no I/O, so it can only say which meters of a call are absent. This file reads them from the
// store in a snapshot, installs them, and asks for the decision again. Meanwhile other meters may have pushed one of
// them out of memory once more; then it is read again, and after a number of turns the call gives up. When a decision
// leaves something to write, the write-behind is asked for it.
#include "meter/internal.h"
#include "meter/record.h"

enum { LOADS_MAX = 64 };

struct load {
    struct meter_cache *cache;
    struct arena *arena;
    const struct limit_call *call;
    struct meter_load *out;
};

// What was read of one meter.
struct reading {
    struct limit_found found; // points to the members below
    struct limit_record record;
    struct limit_former formers[LIMIT_FORMERS_MAX];
};

static enum status read_record(const struct load *load, const struct limit_name *name, struct limit_record *record)
{
    struct slice key = limit_name_slice(name), bytes;
    enum status status = store_get(load->cache->view, custom_table(key), key, &bytes);
    return status == STATUS_OK ? meter_record_unpack(bytes, &load->cache->zones, load->arena, record) : status;
}

static enum status read_own(const struct load *load, const struct limit_name *name, struct reading *out)
{
    enum status status = read_record(load, name, &out->record);
    out->found.record = status == STATUS_OK ? &out->record : NULL;
    if (status != STATUS_NOT_FOUND)
        return status;
    struct slice key = limit_name_slice(name);
    bool is_custom = custom_table(key) == TABLE_CUSTOM;
    return is_custom ? custom_admit(load->cache, load->call->maker, key, load->out) : STATUS_OK;
}

static enum status read_formers(const struct load *load, const struct limit_applicable *applicable, struct reading *out)
{
    struct limit_name names[LIMIT_FORMERS_MAX];
    bool alone;
    size_t count = limit_formers(load->call, applicable, names, &alone);
    for (size_t i = 0; i < count; i++) {
        struct limit_former *former = &out->formers[out->found.former_count];
        enum status status = read_record(load, &names[i], &former->record);
        if (status != STATUS_OK && status != STATUS_NOT_FOUND)
            return status;
        former->name = names[i];
        out->found.former_count += status == STATUS_OK;
    }
    return STATUS_OK;
}

static enum status read_meter(const struct load *load, const struct limit_applicable *applicable,
                              const struct limit_name *name, struct reading *out)
{
    struct meter_cache *cache = load->cache;
    out->found = (struct limit_found){.formers = out->formers, .maker = load->call->maker};
    pthread_mutex_lock(&cache->view_lock);
    enum status status = store_view_begin(cache->view);
    if (status == STATUS_OK) {
        status = read_own(load, name, out);
        if (status == STATUS_OK)
            status = read_formers(load, applicable, out);
        store_view_end(cache->view);
    }
    pthread_mutex_unlock(&cache->view_lock);
    return status;
}

// Some meters may have to be written before others can take their place; this starts that write.
static enum status no_room(const struct load *load)
{
    if (limit_write_wanted(load->cache->limits))
        write_behind_request(load->cache);
    return status_fail(load->out->failure, STATUS_RESOURCE_EXHAUSTED, NULL,
                       "no room for another meter in memory: retry; if it stays so, raise --max-resident-meters");
}

static enum status load_one(const struct load *load, const struct limit_applicable *applicable, uint64_t generation)
{
    struct limit_name name;
    struct reading reading;
    limit_name_of(applicable, &name);
    enum status status = custom_allow(load->cache, limit_name_slice(&name), load->out->failure);
    if (status == STATUS_OK)
        status = read_meter(load, applicable, &name, &reading);
    if (status != STATUS_OK)
        return load->out->failure->message[0] != '\0'
                   ? status
                   : status_fail(load->out->failure, status, NULL,
                                 "a meter cannot be read from disk: see posternd's log");
    bool installed = limit_install(load->cache->limits, load->call->owner, applicable, &reading.found, generation);
    return installed ? STATUS_OK : no_room(load);
}

// Reads what the answer names as absent and installs it.
static enum status load_absent(const struct load *load, const struct limit_answer *answer)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < answer->absent_count && status == STATUS_OK; i++)
        status = load_one(load, answer->absent[i], answer->generation);
    return status;
}

// Loads the meters of all calls, also behind one that has failed, so that each call learns what is wrong with it.
static bool load_all(struct meter_cache *cache, struct arena *arena, const struct limit_call *calls, size_t count,
                     const struct limit_answer *answers, struct meter_load *loads)
{
    bool loaded = true;
    for (size_t i = 0; i < count; i++) {
        struct load load = {.cache = cache, .arena = arena, .call = &calls[i], .out = &loads[i]};
        loads[i].status = load_absent(&load, &answers[i]);
        loaded = loaded && loads[i].status == STATUS_OK;
    }
    return loaded;
}

// What the work really cost is settled alone: a charge is one call's.
static enum limit_verdict ask_limits(struct limit_table *limits, const struct limit_call *calls, size_t count,
                                     struct limit_waiter *waiter, struct limit_answer *answers)
{
    if (count > 0 && calls[0].mode != LIMIT_CONSUME)
        return limit_settle(limits, calls, waiter, answers);
    return limit_decide(limits, calls, count, waiter, answers);
}

enum limit_verdict meter_decide(struct meter_cache *cache, struct arena *arena, const struct limit_call *calls,
                                size_t count, struct limit_waiter *waiter, struct limit_answer *answers,
                                struct meter_load *loads)
{
    for (unsigned turn = 0;; turn++) {
        enum limit_verdict verdict = ask_limits(cache->limits, calls, count, waiter, answers);
        if (verdict == LIMIT_WAIT || (count > 0 && answers[0].write_wanted))
            write_behind_request(cache);
        if (verdict != LIMIT_ABSENT || turn == LOADS_MAX || !load_all(cache, arena, calls, count, answers, loads))
            return verdict;
    }
}
