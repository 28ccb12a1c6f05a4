// Opening and closing.
#include "authorizer/internal.h"

#include <stdlib.h>

static const uint64_t idle_ms = UINT64_C(2) * 60 * 1000;

static enum status no_memory(struct status_note *note)
{
    return status_fail(note, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory while starting");
}

enum status authorizer_open(const struct authorizer_options *options, struct authorizer **out, struct status_note *note)
{
    struct authorizer *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return no_memory(note);
    }
    a->registry = options->registry;
    a->meters = options->meters;
    a->clock = options->clock;
    a->log = options->log;
    pthread_mutex_init(&a->meter_view_lock, NULL);
    note_init(a, options->usage);
    flush_init(a);
    bool has_custom = custom_init(a, options->max_custom_meters);
    a->limits = limit_table_new(&(struct limit_table_options){.clock = options->clock,
                                                              .utc_offset_s = options->utc_offset_s,
                                                              .relaxed = options->relaxed,
                                                              .relaxed_on_failure = options->relaxed_on_failure,
                                                              .max_meters = options->max_resident_meters});
    enum status status = store_view_open(options->meters, &a->meter_view);
    if (status == STATUS_OK && (a->limits == NULL || a->flush_arena == NULL || !has_custom)) {
        status = no_memory(note);
    }
    if (status == STATUS_OK) {
        fence_open(a);
        *out = a;
        return STATUS_OK;
    }
    custom_close(a);
    note_close(a);
    store_view_close(a->meter_view);
    limit_table_free(a->limits);
    arena_free(a->flush_arena);
    free(a);
    return status;
}

void authorizer_close(struct authorizer *a)
{
    if (a == NULL) {
        return;
    }
    custom_close(a);
    flush_exact(a);
    note_close(a);
    store_view_close(a->meter_view);
    limit_table_free(a->limits);
    arena_free(a->flush_arena);
    pthread_mutex_destroy(&a->meter_view_lock);
    pthread_mutex_destroy(&a->stop_lock);
    pthread_cond_destroy(&a->stop_done);
    free(a);
}

void authorizer_forget_idle(struct authorizer *a)
{
    (void)limit_forget_idle(a->limits, idle_ms);
    if (limit_write_wanted(a->limits))
        flush_request(a);
}

struct authorizer_stats authorizer_stats(struct authorizer *a)
{
    return (struct authorizer_stats){.limits = limit_table_stats(a->limits),
                                     .store = store_health(a->meters),
                                     .clock_jumps = atomic_load(&a->clock_jumps),
                                     .custom_meters = atomic_load(&a->custom.count)};
}
