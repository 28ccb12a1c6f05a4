// A registry in a temporary directory with a keyring and a clock that the test moves, and commands that it can wait
// for.
//
// An ask is one command with everything that it needs; it lives until the fixture is removed.
// Threads: the fixture belongs to the test's thread; only the clock is read by the writer.
#ifndef SUPPORT_REGISTRY_FIXTURE_H
#define SUPPORT_REGISTRY_FIXTURE_H

#include "base/random.h"
#include "registry/registry.h"
#include "support/tempdir.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { FIXTURE_START_MS = 1700000000, FIXTURE_ARENA_BYTES = 1024 * 1024 };

struct ask {
    struct registry_command command;
    sem_t finished;
    sem_t *started;     // posted by encode, if set
    sem_t *release;     // awaited by encode, if set: holds the writer
    bool out_of_memory; // encode fails
    struct ask *next;   // the fixture's
};

struct registry_fixture {
    struct tempdir directory;
    char path[PATH_MAX];
    char keyring[PATH_MAX];
    _Atomic uint64_t now_ms;
    const char *witness_path; // given to each open; NULL: none
    uint64_t idempotency_retention_ms;
    size_t map_size_bytes; // 0: 256 MiB
    struct clock *clock;
    struct secret *secret;
    struct registry *registry;
    struct store_txn *view;
    struct arena *arena; // for what is found
    struct ask *asks;
};

static inline uint64_t fixture_read_ms(void *context)
{
    struct registry_fixture *fixture = context;
    return atomic_load(&fixture->now_ms);
}

static inline void fixture_demand(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fixture: %s\n", what);
    abort();
}

static inline enum status fixture_try_open(struct registry_fixture *fixture, struct status_failure *failure)
{
    struct registry_options options = {.path = fixture->path,
                                       .map_size_bytes =
                                           fixture->map_size_bytes > 0 ? fixture->map_size_bytes : (size_t)256 << 20,
                                       .max_readers = 8,
                                       .secret = fixture->secret,
                                       .clock = fixture->clock,
                                       .default_prefix = slice_text("acme"),
                                       .witness_path = fixture->witness_path,
                                       .idempotency_retention_ms = fixture->idempotency_retention_ms};
    return registry_open(&options, &fixture->registry, failure);
}

static inline void fixture_open(struct registry_fixture *fixture)
{
    struct status_failure failure = {.message = ""};
    enum status status = fixture_try_open(fixture, &failure);
    fixture_demand(status == STATUS_OK, failure.message);
    fixture_demand(registry_view_open(fixture->registry, &fixture->view) == STATUS_OK, "no view");
    fixture_demand(store_view_begin(fixture->view) == STATUS_OK, "the view does not begin");
}

static inline void fixture_close(struct registry_fixture *fixture)
{
    store_view_close(fixture->view);
    fixture->view = NULL;
    registry_close(fixture->registry);
    fixture->registry = NULL;
}

static inline void fixture_open_secret(struct registry_fixture *fixture, const char *name)
{
    struct status_failure failure = {.message = ""};
    secret_close(fixture->secret);
    tempdir_join(&fixture->directory, name, fixture->keyring);
    fixture_demand(secret_open(fixture->keyring, true, &fixture->secret, NULL, &failure) == STATUS_OK, failure.message);
}

static inline void fixture_make(struct registry_fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->directory = tempdir_make();
    atomic_store(&fixture->now_ms, FIXTURE_START_MS);
    tempdir_join(&fixture->directory, "registry", fixture->path);
    struct clock_source source = {.boot_ms = fixture_read_ms, .wall_ms = fixture_read_ms, .context = fixture};
    fixture->clock = clock_new(source, NULL);
    fixture->arena = arena_new((size_t)64 * 1024 * 1024);
    fixture_demand(fixture->clock != NULL && fixture->arena != NULL, "no memory");
    fixture_open_secret(fixture, "secrets/keyring");
    fixture_open(fixture);
}

static inline void fixture_remove(struct registry_fixture *fixture)
{
    fixture_close(fixture);
    for (struct ask *ask = fixture->asks, *next; ask != NULL; ask = next) {
        next = ask->next;
        sem_destroy(&ask->finished);
        arena_free(ask->command.arena);
        free(ask);
    }
    arena_free(fixture->arena);
    secret_close(fixture->secret);
    clock_free(fixture->clock);
    tempdir_remove(&fixture->directory);
}

static inline void fixture_wait(struct registry_fixture *fixture, uint64_t span_ms)
{
    atomic_fetch_add(&fixture->now_ms, span_ms);
}

// What was committed up to now becomes visible in the view.
static inline struct store_txn *fixture_look(struct registry_fixture *fixture)
{
    store_view_end(fixture->view);
    fixture_demand(store_view_begin(fixture->view) == STATUS_OK, "the view does not begin");
    return fixture->view;
}

// --- asks

// The reply names the sequence and shows the token, like a real one.
static inline bool ask_encode(struct registry_command *command)
{
    struct ask *ask = command->context;
    if (ask->started != NULL)
        sem_post(ask->started);
    if (ask->release != NULL)
        sem_wait(ask->release);
    char *text = arena_alloc(command->arena, 512);
    if (text == NULL || ask->out_of_memory)
        return false;
    int size = snprintf(text, 512, "seq %llu at %llu token %.*s", (unsigned long long)command->seq,
                        (unsigned long long)command->result.now_ms, SLICE_ARGS(command->result.token));
    command->reply = slice_make(text, (size_t)size);
    return true;
}

static inline void ask_done(struct registry_command *command)
{
    struct ask *ask = command->context;
    sem_post(&ask->finished);
}

// An operator's ask with a fresh request_id.
static inline struct ask *ask_new(struct registry_fixture *fixture, enum registry_command_kind kind)
{
    struct ask *ask = calloc(1, sizeof *ask);
    fixture_demand(ask != NULL && sem_init(&ask->finished, 0, 0) == 0, "no memory");
    ask->next = fixture->asks;
    fixture->asks = ask;
    struct registry_command *command = &ask->command;
    command->arena = arena_new(FIXTURE_ARENA_BYTES);
    fixture_demand(command->arena != NULL, "no memory");
    command->kind = kind;
    command->caller = (struct registry_caller){.name = slice_text("uid:0"), .is_operator = true};
    uint8_t *request_id = arena_alloc(command->arena, REGISTRY_REQUEST_ID_SIZE);
    random_fill(request_id, REGISTRY_REQUEST_ID_SIZE);
    command->request_id = slice_make(request_id, REGISTRY_REQUEST_ID_SIZE);
    memset(command->call_digest, (int)kind, sizeof command->call_digest);
    random_fill(command->random, sizeof command->random);
    command->encode = ask_encode;
    command->done = ask_done;
    command->context = ask;
    return ask;
}

static inline struct slice ask_copy(struct ask *ask, const char *text)
{
    struct slice copy;
    fixture_demand(arena_copy(ask->command.arena, slice_text(text), &copy), "no memory");
    return copy;
}

// A repetition: the same caller, request_id and call, other random bytes.
static inline struct ask *ask_again(struct registry_fixture *fixture, const struct ask *first)
{
    struct ask *ask = ask_new(fixture, first->command.kind);
    ask->command.caller = first->command.caller;
    ask->command.request_id = first->command.request_id;
    ask->command.if_version = first->command.if_version;
    ask->command.ask = first->command.ask;
    memcpy(ask->command.call_digest, first->command.call_digest, sizeof ask->command.call_digest);
    return ask;
}

static inline void ask_start(struct registry_fixture *fixture, struct ask *ask)
{
    registry_submit(fixture->registry, &ask->command);
}

static inline enum status ask_wait(struct ask *ask)
{
    sem_wait(&ask->finished);
    return ask->command.status;
}

static inline enum status ask_run(struct registry_fixture *fixture, struct ask *ask)
{
    ask_start(fixture, ask);
    return ask_wait(ask);
}

static inline struct ask *ask_for_tier(struct registry_fixture *fixture, const char *name, bool is_default)
{
    struct ask *ask = ask_new(fixture, REGISTRY_PUT_TIER);
    struct limit *limit = arena_array(ask->command.arena, 1, sizeof *limit);
    *limit = (struct limit){
        .resource = slice_text("requests"), .algorithm = LIMIT_SLIDING_WINDOW, .amount = 60, .window_s = 60};
    ask->command.ask.put_tier = (struct registry_tier){
        .name = ask_copy(ask, name), .is_default = is_default, .limits = limit, .limit_count = 1};
    return ask;
}

static inline struct ask *ask_for_account(struct registry_fixture *fixture, const char *id, const char *tier)
{
    struct ask *ask = ask_new(fixture, REGISTRY_PUT_ACCOUNT);
    ask->command.ask.put_account =
        (struct registry_account){.id = ask_copy(ask, id), .tier = ask_copy(ask, tier), .no_default_public_key = true};
    return ask;
}

static inline struct ask *ask_for_key(struct registry_fixture *fixture, const char *account)
{
    struct ask *ask = ask_new(fixture, REGISTRY_CREATE);
    ask->command.ask.create = (struct registry_key){.account = ask_copy(ask, account),
                                                    .name = slice_text("prod-ingest"),
                                                    .environment = KEY_ENVIRONMENT_TEST,
                                                    .type = KEY_TYPE_SECRET};
    return ask;
}

static inline struct ask *ask_to_revoke(struct registry_fixture *fixture, const uint8_t id[KEY_ID_SIZE],
                                        const char *reason)
{
    struct ask *ask = ask_new(fixture, REGISTRY_REVOKE);
    memcpy(ask->command.ask.revoke.key_id, id, KEY_ID_SIZE);
    ask->command.ask.revoke.reason = ask_copy(ask, reason);
    return ask;
}

static inline void ask_as_admin(struct ask *ask, const char *account)
{
    ask->command.caller =
        (struct registry_caller){.name = slice_text("key_000000000000001"), .account = ask_copy(ask, account)};
}

// Tier "free" (default) and the given account; the least that a key needs.
static inline void fixture_furnish(struct registry_fixture *fixture, const char *account)
{
    struct ask *tier = ask_for_tier(fixture, "free", true);
    fixture_demand(ask_run(fixture, tier) == STATUS_OK, tier->command.failure.message);
    struct ask *put = ask_for_account(fixture, account, "");
    fixture_demand(ask_run(fixture, put) == STATUS_OK, put->command.failure.message);
}

static inline struct ask *fixture_key(struct registry_fixture *fixture, const char *account)
{
    struct ask *ask = ask_for_key(fixture, account);
    fixture_demand(ask_run(fixture, ask) == STATUS_OK, ask->command.failure.message);
    return ask;
}

#endif
