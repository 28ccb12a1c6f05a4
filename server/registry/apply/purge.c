// Purges for the scheduler. A purge is a command like any other, so this file makes one, submits it and waits for its
// commit; decide/purge.c says what is removed. Each call does a bounded part, so the writer is never held up for long.
#include "registry/state.h"

#include <string.h>

enum { PURGE_ARENA_BYTES = 64 * 1024 };

static bool encode_nothing(struct registry_command *command)
{
    command->reply = slice_empty();
    return true;
}

static enum status run(struct registry *registry, struct registry_command *command, struct status_failure *failure)
{
    enum status status = registry_run(registry, command);
    return status == STATUS_OK ? status : status_fail(failure, status, NULL, "%s", command->failure.message);
}

static bool begin(struct registry_command *command, struct status_failure *failure)
{
    *command = (struct registry_command){.kind = REGISTRY_PURGE,
                                         .caller = {.name = slice_text("posternd"), .is_operator = true},
                                         .encode = encode_nothing};
    command->arena = arena_new(PURGE_ARENA_BYTES);
    if (command->arena == NULL)
        status_ignore(status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "no memory"), "the caller says so");
    return command->arena != NULL;
}

enum status registry_purge_some(struct registry *registry, uint64_t dead_before_ms, struct registry_purge_walk *walk,
                                struct status_failure *failure)
{
    struct registry_command command;
    if (!begin(&command, failure))
        return STATUS_RESOURCE_EXHAUSTED;
    command.ask.purge = (struct registry_purge){
        .dead_before_ms = dead_before_ms, .max = REGISTRY_PURGE_MAX, .after_set = walk->after_set};
    memcpy(command.ask.purge.after, walk->after, sizeof walk->after);
    enum status status = run(registry, &command, failure);
    if (status == STATUS_OK) {
        const struct registry_purge_result *result = &command.result.purge;
        walk->count += result->count;
        walk->after_set = result->more;
        memcpy(walk->after, result->last, sizeof walk->after);
    }
    arena_free(command.arena);
    return status;
}

enum status registry_purge_idempotency(struct registry *registry, size_t min, size_t *count,
                                       struct status_failure *failure)
{
    struct registry_command command;
    *count = 0;
    if (!begin(&command, failure))
        return STATUS_RESOURCE_EXHAUSTED;
    command.ask.purge.idempotency_min = min;
    enum status status = run(registry, &command, failure);
    if (status == STATUS_OK)
        *count = command.result.purge.idempotency_count;
    arena_free(command.arena);
    return status;
}
