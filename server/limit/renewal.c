// A custom subject begins anew, because an operator has removed it.
//
// The problem: its records are deleted by a commit, and neither a meter in memory, nor a write that is queued or in
// flight, nor a call that is just reading an old record, may bring back what was spent. So the meters stay in memory
// and begin anew there: with nothing used, and with nothing set aside, as the disk knows nothing of them. The caller
// (meter/removal.c) does it twice. Before it deletes the records, so that a write that is collected later for the same
// commit carries the new states; and after the commit, because until then old records could be read. From then on
// whoever has read one reads again.
//
// Charges by id are forgotten, too: to give one of them back would take units off that were spent since.
#include <string.h>

#include "limit/table.h"

static bool is_of(const struct limit_meter *meter, struct slice owner)
{
    return meter->name_size >= 2 + owner.size && meter->name[0] == LIMIT_OF_CUSTOM && meter->name[1] == owner.size &&
           memcmp(&meter->name[2], owner.data, owner.size) == 0;
}

static void forget_writes(struct limit_meter *meter)
{
    limit_void_reservation(meter);
    meter->owes = false;
    if (meter->write != NULL)
        meter->write->debt = meter->write->new_debt = 0;
}

static bool renew(const struct limit_table *table, struct limit_shard *shard, struct limit_meter *meter)
{
    const struct limit_algorithm_functions *functions = limit_meter_functions(meter);
    struct limit_rate rate = limit_meter_rate(meter);
    union limit_state state;
    size_t bytes = limit_meter_bytes(meter);
    meter->t_ms = limit_max(meter->t_ms, clock_now_ms(table->clock));
    if (!functions->load(&state, &rate, meter->t_ms, NULL))
        return false;
    if (functions->wipe != NULL)
        functions->wipe(&meter->state);
    meter->state = state;
    meter->magnitude = 0;
    shard->meter_bytes += limit_meter_bytes(meter) - bytes;
    forget_writes(meter);
    return true;
}

bool limit_renew(struct limit_table *table, struct slice owner)
{
    struct limit_shard *shard = limit_table_shard(table, owner);
    bool has_memory = true;
    pthread_mutex_lock(&shard->mutex);
    for (size_t i = 0; i < shard->bucket_count; i++)
        for (struct limit_meter *meter = shard->buckets[i]; meter != NULL; meter = meter->next)
            has_memory = (!is_of(meter, owner) || renew(table, shard, meter)) && has_memory;
    limit_charge_log_forget(table, shard, owner);
    shard->generation += LIMIT_FORGOTTEN_MAX + 1; // all that was read of any record before is old
    pthread_mutex_unlock(&shard->mutex);
    return has_memory;
}
