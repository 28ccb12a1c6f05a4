// Takes a command through the writer. Inside the batch's transaction it checks the caller's authority, looks up the
// idempotency record of the request_id, decides, and applies; after the commit it tells the caller. Commands of one
// batch see each other, and a refused one writes nothing: all that can fail comes before the first write. On a retry
// the caller gets the first reply, so a lost answer never means a second key.
#include "base/container.h"
#include "registry/apply/apply.h"
#include "registry/apply/idempotency.h"
#include "registry/decide/decide.h"

#include <inttypes.h>
#include <string.h>

static struct registry_command *command_of(struct store_job *job)
{
    return CONTAINER_OF(job, struct registry_command, job);
}

// A refused or failed command has no result; a token that it has made is not given out.
static void forget_result(struct registry_command *command)
{
    secret_wipe(&command->result, sizeof command->result);
    command->reply = slice_empty();
    command->is_retry = false;
}

// Returns the account on whose behalf it is done: the account of the credential's key. A uid acts for itself.
static struct slice account_of(const struct registry_caller *caller)
{
    return caller->key != NULL ? caller->key->account : caller->account;
}

// Does it change anything? What does not may be repeated at will, and so needs no record of its reply.
static bool has_change(const struct draft *draft)
{
    return draft->image_count > 0 || draft->idempotency_count > 0;
}

// A purge comes from no caller that could repeat it; each run finds the present state.
static bool is_repeatable(const struct registry_command *command)
{
    return command->kind != REGISTRY_PURGE;
}

// An account's own keys may write a share of the registry, whose changes are kept for ever. What ends keys always
// works.
static enum status check_share(struct registry_command *command, const struct registry *registry,
                               const struct apply_plan *plan)
{
    if (plan->written <= registry->share_bytes || command->job.urgent)
        return STATUS_OK;
    return status_fail(&command->failure, STATUS_RESOURCE_EXHAUSTED, NULL,
                       "this account's own keys have used up its share of the registry, %" PRIu64 " bytes of changes: "
                       "revoking and deleting go on; have an operator make the change, or raise --registry-map-size",
                       registry->share_bytes);
}

// Everything that needs memory comes before the first write, so that a command that fails has changed nothing.
static enum status carry_out(struct draft *draft)
{
    struct registry_command *command = draft->command;
    const struct registry *registry = draft->registry;
    struct apply_plan plan = {.is_applied = true};
    struct idempotency_plan idempotency;
    if (has_change(draft)) {
        struct change change = {.seq = draft->seq,
                                .time_ms = draft->now_ms,
                                .actor = command->caller.name,
                                .on_behalf_of = account_of(&command->caller),
                                .kind = command->kind,
                                .images = draft->images,
                                .image_count = draft->image_count,
                                .idempotency_before_ms = draft->idempotency_before_ms,
                                .idempotency_count = draft->idempotency_count};
        enum status status = apply_prepare(draft->txn, registry->secret, &change, registry->scratch, &plan);
        if (status == STATUS_OK)
            status = check_share(command, registry, &plan);
        if (status != STATUS_OK)
            return status;
        command->seq = draft->seq;
    }
    command->result.now_ms = draft->now_ms;
    if (!command->encode(command))
        return STATUS_RESOURCE_EXHAUSTED;
    if (is_repeatable(command) && has_change(draft)) {
        enum status status = idempotency_prepare(registry, draft->txn, command, draft->now_ms, &idempotency);
        if (status != STATUS_OK)
            return status;
        idempotency_write(draft->txn, &idempotency);
    }
    apply_write(draft->txn, &plan);
    return STATUS_OK;
}

static enum status check_request_id(struct registry_command *command)
{
    if (!is_repeatable(command) || command->request_id.size == REGISTRY_REQUEST_ID_SIZE)
        return STATUS_OK;
    return status_fail(&command->failure, STATUS_INVALID_ARGUMENT, "request_id",
                       "a call that changes something needs a request_id of %d random bytes, not %zu: it makes a retry "
                       "safe",
                       REGISTRY_REQUEST_ID_SIZE, command->request_id.size);
}

// Before the command's own time is read: see registry_complete_until_ms.
static void note_deciding(struct registry *registry)
{
    if (atomic_load(&registry->deciding_ms) == 0)
        atomic_store(&registry->deciding_ms, clock_now_ms(registry->clock));
}

static enum status execute(struct registry_command *command, struct store_txn *txn)
{
    struct registry *registry = command->registry;
    struct draft draft = {.registry = registry, .txn = txn, .command = command};
    draft.images = draft.room;
    note_deciding(registry);
    draft.now_ms = clock_now_ms(registry->clock);
    arena_reset(registry->scratch);
    enum status status = registry_seq(txn, &command->seq);
    if (status != STATUS_OK)
        return status;
    status = check_request_id(command);
    if (status != STATUS_OK)
        return status;
    draft.seq = command->seq + 1;
    status = decide_authority(&draft);
    if (status == STATUS_OK && is_repeatable(command))
        status = idempotency_find(registry, txn, command, draft.now_ms, &command->is_retry);
    if (status != STATUS_OK)
        return status;
    if (command->is_retry) {
        memset(&command->result, 0, sizeof command->result);
        return STATUS_OK;
    }
    status = decide_command(&draft);
    if (draft.counted.size > 0)
        apply_write_count(txn, draft.counted, &draft.count);
    return status == STATUS_OK ? carry_out(&draft) : status;
}

static void run(struct store_job *job, struct store_txn *txn)
{
    struct registry_command *command = command_of(job);
    uint64_t seq_before = 0;
    command->status = execute(command, txn);
    if (command->status != STATUS_OK) {
        forget_result(command);
        status_ignore(registry_seq(txn, &seq_before), "0 says that it is not known");
        command->seq = seq_before;
    }
    secret_wipe(command->random, sizeof command->random);
}

// Called on the writer thread, before the command is answered: a caller that hears of a sequence must find it.
static void raise_committed_seq(struct registry *registry, uint64_t seq)
{
    if (seq > atomic_load(&registry->committed_seq))
        atomic_store(&registry->committed_seq, seq);
}

static void done(struct store_job *job, enum status status)
{
    struct registry_command *command = command_of(job);
    // A refusal is not valid either: it may depend on a command of the same batch that was not kept.
    if (status != STATUS_OK) {
        forget_result(command);
        secret_wipe(command->random, sizeof command->random); // run may not have been called
        memset(&command->failure, 0, sizeof command->failure);
        command->seq = 0;
        command->status = status;
    }
    atomic_store(&command->registry->deciding_ms, 0); // all of the batch are committed, or none will be
    raise_committed_seq(command->registry, command->seq);
    command->status = state_explain(command->status, &command->failure);
    if (command->done != NULL)
        command->done(command);
}

// What ends a key, and switching one or an account off, must not wait for what others do, nor for room; a purge makes
// room.
static bool is_urgent(const struct registry_command *command)
{
    switch (command->kind) {
    case REGISTRY_REVOKE:
    case REGISTRY_REVOKE_ALL:
    case REGISTRY_DELETE:
    case REGISTRY_DELETE_ACCOUNT:
    case REGISTRY_PURGE:
        return true;
    case REGISTRY_UPDATE:
        return decide_mask_names(command, "enabled") && command->ask.update.key.facts.disabled;
    case REGISTRY_PUT_ACCOUNT:
        return command->ask.put_account.suspended;
    case REGISTRY_CREATE:
    case REGISTRY_PUT_TIER:
    case REGISTRY_ROLL:
    case REGISTRY_PUT_SCOPE:
    case REGISTRY_DELETE_SCOPE:
    case REGISTRY_DELETE_TIER:
    case REGISTRY_IMPORT:
    case REGISTRY_RESET_METERS:
        break;
    }
    return false;
}

static void prepare(struct registry *registry, struct registry_command *command)
{
    memset(&command->failure, 0, sizeof command->failure);
    memset(&command->result, 0, sizeof command->result);
    command->status = STATUS_OK;
    command->seq = 0;
    command->reply = slice_empty();
    command->is_retry = false;
    command->registry = registry;
    unsigned party = (unsigned)slice_hash(command->caller.name, 0);
    command->job = (struct store_job){.urgent = is_urgent(command), .party = party, .run = run, .done = done};
}

void registry_submit(struct registry *registry, struct registry_command *command)
{
    prepare(registry, command);
    store_submit(registry->store, &command->job);
}

enum status registry_run(struct registry *registry, struct registry_command *command)
{
    prepare(registry, command);
    enum status status = store_run(registry->store, &command->job);
    return state_explain(status == STATUS_OK ? command->status : status, &command->failure);
}
