// Walks over a decoded message by its descriptor and checks every field against the bound of its name, so that no
// handler checks bounds.
#include "rpc/check.h"

#include <stdio.h>

#include "account/account.h"
#include "base/text.h"
#include "postern.pb-c.h"
#include "registry/registry.h"
#include "rpc/codec.h"

enum { FIELDS_MAX = 64 }; // of any message

// The present place of the walk; it is written as a path only when something is wrong.
struct place {
    const struct place *parent;
    const char *name;
    bool indexed;
    size_t index;
};

static size_t write_path(const struct place *place, char *out, size_t size)
{
    size_t used = place->parent != NULL ? write_path(place->parent, out, size) : 0;
    if (used >= size)
        return used;
    const char *dot = place->parent != NULL ? "." : "";
    int written = place->indexed ? snprintf(out + used, size - used, "%s%s[%zu]", dot, place->name, place->index)
                                 : snprintf(out + used, size - used, "%s%s", dot, place->name);
    return used + (written > 0 ? (size_t)written : 0);
}

static enum status refuse(const struct place *place, enum status status, const char *message,
                          struct status_failure *failure)
{
    char path[sizeof failure->field];
    write_path(place, path, sizeof path);
    return status_fail(failure, status, path, "%s %s", path, message);
}

static enum status refuse_bound(const struct place *place, const char *what, uint64_t max,
                                struct status_failure *failure)
{
    char message[64];
    (void)snprintf(message, sizeof message, "%s %llu", what, (unsigned long long)max);
    return refuse(place, STATUS_INVALID_ARGUMENT, message, failure);
}

static enum status check_message(const ProtobufCMessage *message, const struct place *place,
                                 struct status_failure *failure);

static enum status check_number(const struct check_bound *bound, uint64_t value, const struct place *place,
                                struct status_failure *failure)
{
    char most[TEXT_TIME_SIZE], message[TEXT_TIME_SIZE + 32];
    bool is_number = bound != NULL && bound->kind == CHECK_NUMBER;
    bool is_time = bound != NULL && (bound->kind == CHECK_SPAN || bound->kind == CHECK_MOMENT);
    if (!(is_number || is_time) || value <= bound->max)
        return STATUS_OK;
    if (is_number)
        return refuse_bound(place, "is more than", bound->max, failure);
    if (bound->kind == CHECK_SPAN)
        (void)snprintf(message, sizeof message, "is longer than %s", text_format_span(bound->max, most));
    else
        (void)snprintf(message, sizeof message, "is later than %s", text_format_moment(bound->max, most));
    return refuse(place, STATUS_INVALID_ARGUMENT, message, failure);
}

static bool is_text(enum check_kind kind)
{
    return kind != CHECK_OPAQUE && kind != CHECK_EXACT && kind != CHECK_RANDOM;
}

static enum status check_bytes(const struct check_bound *bound, struct slice value, const struct place *place,
                               struct status_failure *failure)
{
    const char *hint = "has no bound that this server knows";
    if (bound != NULL && bound->kind == CHECK_ANY)
        return STATUS_OK;
    if (bound != NULL && is_text(bound->kind) && !slice_is_text(value))
        return refuse(place, STATUS_INVALID_ARGUMENT, "is not text: valid UTF-8 without control characters", failure);
    if (bound != NULL && check_bound_holds(bound, value, &hint))
        return STATUS_OK;
    if (bound != NULL && (bound->kind == CHECK_TEXT || bound->kind == CHECK_OPAQUE || bound->kind == CHECK_EXACT))
        return refuse_bound(place,
                            bound->kind == CHECK_EXACT ? "has another number of bytes than" : "has more bytes than",
                            bound->max, failure);
    return refuse(place, STATUS_INVALID_ARGUMENT, hint, failure);
}

static enum status check_enum(const ProtobufCEnumDescriptor *descriptor, int value, const struct place *place,
                              struct status_failure *failure)
{
    if (value == 0 || protobuf_c_enum_descriptor_get_value(descriptor, value) != NULL)
        return STATUS_OK;
    return refuse(place, STATUS_INVALID_ARGUMENT, "is no value of its enum that this server knows", failure);
}

// Checks one value. Unset single fields pass, because handlers know which are required. Elements of lists are always
// set.
static enum status check_value(const ProtobufCFieldDescriptor *field, const struct check_bound *bound,
                               const void *value, const struct place *place, struct status_failure *failure)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *const *message = value;
        return *message != NULL ? check_message(*message, place, failure) : STATUS_OK;
    }
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *bytes = value;
        if (bytes->len == 0 && !place->indexed)
            return STATUS_OK;
        return check_bytes(bound, slice_make(bytes->data, bytes->len), place, failure);
    }
    case PROTOBUF_C_TYPE_ENUM: {
        const int *number = value;
        return check_enum(field->descriptor, *number, place, failure);
    }
    case PROTOBUF_C_TYPE_UINT64: {
        const uint64_t *number = value;
        return check_number(bound, *number, place, failure);
    }
    case PROTOBUF_C_TYPE_UINT32: {
        const uint32_t *number = value;
        return check_number(bound, *number, place, failure);
    }
    default:
        return STATUS_OK; // bool: any value is fine. Other types do not occur in calls, which a unit test checks.
    }
}

// Is there anything to check? Most fields of a call are unset, and every Verify comes this way.
static bool is_set(const ProtobufCFieldDescriptor *field, const void *member, const void *quantifier)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        const size_t *count = quantifier;
        return *count > 0;
    }
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        const uint32_t *which = quantifier;
        return *which == field->id;
    }
    switch (field->type) {
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *bytes = member;
        return bytes->len > 0;
    }
    case PROTOBUF_C_TYPE_UINT64: {
        const uint64_t *number = member;
        return *number != 0;
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        const void *const *message = member;
        return *message != NULL;
    }
    default: {
        const uint32_t *number = member; // enum, uint32, bool: all are int-sized in protobuf-c
        return *number != 0;
    }
    }
}

static size_t element_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_UINT64:
        return sizeof(uint64_t);
    default:
        return sizeof(uint32_t);
    }
}

// Checks that every entry has a key, that keys are unique, and that the total size is in bounds.
static enum status check_metadata(Postern__V1__Entry *const *entries, size_t count, const struct place *place,
                                  struct status_failure *failure)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        struct place here = {place->parent, place->name, true, i};
        struct slice key = slice_make(entries[i]->key.data, entries[i]->key.len);
        if (key.size == 0)
            return refuse(&here, STATUS_INVALID_ARGUMENT, "has no key", failure);
        for (size_t earlier = 0; earlier < i; earlier++)
            if (slice_equal(key, slice_make(entries[earlier]->key.data, entries[earlier]->key.len)))
                return refuse(&here, STATUS_INVALID_ARGUMENT, "has the same key as an entry before it", failure);
        total += key.size + entries[i]->value.len;
    }
    if (total <= REGISTRY_METADATA_BYTES_MAX)
        return STATUS_OK;
    return refuse_bound(place, "has in all more bytes than", REGISTRY_METADATA_BYTES_MAX, failure);
}

static enum status check_list(const ProtobufCFieldDescriptor *field, const struct check_bound *bound, const void *list,
                              size_t count, const struct place *place, struct status_failure *failure)
{
    if (bound == NULL || bound->count_max == 0)
        return refuse(place, STATUS_INVALID_ARGUMENT, "has no bound that this server knows", failure);
    if (count > bound->count_max)
        return refuse_bound(place, "has more elements than", bound->count_max, failure);
    const uint8_t *element = list;
    for (size_t i = 0; i < count; i++, element += element_size(field)) {
        struct place here = {place->parent, place->name, true, i};
        enum status status = check_value(field, bound, element, &here, failure);
        if (status != STATUS_OK)
            return status;
    }
    if (field->descriptor == &postern__v1__entry__descriptor)
        return check_metadata(list, count, place, failure);
    return STATUS_OK;
}

// Two kinds of fields are called `scopes`: needed scopes are exact names, granted ones may be wildcards.
static const struct check_bound *find_bound(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    static const struct check_bound needed = {"scopes", CHECK_SCOPE, ACCOUNT_SCOPE_MAX, ACCOUNT_SCOPES_PER_KEY_MAX};
    const struct check_bound *bound = check_bound_find(field->name);
    bool asks = message->descriptor == &postern__v1__verify_request__descriptor ||
                message->descriptor == &postern__v1__scope_alternatives__descriptor;
    return bound != NULL && bound->kind == CHECK_GRANT && asks ? &needed : bound;
}

static enum status check_message(const ProtobufCMessage *message, const struct place *place,
                                 struct status_failure *failure)
{
    if (message->n_unknown_fields > 0)
        return refuse(
            place, STATUS_UNIMPLEMENTED,
            "has a field that this server does not know; it is refused, because ignoring it could allow too much",
            failure);
    const uint8_t *base = (const uint8_t *)message;
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const void *member = base + field->offset;
        const void *quantifier = base + field->quantifier_offset;
        if (!is_set(field, member, quantifier))
            continue;
        struct place here = {place, field->name, false, 0};
        const struct check_bound *bound = find_bound(message, field);
        enum status status;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            const size_t *count = quantifier;
            const void *const *list = member;
            status = check_list(field, bound, *list, *count, &here, failure);
        } else {
            status = check_value(field, bound, member, &here, failure);
        }
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

enum status check_call(const char *name, const ProtobufCMessage *message, struct status_failure *failure)
{
    struct place top = {NULL, name, false, 0};
    return check_message(message, &top, failure);
}

// --- bytes that are not decoded yet: a list that is much too long must not get the memory for it, nor a field that
// comes again and again the time to merge it each time. Needs no memory itself

enum { REPETITIONS_MAX = 16 }; // of a field that is no list, where each one takes the place of the one before

static enum status search_message(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
                                  const struct place *place, struct status_failure *failure);

static enum status search_field(const ProtobufCFieldDescriptor *field, const struct codec_field *found,
                                const struct place *place, struct status_failure *failure)
{
    const struct check_bound *bound = place->indexed ? check_bound_find(field->name) : NULL;
    if (bound != NULL && place->index >= bound->count_max) {
        struct place list = {place->parent, place->name, false, 0};
        return refuse_bound(&list, "has more elements than", bound->count_max, failure);
    }
    if (!place->indexed && place->index >= REPETITIONS_MAX)
        return refuse_bound(place, "comes more often than", REPETITIONS_MAX, failure);
    if (field->type != PROTOBUF_C_TYPE_MESSAGE || !found->is_sized)
        return STATUS_OK;
    return search_message(field->descriptor, found->value, place, failure);
}

// It recurses as deep as messages lie in each other. That ends, because none of them holds itself.
static enum status search_message(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
                                  const struct place *place, struct status_failure *failure)
{
    size_t counts[FIELDS_MAX] = {0};
    struct codec_field found;
    while (codec_read_field(&bytes, &found)) {
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(descriptor, found.tag);
        size_t number = field != NULL ? (size_t)(field - descriptor->fields) : FIELDS_MAX;
        if (number >= FIELDS_MAX)
            continue;
        struct place here = {place, field->name, field->label == PROTOBUF_C_LABEL_REPEATED, counts[number]++};
        enum status status = search_field(field, &found, &here, failure);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

enum status check_excess(struct slice bytes, struct status_failure *failure)
{
    return search_message(&postern__v1__request__descriptor, bytes, NULL, failure);
}
