// The daemon's rooms in one process and a temporary directory, behind real listeners, and a client that asks them.
//
// Threads: the fixture belongs to the test's thread. Requests and replies live in its arena until it is closed.
#ifndef SUPPORT_RPC_FIXTURE_H
#define SUPPORT_RPC_FIXTURE_H

#include "base/random.h"
#include "postern.pb-c.h"
#include "rpc/rpc.h"
#include "support/tempdir.h"
#include "usage/usage.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RPC_FIXTURE_CUSTOM_METERS = 1000,
    RPC_FIXTURE_TIMEOUT_MS = 20000,
    RPC_FIXTURE_ID_SIZE = 16,
    RPC_FIXTURE_TCP_URL_SIZE = 32,
    RPC_FIXTURE_METERS_TABLES = 3 + USAGE_TABLES
};

struct rpc_fixture {
    struct tempdir directory;
    struct log log;
    struct secret *secret;
    struct store *meters_store;
    struct meter_cache *meters;
    struct clock *clock;
    struct clock_source system;
    _Atomic uint64_t ahead_ms;      // of the system's time; a test may move it forward
    _Atomic uint64_t wall_ahead_ms; // the wall clock alone
    struct registry *registry;
    struct usage *usage;
    struct authorizer *authorizer;
    struct rpc *rpc;
    uint64_t max_custom_meters;
    struct rpc_options options;
    struct rpc_listener listeners[2];
    char url[PATH_MAX + 8];     // ipc, operator
    char path[PATH_MAX];        // of its socket
    char own_url[PATH_MAX + 8]; // of the fixture's client
    nng_socket client;
    struct arena *arena;
};

static inline void rpc_fixture_demand(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fixture: %s\n", what);
    abort();
}

static inline const char *rpc_fixture_join(struct rpc_fixture *fixture, const char *name)
{
    char *path = arena_alloc(fixture->arena, PATH_MAX);
    rpc_fixture_demand(path != NULL, "out of memory");
    return tempdir_join(&fixture->directory, name, path);
}

static inline uint64_t rpc_fixture_boot_ms(void *context)
{
    struct rpc_fixture *fixture = context;
    return fixture->system.boot_ms(fixture->system.context) + atomic_load(&fixture->ahead_ms);
}

static inline uint64_t rpc_fixture_wall_ms(void *context)
{
    struct rpc_fixture *fixture = context;
    return fixture->system.wall_ms(fixture->system.context) + atomic_load(&fixture->ahead_ms) +
           atomic_load(&fixture->wall_ahead_ms);
}

static inline void rpc_fixture_open_clock(struct rpc_fixture *fixture)
{
    struct clock_source source = {.boot_ms = rpc_fixture_boot_ms, .wall_ms = rpc_fixture_wall_ms, .context = fixture};
    fixture->system = clock_system_source();
    memcpy(source.boot_id, fixture->system.boot_id, sizeof source.boot_id);
    fixture->clock = clock_new(source, NULL);
    rpc_fixture_demand(fixture->clock != NULL, "no clock");
}

// Usage is written when a test ticks it (usage_tick) or closes.
static inline void rpc_fixture_open_usage(struct rpc_fixture *fixture)
{
    struct status_failure failure = {.message = ""};
    struct usage_options options = {.store = fixture->meters_store,
                                    .table_base = (unsigned)meter_table_count,
                                    .clock = fixture->clock,
                                    .log = &fixture->log,
                                    .retention_days = 90,
                                    .max_entries = 4096};
    rpc_fixture_demand(usage_open(&options, &fixture->usage, &failure) == STATUS_OK, failure.message);
}

static inline void rpc_fixture_open_state(struct rpc_fixture *fixture)
{
    static const char *tables[RPC_FIXTURE_METERS_TABLES];
    struct status_failure failure = {.message = ""};
    struct store_options store = {.path = rpc_fixture_join(fixture, "meters"),
                                  .tables = tables,
                                  .table_count = RPC_FIXTURE_METERS_TABLES,
                                  .map_size_bytes = (size_t)64 << 20,
                                  .max_readers = 64,
                                  .log = &fixture->log};
    struct registry_options registry = {.path = rpc_fixture_join(fixture, "registry"),
                                        .map_size_bytes = (size_t)64 << 20,
                                        .max_readers = 512,
                                        .default_prefix = slice_text("acme"),
                                        .log = &fixture->log};
    struct meter_options meters = {.log = &fixture->log, .max_custom = fixture->max_custom_meters};
    struct authorizer_options authorizer = {0};
    rpc_fixture_demand(meter_table_count + USAGE_TABLES == RPC_FIXTURE_METERS_TABLES, "other tables");
    memcpy(tables, meter_tables, meter_table_count * sizeof *tables);
    memcpy(tables + meter_table_count, usage_tables, sizeof usage_tables);
    const char *keyring = rpc_fixture_join(fixture, "keyring");
    rpc_fixture_demand(secret_open(keyring, true, &fixture->secret, NULL, &failure) == STATUS_OK, failure.message);
    rpc_fixture_demand(store_open(&store, &fixture->meters_store, &failure) == STATUS_OK, failure.message);
    rpc_fixture_open_clock(fixture);
    registry.secret = fixture->secret;
    registry.clock = meters.clock = authorizer.clock = fixture->clock;
    rpc_fixture_demand(registry_open(&registry, &fixture->registry, &failure) == STATUS_OK, failure.message);
    rpc_fixture_open_usage(fixture);
    authorizer.usage = fixture->usage;
    authorizer.registry = fixture->registry;
    meters.store = fixture->meters_store;
    rpc_fixture_demand(meter_open(&meters, &fixture->meters, &failure) == STATUS_OK, failure.message);
    authorizer.meters = fixture->meters;
    rpc_fixture_demand(authorizer_open(&authorizer, &fixture->authorizer, &failure) == STATUS_OK, failure.message);
}

// Fills the options for two ipc listeners; a test may change them before rpc_fixture_serve.
static inline void rpc_fixture_open(struct rpc_fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->directory = tempdir_make();
    fixture->log = (struct log){.level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO};
    fixture->arena = arena_new((size_t)256 << 20);
    rpc_fixture_demand(fixture->arena != NULL, "out of memory");
    fixture->max_custom_meters = RPC_FIXTURE_CUSTOM_METERS;
    rpc_fixture_open_state(fixture);
    (void)snprintf(fixture->url, sizeof fixture->url, "ipc://%s",
                   tempdir_join(&fixture->directory, "socket", fixture->path));
    (void)snprintf(fixture->own_url, sizeof fixture->own_url, "ipc://%s", rpc_fixture_join(fixture, "own"));
    fixture->listeners[0] = (struct rpc_listener){fixture->own_url, RPC_OPERATOR};
    fixture->listeners[1] = (struct rpc_listener){fixture->url, RPC_OPERATOR};
    fixture->options = (struct rpc_options){.listeners = fixture->listeners,
                                            .listener_count = 2,
                                            .transport = {.max_connections = 64,
                                                          .max_calls = 256,
                                                          .memory_max_bytes = (size_t)64 << 20,
                                                          .socket_mode = 0600},
                                            .registry = fixture->registry,
                                            .authorizer = fixture->authorizer,
                                            .meters = fixture->meters,
                                            .usage = fixture->usage,
                                            .secret = fixture->secret,
                                            .clock = fixture->clock,
                                            .log = &fixture->log};
}

static inline nng_socket rpc_fixture_dial(const char *url)
{
    nng_socket client;
    rpc_fixture_demand(nng_req0_open(&client) == 0, "no socket");
    rpc_fixture_demand(nng_socket_set_ms(client, NNG_OPT_RECVTIMEO, RPC_FIXTURE_TIMEOUT_MS) == 0 &&
                           nng_socket_set_ms(client, NNG_OPT_SENDTIMEO, RPC_FIXTURE_TIMEOUT_MS) == 0,
                       "no time-outs");
    rpc_fixture_demand(nng_dial(client, url, NULL, 0) == 0, "nobody answers");
    return client;
}

// A URL with a port that is free now.
static inline void rpc_fixture_tcp_url(char out[RPC_FIXTURE_TCP_URL_SIZE])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    rpc_fixture_demand(bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                           getsockname(fd, (struct sockaddr *)&address, &length) == 0,
                       "no port");
    close(fd);
    (void)snprintf(out, RPC_FIXTURE_TCP_URL_SIZE, "tcp://127.0.0.1:%u", ntohs(address.sin_port));
}

static inline void rpc_fixture_serve(struct rpc_fixture *fixture)
{
    struct status_failure failure = {.message = ""};
    rpc_fixture_demand(rpc_open(&fixture->options, &fixture->rpc, &failure) == STATUS_OK, failure.message);
    fixture->client = rpc_fixture_dial(fixture->own_url);
}

static inline void rpc_fixture_stop(struct rpc_fixture *fixture)
{
    nng_close(fixture->client);
    rpc_close(fixture->rpc);
    authorizer_close(fixture->authorizer);
    meter_close(fixture->meters);
    usage_close(fixture->usage);
    registry_close(fixture->registry);
    store_close(fixture->meters_store);
    clock_free(fixture->clock);
    secret_close(fixture->secret);
}

// Everything is closed and opened again on the same files.
static inline void rpc_fixture_restart(struct rpc_fixture *fixture)
{
    rpc_fixture_stop(fixture);
    rpc_fixture_open_state(fixture);
    fixture->options.registry = fixture->registry;
    fixture->options.authorizer = fixture->authorizer;
    fixture->options.meters = fixture->meters;
    fixture->options.usage = fixture->usage;
    fixture->options.secret = fixture->secret;
    fixture->options.clock = fixture->clock;
    rpc_fixture_serve(fixture);
}

static inline void rpc_fixture_close(struct rpc_fixture *fixture)
{
    rpc_fixture_stop(fixture);
    arena_free(fixture->arena);
    tempdir_remove(&fixture->directory);
}

// --- asking

static inline void *rpc_fixture_take(void *context, size_t size)
{
    return arena_alloc(context, size);
}

static inline void rpc_fixture_leave(void *context, void *memory)
{
    (void)context;
    (void)memory;
}

// The reply's bytes; empty when none came in time.
static inline struct slice rpc_fixture_exchange(struct rpc_fixture *fixture, nng_socket client, struct slice bytes)
{
    nng_msg *msg = NULL;
    struct slice reply = slice_empty();
    rpc_fixture_demand(nng_msg_alloc(&msg, bytes.size) == 0, "out of memory");
    if (bytes.size > 0)
        memcpy(nng_msg_body(msg), bytes.data, bytes.size);
    rpc_fixture_demand(nng_sendmsg(client, msg, 0) == 0, "cannot send");
    if (nng_recvmsg(client, &msg, 0) != 0)
        return reply;
    rpc_fixture_demand(arena_copy(fixture->arena, slice_make(nng_msg_body(msg), nng_msg_len(msg)), &reply), "memory");
    nng_msg_free(msg);
    return reply;
}

static inline Postern__V1__Reply *rpc_fixture_read(struct rpc_fixture *fixture, struct slice bytes)
{
    ProtobufCAllocator allocator = {rpc_fixture_take, rpc_fixture_leave, fixture->arena};
    rpc_fixture_demand(bytes.size > 0, "no reply");
    Postern__V1__Reply *reply = postern__v1__reply__unpack(&allocator, bytes.size, bytes.data);
    rpc_fixture_demand(reply != NULL && reply->status != NULL && reply->server_time_ms != 0, "the reply is broken");
    return reply;
}

static inline struct slice rpc_fixture_pack(struct rpc_fixture *fixture, const Postern__V1__Request *request)
{
    size_t size = postern__v1__request__get_packed_size(request);
    uint8_t *bytes = arena_alloc(fixture->arena, size);
    rpc_fixture_demand(bytes != NULL, "out of memory");
    return slice_make(bytes, postern__v1__request__pack(request, bytes));
}

static inline Postern__V1__Reply *rpc_fixture_ask(struct rpc_fixture *fixture, const Postern__V1__Request *request)
{
    return rpc_fixture_read(fixture,
                            rpc_fixture_exchange(fixture, fixture->client, rpc_fixture_pack(fixture, request)));
}

static inline ProtobufCBinaryData rpc_fixture_text(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

// A request with a fresh request_id.
static inline Postern__V1__Request rpc_fixture_request(struct rpc_fixture *fixture)
{
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    uint8_t *id = arena_alloc(fixture->arena, RPC_FIXTURE_ID_SIZE);
    rpc_fixture_demand(id != NULL, "out of memory");
    random_fill(id, RPC_FIXTURE_ID_SIZE);
    request.request_id = (ProtobufCBinaryData){RPC_FIXTURE_ID_SIZE, id};
    return request;
}

// --- what most tests need

static inline Postern__V1__Reply *rpc_fixture_put_tier(struct rpc_fixture *fixture, const char *name, uint64_t amount)
{
    Postern__V1__Request request = rpc_fixture_request(fixture);
    Postern__V1__PutTierRequest tier = POSTERN__V1__PUT_TIER_REQUEST__INIT;
    Postern__V1__Limit limit = POSTERN__V1__LIMIT__INIT;
    Postern__V1__Limit *limits[] = {&limit};
    limit.resource = rpc_fixture_text("requests");
    limit.amount = amount;
    limit.window_s = 3600;
    tier.tier = rpc_fixture_text(name);
    tier.limits = limits;
    tier.n_limits = 1;
    tier.is_default = true;
    request.call_case = POSTERN__V1__REQUEST__CALL_PUT_TIER;
    request.put_tier = &tier;
    return rpc_fixture_ask(fixture, &request);
}

static inline Postern__V1__Reply *rpc_fixture_put_account(struct rpc_fixture *fixture, const char *name)
{
    Postern__V1__Request request = rpc_fixture_request(fixture);
    Postern__V1__PutAccountRequest account = POSTERN__V1__PUT_ACCOUNT_REQUEST__INIT;
    account.account = rpc_fixture_text(name);
    account.no_default_public_key = true;
    request.call_case = POSTERN__V1__REQUEST__CALL_PUT_ACCOUNT;
    request.put_account = &account;
    return rpc_fixture_ask(fixture, &request);
}

static inline Postern__V1__Reply *rpc_fixture_create(struct rpc_fixture *fixture, const char *account, const char *name)
{
    Postern__V1__Request request = rpc_fixture_request(fixture);
    Postern__V1__CreateRequest create = POSTERN__V1__CREATE_REQUEST__INIT;
    create.account = rpc_fixture_text(account);
    create.name = rpc_fixture_text(name);
    request.call_case = POSTERN__V1__REQUEST__CALL_CREATE;
    request.create = &create;
    return rpc_fixture_ask(fixture, &request);
}

static inline Postern__V1__Reply *rpc_fixture_verify(struct rpc_fixture *fixture, ProtobufCBinaryData token)
{
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    verify.api_key = token;
    request.call_case = POSTERN__V1__REQUEST__CALL_VERIFY;
    request.verify = &verify;
    return rpc_fixture_ask(fixture, &request);
}

static inline Postern__V1__Reply *rpc_fixture_revoke(struct rpc_fixture *fixture, ProtobufCBinaryData key_id)
{
    Postern__V1__Request request = rpc_fixture_request(fixture);
    Postern__V1__RevokeRequest revoke = POSTERN__V1__REVOKE_REQUEST__INIT;
    revoke.which_case = POSTERN__V1__REVOKE_REQUEST__WHICH_KEY_ID;
    revoke.key_id = key_id;
    revoke.reason = rpc_fixture_text("leaked");
    request.call_case = POSTERN__V1__REQUEST__CALL_REVOKE;
    request.revoke = &revoke;
    return rpc_fixture_ask(fixture, &request);
}

static inline Postern__V1__Reply *rpc_fixture_health(struct rpc_fixture *fixture)
{
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    Postern__V1__HealthRequest health = POSTERN__V1__HEALTH_REQUEST__INIT;
    request.call_case = POSTERN__V1__REQUEST__CALL_HEALTH;
    request.health = &health;
    return rpc_fixture_ask(fixture, &request);
}

#endif
