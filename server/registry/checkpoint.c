// Signed checkpoints of the chain, written to the witness file.
#include "registry/chain.h"
#include "registry/witness.h"

static enum status read_head(struct registry *registry, struct record_head *out)
{
    struct store_txn *view = NULL;
    enum status status = registry_view_open(registry, &view);
    if (status == STATUS_OK)
        status = store_view_begin(view);
    if (status == STATUS_OK) {
        status = chain_read_head(view, out);
        store_view_end(view);
    }
    store_view_close(view);
    return status;
}

enum status registry_checkpoint(struct registry *registry, struct status_note *note)
{
    struct record_head head;
    if (registry->witness_path == NULL)
        return STATUS_OK;
    enum status status = read_head(registry, &head);
    if (status != STATUS_OK)
        return status_fail(note, status, NULL, "the registry's head cannot be read, so no checkpoint was written");
    if (head.seq == registry->witness_seq || head.seq == 0)
        return STATUS_OK;
    status = witness_write(registry->witness_path, registry->secret, &head, clock_now_ms(registry->clock), note);
    if (status == STATUS_OK)
        registry->witness_seq = head.seq;
    return status;
}

enum status registry_checkpoint_public(const struct registry *registry, uint8_t out[SECRET_PUBLIC_KEY_SIZE])
{
    return secret_checkpoint_public(registry->secret, secret_newest_id(registry->secret), out);
}
