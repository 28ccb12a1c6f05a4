// Sets of a record what a command names in its mask, and leaves the rest as it is.
#include "registry/decide/decide.h"

#include "record/record.h"

bool decide_mask_names(const struct registry_command *command, const char *field)
{
    size_t i = 0;
    while (i < command->mask_count && !slice_equal(command->mask[i], slice_text(field)))
        i++;
    return i < command->mask_count;
}

void decide_set_masked(const struct draft *draft, enum registry_record_kind kind, const void *asked, void *record)
{
    const struct registry_command *command = draft->command;
    const struct record_schema *schema = registry_schema(kind);
    if (command->mask_count == 0)
        memcpy(record, asked, schema->size);
    for (size_t i = 0; i < command->mask_count; i++)
        record_copy_field(schema, command->mask[i], asked, record);
}
