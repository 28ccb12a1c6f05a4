// What a peer sends, as a connection takes it: the greeting, then frames, in pieces of any size. The first byte of an
// input chooses the address's kind, the second the sizes of pieces; the rest is what is received.
#include <stdlib.h>
#include <string.h>

#include "transport/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 300, FRAMES_MAX = 4096, CHOICE_SIZE = 2 };

static void demand(bool holds)
{
    if (!holds)
        abort();
}

// What came of it.
struct outcome {
    bool greeted;
    bool bad;
    size_t frames;
    size_t taken;   // bytes of the greeting and of whole frames
    size_t bad_at;  // bytes that were there when it turned out to be bad
    uint64_t check; // over ids and bodies
};

static uint64_t mix(uint64_t check, struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        check = (check ^ bytes.data[i]) * UINT64_C(1099511628211);
    return check + bytes.size;
}

static void check_part(const struct frame_format *format, struct slice bytes, const struct frame *frame)
{
    const size_t header = format->has_type ? 9 : 8;
    demand(frame->size <= header + FRAME_IDS_MAX + format->body_max);
    if (frame->size == 0) {
        demand(frame->ids.size == 0 && frame->body.size == 0);
        demand(bytes.size < FRAME_PREFIX_MAX); // a connection makes that much room for a frame that it knows nothing of
        return;
    }
    demand(frame->ids.data == bytes.data + header && frame->body.data == frame->ids.data + frame->ids.size);
    demand(frame->ids.size >= FRAME_ID_SIZE && frame->ids.size <= FRAME_IDS_MAX);
    demand(frame->ids.size % FRAME_ID_SIZE == 0);
    for (size_t i = 0; i < frame->ids.size; i += FRAME_ID_SIZE)
        demand((frame->ids.data[i] >= 0x80) == (i + FRAME_ID_SIZE == frame->ids.size));
    const uint8_t *end = frame->body.data + frame->body.size;
    demand(end <= bytes.data + bytes.size && frame->body.size <= format->body_max);
}

static void check_whole(const struct frame_format *format, struct slice bytes, const struct frame *frame)
{
    uint8_t prefix[FRAME_PREFIX_MAX];
    check_part(format, bytes, frame);
    const size_t size = frame_prefix_size(format, frame->ids.size);
    demand(size <= sizeof prefix && frame->size == size + frame->body.size && frame->size <= bytes.size);
    frame_write_prefix(format, frame->ids, frame->body.size, prefix);
    demand(memcmp(prefix, bytes.data, size) == 0);
}

// In memory of exactly its size, so that the sanitizer sees a read beyond it.
static enum frame_result parse(const struct frame_format *format, struct slice bytes, struct outcome *outcome,
                               size_t *size)
{
    struct frame frame;
    uint8_t *exact = malloc(bytes.size > 0 ? bytes.size : 1);
    demand(exact != NULL);
    if (bytes.size > 0)
        memcpy(exact, bytes.data, bytes.size);
    struct slice there = slice_make(exact, bytes.size);
    enum frame_result result = frame_parse(format, there, &frame);
    if (result == FRAME_WHOLE) {
        check_whole(format, there, &frame);
        outcome->check = mix(mix(outcome->check, frame.ids), frame.body);
        *size = frame.size;
    } else if (result == FRAME_PART) {
        demand(frame.size == 0 || frame.size > bytes.size);
        check_part(format, there, &frame);
    }
    free(exact);
    return result;
}

// Everything that is whole in the bytes that have come.
static void take_frames(const struct frame_format *format, struct slice all, size_t come, struct outcome *outcome)
{
    while (!outcome->bad && outcome->frames < FRAMES_MAX) {
        size_t size = 0;
        struct slice rest = slice_make(all.data + outcome->taken, come - outcome->taken);
        enum frame_result result = parse(format, rest, outcome, &size);
        if (result == FRAME_PART)
            return;
        outcome->bad = result == FRAME_BAD;
        outcome->taken += size;
        outcome->frames += outcome->bad ? 0 : 1;
    }
}

static void take_greeting(struct slice all, size_t come, struct outcome *outcome)
{
    enum frame_result result = frame_check_greeting(slice_make(all.data, come));
    outcome->bad = result == FRAME_BAD;
    outcome->greeted = result == FRAME_WHOLE;
    outcome->taken = outcome->greeted ? FRAME_GREETING_SIZE : 0;
}

// `pieces` is a seed; 0: all at once.
static struct outcome receive(const struct frame_format *format, struct slice all, uint32_t pieces)
{
    struct outcome outcome = {.bad = false};
    for (size_t come = 0; come < all.size && !outcome.bad;) {
        size_t piece = all.size - come;
        if (pieces > 0) {
            pieces = pieces * 1103515245 + 12345;
            const size_t wanted = 1 + (pieces >> 16) % (1u << (pieces >> 28));
            piece = wanted < piece ? wanted : piece;
        }
        come += piece;
        if (!outcome.greeted)
            take_greeting(all, come, &outcome);
        if (outcome.greeted)
            take_frames(format, all, come, &outcome);
        outcome.bad_at = outcome.bad ? come : 0;
    }
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CHOICE_SIZE)
        return 0;
    const struct frame_format format = {.has_type = (data[0] & 1) != 0, .body_max = BODY_MAX};
    struct slice all = slice_make(data + CHOICE_SIZE, size - CHOICE_SIZE);
    struct outcome whole = receive(&format, all, 0), pieces = receive(&format, all, data[1] + 1u);
    demand(whole.greeted == pieces.greeted && whole.bad == pieces.bad && whole.frames == pieces.frames);
    demand(whole.taken == pieces.taken && whole.check == pieces.check);
    demand(pieces.bad_at <= whole.bad_at);
    return 0;
}
