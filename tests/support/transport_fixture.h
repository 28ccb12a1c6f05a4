// The room transport alone, on an ipc and a tcp address, and something that serves: what a request wants is its first
// byte, and a number may follow.
//
//   e          the request comes back
//   o          so many requests had been served before it (8 bytes, big endian)
//   b NUMBER   so many bytes come back; transport_fixture_pattern says which
//   w          the request comes back from a thread of the fixture's own, the newest first
//   l          the same, a millisecond late
//   h          the request comes back when transport_fixture_release is called
//   g          waits in nng's thread until the gate is opened; comes back
//   s          how many requests this thread of nng's has served since its last gate (8 bytes)
// A request that is `overloaded` gets the one byte '!' back.
//
// Threads: the fixture belongs to the test's thread; the counters are anybody's.
#ifndef SUPPORT_TRANSPORT_FIXTURE_H
#define SUPPORT_TRANSPORT_FIXTURE_H

#include "support/free_port.h"
#include "support/stream_peer.h"
#include "support/tempdir.h"
#include "transport/transport.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>

enum { TRANSPORT_FIXTURE_WORKERS = 3, TRANSPORT_FIXTURE_REQUEST_MAX = 65536 };

struct transport_fixture_call {
    struct transport_return_path return_path;
    struct transport_fixture_call *older;
    size_t size;
    uint8_t body[];
};

struct transport_fixture {
    struct tempdir directory;
    struct log log;
    struct clock *clock;
    atomic_uint_fast64_t boot_ms; // of that clock: it stands, but for what a test adds
    char path[PATH_MAX];
    char ipc_url[PATH_MAX + 8];
    char tcp_url[32];
    const char *urls[2];
    struct stream_place ipc, tcp;
    struct transport_options options; // a test may change them before transport_fixture_serve
    struct transport *transport;
    atomic_size_t served, refused, replied, unheard;
    atomic_size_t served_by[3]; // ipc, tcp, TLS (transport_tls.h)
    pthread_t workers[TRANSPORT_FIXTURE_WORKERS];
    pthread_mutex_t lock; // of what follows
    pthread_cond_t changed;
    struct transport_fixture_call *queue; // for the workers
    struct transport_fixture_call *held;
    size_t held_count;
    size_t gated; // wait at the gate
    bool gate_is_open;
    bool ends;
};

static inline void transport_fixture_demand(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fixture: %s\n", what);
    abort();
}

// --- serving

static inline uint8_t transport_fixture_pattern(size_t at)
{
    return (uint8_t)(at * 131 >> 3);
}

static inline void transport_fixture_send(struct transport_fixture *fixture, struct transport_return_path *return_path,
                                          const void *body, size_t size)
{
    uint8_t *room = transport_reply_begin(return_path, size);
    if (room == NULL) {
        atomic_fetch_add(&fixture->unheard, 1);
        return;
    }
    if (size > 0)
        memcpy(room, body, size);
    atomic_fetch_add(&fixture->replied, 1);
    transport_reply_end(return_path, size);
}

static inline void transport_fixture_send_number(struct transport_fixture *fixture,
                                                 struct transport_return_path *return_path, uint64_t number)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    transport_fixture_send(fixture, return_path, bytes, sizeof bytes);
}

static inline void transport_fixture_send_pattern(struct transport_fixture *fixture,
                                                  struct transport_return_path *return_path, size_t size)
{
    uint8_t *room = transport_reply_begin(return_path, size);
    if (room == NULL) {
        atomic_fetch_add(&fixture->unheard, 1);
        return;
    }
    for (size_t i = 0; i < size; i++)
        room[i] = transport_fixture_pattern(i);
    atomic_fetch_add(&fixture->replied, 1);
    transport_reply_end(return_path, size);
}

static inline void transport_fixture_keep(struct transport_fixture *fixture, const struct transport_request *request,
                                          struct transport_fixture_call **list)
{
    struct transport_fixture_call *call = malloc(sizeof *call + request->bytes.size);
    transport_fixture_demand(call != NULL, "out of memory");
    call->return_path = request->return_path;
    call->size = request->bytes.size;
    memcpy(call->body, request->bytes.data, call->size);
    pthread_mutex_lock(&fixture->lock);
    call->older = *list;
    *list = call;
    fixture->held_count += list == &fixture->held ? 1 : 0;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
}

// The lock is held.
static inline struct transport_fixture_call *transport_fixture_take(struct transport_fixture_call **list)
{
    struct transport_fixture_call *call = *list;
    if (call != NULL)
        *list = call->older;
    return call;
}

static inline void transport_fixture_answer(struct transport_fixture *fixture, struct transport_fixture_call *call)
{
    if (call->body[0] == 'l')
        usleep(1000);
    transport_fixture_send(fixture, &call->return_path, call->body, call->size);
    free(call);
}

static inline void *transport_fixture_work(void *context)
{
    struct transport_fixture *fixture = context;
    pthread_mutex_lock(&fixture->lock);
    while (!fixture->ends || fixture->queue != NULL) {
        struct transport_fixture_call *call = transport_fixture_take(&fixture->queue);
        if (call == NULL) {
            pthread_cond_wait(&fixture->changed, &fixture->lock);
            continue;
        }
        pthread_mutex_unlock(&fixture->lock);
        transport_fixture_answer(fixture, call);
        pthread_mutex_lock(&fixture->lock);
    }
    pthread_mutex_unlock(&fixture->lock);
    return NULL;
}

static inline void transport_fixture_wait_at_gate(struct transport_fixture *fixture)
{
    pthread_mutex_lock(&fixture->lock);
    fixture->gated++;
    pthread_cond_broadcast(&fixture->changed);
    while (!fixture->gate_is_open)
        pthread_cond_wait(&fixture->changed, &fixture->lock);
    fixture->gated--;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
}

static inline size_t transport_fixture_number_of(const struct transport_request *request)
{
    size_t number = 0;
    for (size_t i = 1; i < request->bytes.size && i < 5; i++)
        number = number << 8 | request->bytes.data[i];
    return number;
}

static inline void transport_fixture_serve_one(void *context, const struct transport_request *request)
{
    static _Thread_local size_t since_gate;
    struct transport_fixture *fixture = context;
    struct transport_return_path return_path = request->return_path;
    const size_t before = atomic_fetch_add(&fixture->served, 1);
    atomic_fetch_add(&fixture->served_by[request->peer->listener], 1);
    const char kind = request->bytes.size > 0 ? (char)request->bytes.data[0] : 'e';
    since_gate++;
    if (request->overloaded) {
        atomic_fetch_add(&fixture->refused, 1);
        transport_fixture_send(fixture, &return_path, "!", 1);
    } else if (kind == 'o')
        transport_fixture_send_number(fixture, &return_path, before);
    else if (kind == 's')
        transport_fixture_send_number(fixture, &return_path, since_gate - 1);
    else if (kind == 'b')
        transport_fixture_send_pattern(fixture, &return_path, transport_fixture_number_of(request));
    else if (kind == 'w' || kind == 'l')
        transport_fixture_keep(fixture, request, &fixture->queue);
    else if (kind == 'h')
        transport_fixture_keep(fixture, request, &fixture->held);
    else {
        if (kind == 'g') {
            transport_fixture_wait_at_gate(fixture);
            since_gate = 1;
        }
        transport_fixture_send(fixture, &return_path, request->bytes.data, request->bytes.size);
    }
}

// --- what a test does with it

static inline void transport_fixture_set_gate(struct transport_fixture *fixture, bool is_open)
{
    pthread_mutex_lock(&fixture->lock);
    fixture->gate_is_open = is_open;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
}

static inline void transport_fixture_await_gated(struct transport_fixture *fixture, size_t count)
{
    pthread_mutex_lock(&fixture->lock);
    while (fixture->gated != count)
        pthread_cond_wait(&fixture->changed, &fixture->lock);
    pthread_mutex_unlock(&fixture->lock);
}

static inline void transport_fixture_await_held(struct transport_fixture *fixture, size_t count)
{
    pthread_mutex_lock(&fixture->lock);
    while (fixture->held_count < count)
        pthread_cond_wait(&fixture->changed, &fixture->lock);
    pthread_mutex_unlock(&fixture->lock);
}

// Answers all that is held, the newest first.
static inline void transport_fixture_release(struct transport_fixture *fixture)
{
    pthread_mutex_lock(&fixture->lock);
    for (struct transport_fixture_call *call; (call = transport_fixture_take(&fixture->held)) != NULL;) {
        fixture->held_count--;
        pthread_mutex_unlock(&fixture->lock);
        transport_fixture_answer(fixture, call);
        pthread_mutex_lock(&fixture->lock);
    }
    pthread_mutex_unlock(&fixture->lock);
}

// Until `holds` of its numbers, which is asked again and again. False: it never did.
static inline bool transport_fixture_came(struct transport_fixture *fixture,
                                          bool (*holds)(const struct transport_stats *stats, size_t number),
                                          size_t number)
{
    const uint64_t begin_ms = raw_peer_now_ms();
    while (raw_peer_now_ms() - begin_ms < STREAM_PEER_WAIT_MS) {
        struct transport_stats stats = transport_stats(fixture->transport);
        if (holds(&stats, number))
            return true;
        (void)poll(NULL, 0, 1);
    }
    return false;
}

static inline bool transport_fixture_has_connections(const struct transport_stats *stats, size_t number)
{
    return stats->connections == number;
}

static inline bool transport_fixture_has_calls(const struct transport_stats *stats, size_t number)
{
    return stats->calls_in_flight == number;
}

static inline size_t transport_fixture_descriptors(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    transport_fixture_demand(directory != NULL, "no /proc");
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

// One request to and fro.
static inline bool transport_fixture_is_served(const struct stream_peer *peer, uint32_t number)
{
    uint8_t body[16];
    struct stream_reply reply = {.body = body, .room = sizeof body};
    return stream_peer_ask(peer, number, "e, please", 9) && stream_peer_receive(peer, &reply) &&
           reply.number == number && reply.size == 9 && memcmp(body, "e, please", 9) == 0;
}

static inline bool transport_fixture_serves_new(struct stream_place place)
{
    struct stream_peer peer = stream_peer_dial(place);
    bool served = stream_peer_greet(&peer) && transport_fixture_is_served(&peer, 1);
    stream_peer_close(&peer);
    return served;
}

// --- opening and closing

static inline uint64_t transport_fixture_boot_ms(void *context)
{
    return atomic_load(&((struct transport_fixture *)context)->boot_ms);
}

static inline void transport_fixture_open(struct transport_fixture *fixture)
{
    struct clock_source source = clock_system_source();
    memset(fixture, 0, sizeof *fixture);
    fixture->directory = tempdir_make();
    fixture->log = (struct log){.level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO};
    fixture->boot_ms = source.boot_ms(source.context);
    source.boot_ms = transport_fixture_boot_ms;
    source.context = fixture;
    fixture->clock = clock_new(source, NULL);
    transport_fixture_demand(fixture->clock != NULL, "no clock");
    fixture->ipc.path = tempdir_join(&fixture->directory, "socket", fixture->path);
    fixture->tcp.port = free_port();
    (void)snprintf(fixture->ipc_url, sizeof fixture->ipc_url, "ipc://%s", fixture->path);
    (void)snprintf(fixture->tcp_url, sizeof fixture->tcp_url, "tcp://127.0.0.1:%u", fixture->tcp.port);
    fixture->urls[0] = fixture->ipc_url;
    fixture->urls[1] = fixture->tcp_url;
    fixture->options = (struct transport_options){.urls = fixture->urls,
                                                  .url_count = 2,
                                                  .socket_mode = 0600,
                                                  .request_max = TRANSPORT_FIXTURE_REQUEST_MAX,
                                                  .max_connections = 512,
                                                  .max_calls = 100000,
                                                  .memory_max_bytes = (size_t)64 << 20,
                                                  .clock = fixture->clock,
                                                  .log = &fixture->log,
                                                  .serve = transport_fixture_serve_one,
                                                  .context = fixture};
    pthread_mutex_init(&fixture->lock, NULL);
    pthread_cond_init(&fixture->changed, NULL);
    for (size_t i = 0; i < TRANSPORT_FIXTURE_WORKERS; i++)
        transport_fixture_demand(pthread_create(&fixture->workers[i], NULL, transport_fixture_work, fixture) == 0,
                                 "no thread");
}

static inline void transport_fixture_serve(struct transport_fixture *fixture)
{
    struct status_failure failure = {.message = ""};
    transport_fixture_demand(transport_open(&fixture->options, &fixture->transport, &failure) == STATUS_OK,
                             failure.message);
    transport_start(fixture->transport);
}

// Whether all calls had ended.
static inline bool transport_fixture_stop(struct transport_fixture *fixture)
{
    bool ended = transport_close(fixture->transport);
    fixture->transport = NULL;
    return ended;
}

// Nothing is in flight, nobody is there and no memory is taken when all peers have gone. What they asked last may only
// come to be held now.
static inline bool transport_fixture_is_idle(struct transport_fixture *fixture)
{
    const uint64_t begin_ms = raw_peer_now_ms();
    while (raw_peer_now_ms() - begin_ms < STREAM_PEER_WAIT_MS) {
        transport_fixture_release(fixture);
        struct transport_stats stats = transport_stats(fixture->transport);
        if (stats.calls_in_flight == 0 && stats.connections == 0)
            return transport_stats(fixture->transport).memory_bytes == 0;
        (void)poll(NULL, 0, 1);
    }
    return false;
}

static inline void transport_fixture_close(struct transport_fixture *fixture)
{
    transport_fixture_release(fixture);
    transport_fixture_demand(transport_fixture_stop(fixture), "a call did not end");
    pthread_mutex_lock(&fixture->lock);
    fixture->ends = true;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
    for (size_t i = 0; i < TRANSPORT_FIXTURE_WORKERS; i++)
        pthread_join(fixture->workers[i], NULL);
    pthread_cond_destroy(&fixture->changed);
    pthread_mutex_destroy(&fixture->lock);
    clock_free(fixture->clock);
    tempdir_remove(&fixture->directory);
}

#endif
