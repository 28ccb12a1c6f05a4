// Room-private: one connection, as its parts see it: receive.c receives, input.c serves what was
// received, output.c sends; connection.c is its life.
//
// THE TWO ROLES. Somebody always holds the *reading* role: nng while a receive is outstanding, the callback while it
// serves; or the role rests (`paused`), because there is too much output, and whoever sends takes it up again. The
// *sending* role exists while there is something to send. Each role holds one reference, each request in flight one
// more. An operation that is started on a stream which is closed at that moment never ends by itself (nng 1.5.2): so
// whoever starts one holds a reference until it has looked again, and aborts it then.
#ifndef TRANSPORT_CONNECTION_H
#define TRANSPORT_CONNECTION_H

#include "transport/internal.h"

struct transport_connection {
    struct transport *transport;
    struct transport_links links;
    struct transport_peer peer;
    struct frame_rule rule;
    nng_stream *stream;
    nng_aio *receive_aio;
    nng_aio *send_aio;
    nng_aio *try_aio;        // without a callback
    nng_aio *poll_aio;       // likewise
    struct tls_session *tls; // NULL without
    atomic_uint holders;
    atomic_bool closed;
    atomic_bool greeted;
    atomic_uint calls; // in flight

    // The reading role's.
    struct buffer in;
    struct buffer cipher; // as received, with TLS
    uint64_t skip;        // bytes of a request that is refused already
    uint64_t began_ms;    // when the connection came, then when the frame that is not whole did; monotonic; 0 = none
                          // (nobody without a seat stays for longer than a greeting may take)
    uint64_t received_ms; // daemon time
    unsigned small_reads; // in a row
    unsigned served;      // requests, since the thread that holds the role took it up
    unsigned polls;       // how often it is worth polling; 0 = not at all
    unsigned unpolled;    // receives without
    bool reads_filled;    // the last one filled the buffer
    bool seated;          // counts among max_connections
    bool surplus;         // asked when all seats were taken: has been told so, and is closed

    pthread_mutex_t lock;  // of what follows
    struct buffer filling; // replies that wait
    struct buffer flying;  // what is being sent
    bool sending;
    bool serving; // the reading role looks whether there is something to send when it has served
    bool paused;
    bool hang_up; // closes when everything has left
};

// --- input.c

enum input_next {
    INPUT_RECEIVE,
    INPUT_AGAIN,   // others first
    INPUT_HANG_UP, // when what was answered has left
    INPUT_REST,    // begins nothing more; goes when what is in flight has been answered
    INPUT_STOP
};
// Serves what has been received, at most TRANSPORT_BATCH_MAX requests.
enum input_next input_serve(struct transport_connection *connection);

// --- receive.c

// The caller holds the reading role; from here on it is nng's.
void receive_begin(struct transport_connection *connection);
void receive_done(void *connection); // callback of receive_aio
// As if nothing had been received: receive_done comes again, behind those of others that wait. The caller holds a
// reference for the reading role.
void receive_again(struct transport_connection *connection);

// --- output.c

// Sends what waits, if nobody does yet.
void output_flush(struct transport_connection *connection);
void output_sent(void *connection); // callback of send_aio
// More than the mark waits. Then the reading role rests, and the caller's reference to it has gone.
bool output_pauses(struct transport_connection *connection);
bool output_is_over_mark(struct transport_connection *connection);

// --- connection.c

enum { TRANSPORT_BUFFER_SMALL = 4096 }; // what a connection that is idle or asks little keeps

// Aborts an operation that has just been started, when the connection was closed meanwhile.
void connection_settle(struct transport_connection *connection, nng_aio *aio);
// Has one of max_connections seats from now on, if one is free. The reading role's.
bool connection_sit_down(struct transport_connection *connection);
void connection_end_call(struct transport_connection *connection);

#endif
