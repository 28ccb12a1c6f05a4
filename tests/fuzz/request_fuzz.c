// What a client sends: decoding within the budget, the walk over the bounds, packing again, and the salvage of the
// request_id from what does not decode.
#include <stdlib.h>

#include "record/record.h"
#include "rpc/call.h"
#include "rpc/check.h"
#include "rpc/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void check(struct arena *arena, const Postern__V1__Request *request)
{
    const struct route *route = route_find(request->call_case);
    struct status_failure failure = {.message = ""};
    struct slice packed;
    if (route == NULL)
        return;
    // Every member of the union is a pointer to a message.
    enum status status = check_call(route->name, &request->verify->base, &failure);
    demand(status == STATUS_OK || status == STATUS_INVALID_ARGUMENT || status == STATUS_UNIMPLEMENTED);
    demand(status == STATUS_OK || failure.field[0] != '\0');
    demand(slice_is_text(slice_text(failure.message)) && slice_is_text(slice_text(failure.field)));
    if (status == STATUS_OK && record_pack_message(&request->verify->base, arena, &packed))
        demand(packed.size <= CALL_BUDGET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_make(data, size);
    struct slice id = codec_salvage_id(bytes);
    demand(id.size == 0 || (id.data >= data && id.size <= size - (size_t)(id.data - data)));
    struct arena *arena = arena_new(CALL_DECODE_BUDGET);
    demand(arena != NULL);
    const Postern__V1__Request *request = codec_decode(arena, bytes);
    arena_set_budget(arena, CALL_BUDGET);
    struct status_failure failure = {.message = ""};
    demand(check_excess(bytes, &failure) == STATUS_OK || failure.field[0] != '\0');
    if (request != NULL) {
        (void)codec_has_unknown_call(request);
        check(arena, request);
    }
    arena_free(arena);
    return 0;
}
