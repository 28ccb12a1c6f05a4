#include "authorizer/load.h"

static enum status read_meter(struct authorizer *a, struct authorizer_call *call, const struct limit_name *name,
                              struct limit_record *record)
{
    pthread_mutex_lock(&a->meter_view_lock);
    enum status status = store_view_begin(a->meter_view);
    if (status == STATUS_OK) {
        struct slice bytes;
        status = store_get(a->meter_view, TABLE_METER, slice_make(name->bytes, name->size), &bytes);
        if (status == STATUS_OK) {
            status = registry_unpack_meter(bytes, call->arena, record);
        }
        store_view_end(a->meter_view);
    }
    pthread_mutex_unlock(&a->meter_view_lock);
    return status;
}

enum status load_absent(struct authorizer *a, struct authorizer_call *call, const struct limit_call *ask,
                        const struct limit_answer *answer)
{
    for (size_t i = 0; i < answer->absent_count; i++) {
        struct limit_name name;
        struct limit_record record;
        limit_name_of(answer->absent[i], &name);
        enum status status = read_meter(a, call, &name, &record);
        if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
            return status_fail(&call->note, status, NULL, "a meter cannot be read from disk: see posternd's log");
        }
        const struct limit_record *found = status == STATUS_OK ? &record : NULL;
        if (!limit_install(a->limits, ask->owner, answer->absent[i], found, answer->generation)) {
            return status_fail(&call->note, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory for meters");
        }
    }
    return STATUS_OK;
}
