// A request may need more memory than decoding may take, because a list is much too long. This file finds such a list
// in the bytes, without taking memory.
#include <stdio.h>

#include "postern.pb-c.h"
#include "rpc/check.h"
#include "rpc/codec.h"

enum { FIELDS_MAX = 64 };

struct search {
    struct status_note *note;
    char path[sizeof((struct status_note *)NULL)->field];
};

static enum status search_message(struct search *search, size_t used, const ProtobufCMessageDescriptor *descriptor,
                                  struct slice bytes);

// Adds one part to the path ("create", "create.scopes", "import.keys[3]") and returns its size.
static size_t extend(struct search *search, size_t used, const ProtobufCFieldDescriptor *field, size_t index)
{
    size_t room = sizeof search->path - used;
    const char *dot = used > 0 ? "." : "";
    int written = field->label == PROTOBUF_C_LABEL_REPEATED
                      ? snprintf(search->path + used, room, "%s%s[%zu]", dot, field->name, index)
                      : snprintf(search->path + used, room, "%s%s", dot, field->name);
    size_t size = written > 0 ? (size_t)written : 0;
    return used + (size < room ? size : room - 1); // cut where the room ends
}

static enum status refuse(struct search *search, size_t used, const ProtobufCFieldDescriptor *field, size_t max)
{
    (void)snprintf(search->path + used, sizeof search->path - used, "%s%s", used > 0 ? "." : "", field->name);
    return status_fail(search->note, STATUS_INVALID_ARGUMENT, search->path, "%s has more elements than %zu",
                       search->path, max);
}

static enum status search_field(struct search *search, size_t used, const ProtobufCFieldDescriptor *field, size_t index,
                                const struct codec_field *found)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        const struct check_rule *rule = check_rule_find(field->name);
        if (rule != NULL && index >= rule->count_max)
            return refuse(search, used, field, rule->count_max);
    }
    if (field->type != PROTOBUF_C_TYPE_MESSAGE || !found->is_sized)
        return STATUS_OK;
    return search_message(search, extend(search, used, field, index), field->descriptor, found->value);
}

// Goes as deep as messages are nested, which is bounded: no message contains itself.
static enum status search_message(struct search *search, size_t used, const ProtobufCMessageDescriptor *descriptor,
                                  struct slice bytes)
{
    size_t counts[FIELDS_MAX] = {0};
    struct codec_field found;
    while (codec_read_field(&bytes, &found)) {
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(descriptor, found.tag);
        size_t place = field != NULL ? (size_t)(field - descriptor->fields) : FIELDS_MAX;
        if (place >= FIELDS_MAX)
            continue;
        enum status status = search_field(search, used, field, counts[place]++, &found);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

enum status check_excess(struct slice bytes, struct status_note *note)
{
    struct search search = {.note = note};
    return search_message(&search, 0, &postern__v1__request__descriptor, bytes);
}
