// Packs one Verify and finds where its charge_id is, so that each call costs a copy and no packing.
#include "sample.h"

#include <stdio.h>
#include <string.h>

#include "base/random.h"

bool sample_verify(const char *token, const char *scope, bool charged, struct sample *out)
{
    uint8_t id[WIRE_CHARGE_ID_SIZE];
    random_fill(id, sizeof id);
    *out = (struct sample){0};
    nng_msg *message = wire_verify(token, scope, charged ? id : NULL);
    const bool fits = message != NULL && nng_msg_len(message) <= sizeof out->bytes;
    if (fits) {
        out->size = nng_msg_len(message);
        memcpy(out->bytes, nng_msg_body(message), out->size);
    } else {
        fprintf(stderr, "postern-bench: no room for a request\n");
    }
    nng_msg_free(message);
    const uint8_t *found = fits && charged ? memmem(out->bytes, out->size, id, sizeof id) : NULL;
    if (found != NULL)
        out->charge_id_at = (size_t)(found - out->bytes);
    return fits;
}

void sample_copy(const struct sample *sample, uint8_t *out)
{
    memcpy(out, sample->bytes, sample->size);
    if (sample->charge_id_at > 0)
        random_fill(out + sample->charge_id_at, WIRE_CHARGE_ID_SIZE);
}

nng_msg *sample_make(void *context, uint64_t n)
{
    const struct sample *sample = context;
    nng_msg *message = NULL;
    (void)n;
    if (nng_msg_alloc(&message, sample->size) != 0)
        return NULL;
    sample_copy(sample, nng_msg_body(message));
    return message;
}

bool sample_check(void *context, uint64_t n, const uint8_t *reply, size_t size)
{
    (void)context;
    (void)n;
    return wire_is_allowed(reply, size);
}
