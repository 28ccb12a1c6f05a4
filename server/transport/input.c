// The receiving half of a connection. It parses all requests that have come, in place, and serves one after the other;
// replies that come at once are sent together (output.c).
#include <string.h>

#include "transport/connection.h"

static bool is_overloaded(struct transport_connection *connection)
{
    struct transport *transport = connection->transport;
    const struct transport_options *options = &transport->options;
    connection->beyond_max = !connection_sit_down(connection);
    return connection->beyond_max ||
           atomic_load_explicit(&connection->calls, memory_order_relaxed) >= TRANSPORT_CONNECTION_CALLS ||
           atomic_load_explicit(&transport->calls, memory_order_relaxed) >= options->max_calls ||
           transport_memory_is_over(transport, 3);
}

_Static_assert((int)TRANSPORT_IDS_MAX == (int)FRAME_IDS_MAX, "the ids of a frame fit the way back");

static void begin_request(struct transport_connection *connection, const struct frame *frame, bool overloaded)
{
    struct transport *transport = connection->transport;
    struct transport_request request = {
        .bytes = frame->body,
        .peer = &connection->peer,
        .return_path = {.connection = connection, .ids_size = frame->ids.size},
        .received_ms = atomic_load_explicit(&connection->received_ms, memory_order_relaxed),
        .overloaded = overloaded,
    };
    memcpy(request.return_path.ids, frame->ids.data, frame->ids.size);
    transport_count(transport, COUNT_REQUESTS);
    if (overloaded)
        transport_count(transport, COUNT_OVERLOADED);
    atomic_fetch_add(&connection->calls, 1);
    atomic_fetch_add(&transport->calls, 1);
    atomic_fetch_add(&connection->holders, 1);
    transport->options.serve(transport->options.context, &request);
}

// Decrypts more bytes, if there are any.
static bool refill(struct transport_connection *connection)
{
    struct buffer *in = &connection->in;
    if (connection->tls == NULL || !buffer_reserve(in, 1))
        return false;
    size_t got = tls_session_read(connection->tls, in->data + in->end, buffer_room(in));
    in->end += got;
    return got > 0;
}

// Makes room for all of a frame that is not whole. When memory is out, its request is refused at once and the rest of
// the frame is skipped.
static enum input_next prepare(struct transport_connection *connection, const struct frame *frame)
{
    struct buffer *in = &connection->in;
    size_t size = frame->size > 0 ? frame->size : FRAME_PREFIX_MAX;
    if (size <= in->capacity || !transport_memory_is_over(connection->transport, 2)) {
        if (size <= buffer_size(in) || buffer_reserve(in, size - buffer_size(in)))
            return INPUT_RECEIVE;
    }
    if (frame->size == 0)
        return INPUT_RECEIVE; // a small buffer has room for a prefix
    begin_request(connection, frame, true);
    connection->skip = frame->size - buffer_size(in);
    buffer_take(in, buffer_size(in));
    return INPUT_RECEIVE;
}

static void skip(struct transport_connection *connection)
{
    size_t there = buffer_size(&connection->in);
    size_t size = connection->skip < there ? (size_t)connection->skip : there;
    if (size > 0)
        buffer_take(&connection->in, size);
    connection->skip -= size;
    if (size > 0 && connection->skip == 0)
        connection->began_ms = 0;
}

static enum input_next greet(struct transport_connection *connection)
{
    enum frame_result result;
    while ((result = frame_check_greeting(buffer_bytes(&connection->in))) == FRAME_PART && refill(connection))
        continue;
    if (result == FRAME_BAD) {
        transport_count(connection->transport, COUNT_NO_GREETING);
        return INPUT_STOP;
    }
    if (result == FRAME_WHOLE) {
        buffer_take(&connection->in, FRAME_GREETING_SIZE);
        if (connection_sit_down(connection))
            connection->began_ms = 0;
        atomic_store(&connection->greeted, true);
    }
    return INPUT_RECEIVE;
}

// Takes the first frame, and decrypts more for it if need be. PART: `next` says how to go on.
static enum frame_result take_frame(struct transport_connection *connection, struct frame *frame, enum input_next *next)
{
    enum frame_result result;
    skip(connection);
    while ((result = frame_parse(&connection->format, buffer_bytes(&connection->in), frame)) == FRAME_PART) {
        *next = prepare(connection, frame);
        if (!refill(connection))
            break;
        skip(connection);
    }
    return result;
}

static enum input_next serve_frames(struct transport_connection *connection)
{
    for (unsigned served = 0;; served++) {
        struct frame frame;
        enum input_next next = INPUT_RECEIVE;
        if (connection->beyond_max)
            return INPUT_HANG_UP;
        if (atomic_load(&connection->transport->input_ended))
            return INPUT_ENDED;
        if (output_is_over_mark(connection))
            return INPUT_AGAIN;
        switch (take_frame(connection, &frame, &next)) {
        case FRAME_PART:
            return next;
        case FRAME_BAD:
            transport_count(connection->transport, COUNT_BAD_FRAME);
            return INPUT_STOP;
        case FRAME_WHOLE:
            break;
        }
        if (served == TRANSPORT_TURN_MAX)
            return INPUT_AGAIN;
        begin_request(connection, &frame, is_overloaded(connection));
        connection->served++;
        buffer_take(&connection->in, frame.size);
        connection->began_ms = 0;
    }
}

enum input_next input_serve(struct transport_connection *connection)
{
    enum input_next next = INPUT_RECEIVE;
    (void)refill(connection);
    if (!atomic_load_explicit(&connection->greeted, memory_order_relaxed))
        next = greet(connection);
    if (next != INPUT_STOP && atomic_load_explicit(&connection->greeted, memory_order_relaxed))
        next = serve_frames(connection);
    return next;
}
