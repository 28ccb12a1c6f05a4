#include "authorizer/load.h"

static enum status read_meter(struct authorizer *a, struct authorizer_call *call, struct slice name,
                              struct limit_record *record)
{
    unsigned table = custom_table(name);
    pthread_mutex_lock(&a->meter_view_lock);
    enum status status = store_view_begin(a->meter_view);
    if (status == STATUS_OK) {
        struct slice bytes;
        status = store_get(a->meter_view, table, name, &bytes);
        if (status == STATUS_OK) {
            status = registry_unpack_meter(bytes, call->arena, record);
        } else if (status == STATUS_NOT_FOUND && table == TABLE_CUSTOM) {
            enum status admitted = custom_admit(a, a->meter_view, &call->note);
            status = admitted == STATUS_OK ? STATUS_NOT_FOUND : admitted;
        }
        store_view_end(a->meter_view);
    }
    pthread_mutex_unlock(&a->meter_view_lock);
    return status;
}

// Some meters may have to be written before others can take their place; then that begins now.
static enum status no_room(struct authorizer *a, struct authorizer_call *call)
{
    if (limit_write_wanted(a->limits))
        flush_request(a);
    return status_fail(&call->note, STATUS_RESOURCE_EXHAUSTED, NULL,
                       "no room for another meter in memory: retry; if it stays so, raise --max-resident-meters");
}

static enum status load_one(struct authorizer *a, struct authorizer_call *call, const struct limit_call *ask,
                            const struct limit_term *term, uint64_t generation)
{
    struct limit_name name;
    struct limit_record record;
    limit_name_of(term, &name);
    struct slice bytes = slice_make(name.bytes, name.size);
    enum status status = custom_allow(a, bytes, &call->note);
    if (status == STATUS_OK)
        status = read_meter(a, call, bytes, &record);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return call->note.message[0] != '\0'
                   ? status
                   : status_fail(&call->note, status, NULL, "a meter cannot be read from disk: see posternd's log");
    }
    const struct limit_record *found = status == STATUS_OK ? &record : NULL;
    return limit_install(a->limits, ask->owner, term, found, generation) ? STATUS_OK : no_room(a, call);
}

enum status load_absent(struct authorizer *a, struct authorizer_call *call, const struct limit_call *ask,
                        const struct limit_answer *answer)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < answer->absent_count && status == STATUS_OK; i++)
        status = load_one(a, call, ask, answer->absent[i], answer->generation);
    return status;
}
