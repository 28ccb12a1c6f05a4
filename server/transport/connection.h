// Room-private: one connection, as its parts see it: receive.c receives, input.c serves what was received, output.c
// sends; admit.c makes it, connection.c ends it.
//
// THE TWO ROLES. Somebody always holds the *reading* role: nng while a receive is outstanding, or the callback while it
// serves. The role rests (`paused`) while there is too much output; the sender takes it up again. The *sending* role
// exists while there is something to send. Each role holds one reference, each request in flight one more. An operation
// that is started on a stream which is closed at that moment never ends by itself (nng 1.5.2). So a thread that starts
// one keeps a reference until it has looked at the connection again, and aborts the operation if it was closed.
#ifndef TRANSPORT_CONNECTION_H
#define TRANSPORT_CONNECTION_H

#include "transport/internal.h"

struct transport_connection {
    struct transport *transport;
    struct transport_links links;
    struct transport_peer peer;
    struct frame_format format;
    nng_stream *stream;
    nng_aio *receive_aio;
    nng_aio *send_aio;
    nng_aio *try_aio;        // without a callback
    nng_aio *poll_aio;       // without a callback
    struct tls_session *tls; // NULL without TLS
    atomic_uint holders;
    atomic_bool closed;
    atomic_bool greeted;
    atomic_uint calls; // in flight

    // Used by the holder of the reading role.
    struct buffer in;
    struct buffer cipher; // bytes as received, with TLS
    uint64_t skip;        // remaining bytes of a request that was refused already
    uint64_t began_ms;    // when the connection, or later the frame that is not whole, began; monotonic; 0 = neither
                          // (nobody without a seat stays for longer than a greeting may take)
    atomic_uint_fast64_t received_ms; // by clock_boot_ms; others only read it
    unsigned small_reads;             // in a row
    unsigned served;                  // requests, since the present thread has taken up the role
    unsigned polls;                   // how many polls are worth while; 0 = none
    unsigned unpolled;                // receives without polling
    bool reads_filled;                // the last receive has filled the buffer
    atomic_bool seated;               // it counts among max_connections; whoever sets it to false has its seat
    size_t caller;                    // index of its seats
    bool beyond_max;                  // it came when all seats were taken: it is told so and closed

    pthread_mutex_t lock;  // guards what follows
    struct buffer filling; // replies that wait
    struct buffer flying;  // bytes that are being sent
    bool sending;
    bool serving; // the reading role is serving, and will look afterwards whether there is something to send
    bool paused;
    bool hang_up; // close the connection when everything has left
};

// --- input.c

enum input_next {
    INPUT_RECEIVE,
    INPUT_AGAIN,   // go on after other connections
    INPUT_HANG_UP, // close when all replies have left
    INPUT_ENDED,   // begin no more; the connection ends when its requests in flight are answered
    INPUT_STOP     // close at once
};
// Serves the requests that were received, at most TRANSPORT_TURN_MAX.
enum input_next input_serve(struct transport_connection *connection);

// --- receive.c

// Starts a receive and hands the reading role, which the caller holds, to nng.
void receive_begin(struct transport_connection *connection);
void receive_done(void *connection); // callback of receive_aio
// --- output.c

// Sends what waits, unless somebody is sending already.
void output_flush(struct transport_connection *connection);
void output_sent(void *connection); // callback of send_aio
// Does more than the mark wait? Then the reading role rests, and the caller's reference for it has gone.
bool output_pauses(struct transport_connection *connection);
bool output_is_over_mark(struct transport_connection *connection);

// --- connection.c

enum { TRANSPORT_BUFFER_SMALL = 4096 }; // a connection that is idle or asks little keeps this much

// Aborts an operation that has just been started, when the connection was closed meanwhile.
void connection_started(struct transport_connection *connection, nng_aio *aio);
// Takes one of max_connections seats, if it has none. False when all are taken, and nobody has to give one up. For the
// holder of the reading role.
bool connection_sit_down(struct transport_connection *connection);
// Has receive_done called again without a receive, behind the callbacks of others that wait. The caller holds a
// reference for the reading role.
void connection_read_again(struct transport_connection *connection);
void connection_end_call(struct transport_connection *connection);

#endif
