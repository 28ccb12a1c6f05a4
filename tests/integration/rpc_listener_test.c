// Listeners seen from outside, over ipc: with a proper client, and with a peer that speaks by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "support/raw_peer.h"
#include "support/rpc_fixture.h"

static int set_up(void **state)
{
    static struct rpc_fixture fixture;
    rpc_fixture_open(&fixture);
    *state = &fixture;
    return 0;
}

static int set_up_serving(void **state)
{
    (void)set_up(state);
    rpc_fixture_serve(*state);
    return 0;
}

static int tear_down(void **state)
{
    rpc_fixture_close(*state);
    return 0;
}

// --- opening

static void socket_has_the_mode_that_was_asked_for(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct stat facts;
    fixture->options.transport.socket_mode = 0640;
    mode_t before = umask(077);
    rpc_fixture_serve(fixture);
    umask(before);
    assert_int_equal(stat(fixture->path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0640);
}

static void closing_takes_the_socket_away_and_it_can_be_opened_again(void **state)
{
    struct rpc_fixture *fixture = *state;
    assert_true(raw_peer_is_served(fixture->path, RAW_PEER_WAIT_MS));
    nng_close(fixture->client);
    rpc_close(fixture->rpc);
    assert_int_not_equal(access(fixture->path, F_OK), 0);
    rpc_fixture_serve(fixture);
    assert_true(raw_peer_is_served(fixture->path, RAW_PEER_WAIT_MS));
}

static void address_that_cannot_be_used_is_named(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct status_failure failure;
    char url[PATH_MAX + 32];
    (void)snprintf(url, sizeof url, "ipc://%s/no/such/socket", fixture->directory.path);
    fixture->listeners[1].url = url;
    assert_int_equal(rpc_open(&fixture->options, &fixture->rpc, &failure), STATUS_UNAVAILABLE);
    assert_null(fixture->rpc);
    assert_non_null(strstr(failure.message, url));
    fixture->listeners[1].url = "ws://127.0.0.1:1";
    assert_int_equal(rpc_open(&fixture->options, &fixture->rpc, &failure), STATUS_INVALID_ARGUMENT);
    fixture->listeners[1].url = fixture->url;
    rpc_fixture_serve(fixture);
}

static void ceiling_caps_even_root(void **state)
{
    struct rpc_fixture *fixture = *state;
    fixture->listeners[1].ceiling = RPC_VERIFIER;
    rpc_fixture_serve(fixture);
    nng_close(fixture->client);
    fixture->client = rpc_fixture_dial(fixture->url);
    const Postern__V1__Reply *reply = rpc_fixture_put_tier(fixture, "free", 5);
    assert_int_equal(reply->status->code, STATUS_PERMISSION_DENIED);
    char message[256] = "";
    memcpy(message, reply->status->message.data, reply->status->message.len);
    assert_non_null(strstr(message, "needs operator authority"));
    assert_non_null(strstr(message, "at most verifier"));
    reply = rpc_fixture_health(fixture);
    assert_true(reply->health->serving);
    assert_int_equal(reply->health->version.len, 0); // operators only
    assert_int_equal(rpc_fixture_verify(fixture, rpc_fixture_text("x"))->status->code, STATUS_OK);
}

// --- sizes

static void request_of_the_largest_size_is_answered(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { LARGEST = 65536 - RAW_PEER_ID_SIZE, FRAME = 3 + 4 }; // health; tag and length of an unknown envelope field
    static uint8_t body[LARGEST + 1];
    const uint32_t rest = LARGEST - FRAME;
    memcpy(body, raw_peer_health, sizeof raw_peer_health);
    body[3] = 0x72;
    body[4] = (uint8_t)(rest & 0x7F) | 0x80;
    body[5] = (uint8_t)(rest >> 7 & 0x7F) | 0x80;
    body[6] = (uint8_t)(rest >> 14);
    int fd = raw_peer_open(fixture->path);
    assert_true(raw_peer_send(fd, body, LARGEST));
    assert_true(raw_peer_receive(fd, RAW_PEER_WAIT_MS) > 0);
    (void)raw_peer_send(fd, body, LARGEST + 1);
    assert_true(raw_peer_is_closed(fd));
    close(fd);
}

static void frame_that_claims_gigabytes_closes_its_connection(void **state)
{
    struct rpc_fixture *fixture = *state;
    uint8_t header[RAW_PEER_HEADER_SIZE];
    int fd = raw_peer_open(fixture->path);
    raw_peer_write_header(header, UINT64_C(10) << 30);
    assert_int_equal(send(fd, header, sizeof header, MSG_NOSIGNAL), sizeof header);
    assert_true(raw_peer_is_closed(fd));
    close(fd);
    static uint8_t megabyte[1024 * 1024];
    fd = raw_peer_open(fixture->path);
    (void)raw_peer_send(fd, megabyte, sizeof megabyte);
    assert_true(raw_peer_is_closed(fd));
    close(fd);
    assert_true(raw_peer_is_served(fixture->path, RAW_PEER_WAIT_MS));
}

// --- peers that misbehave

struct greedy {
    const char *path;
    atomic_bool closed;
};

// Asks for large answers and reads none of them, until it is thrown out.
static void *ask_and_never_read(void *context)
{
    struct greedy *greedy = context;
    static const uint8_t list[] = {0x92, 0x02, 0x03, 0x10, 0xF4, 0x03}; // list { page_size: 500 }
    int fd = raw_peer_open(greedy->path);
    uint64_t begin_ms = raw_peer_now_ms();
    while (raw_peer_now_ms() - begin_ms < RAW_PEER_WAIT_MS && raw_peer_send(fd, list, sizeof list))
        continue;
    atomic_store(&greedy->closed, raw_peer_is_closed(fd) || !raw_peer_send(fd, list, sizeof list));
    close(fd);
    return NULL;
}

static void client_that_never_reads_is_closed_and_others_are_served(void **state)
{
    struct rpc_fixture *fixture = *state;
    assert_int_equal(rpc_fixture_put_tier(fixture, "free", 5)->status->code, STATUS_OK);
    assert_int_equal(rpc_fixture_put_account(fixture, "acme")->status->code, STATUS_OK);
    for (int i = 0; i < 50; i++)
        assert_int_equal(rpc_fixture_create(fixture, "acme", "one of many keys")->status->code, STATUS_OK);
    struct greedy greedy = {.path = fixture->path};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_and_never_read, &greedy), 0);
    for (int i = 0; i < 200; i++)
        assert_true(rpc_fixture_health(fixture)->health->serving);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&greedy.closed));
    assert_true(raw_peer_is_served(fixture->path, RAW_PEER_WAIT_MS));
}

static void connections_beyond_the_bound_are_turned_away(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { MOST = 8 };
    fixture->options.transport.max_connections = MOST + 1; // and the client
    rpc_fixture_serve(fixture);
    int peers[MOST];
    size_t served = 0;
    for (size_t i = 0; i < MOST; i++) {
        peers[i] = raw_peer_open(fixture->path);
        served += raw_peer_send(peers[i], raw_peer_health, sizeof raw_peer_health) &&
                          raw_peer_receive(peers[i], RAW_PEER_WAIT_MS) > 0
                      ? 1
                      : 0;
    }
    assert_int_equal(served, MOST);
    int more = raw_peer_open(fixture->path); // is told so, and closed
    assert_true(raw_peer_send(more, raw_peer_health, sizeof raw_peer_health));
    assert_true(raw_peer_receive(more, RAW_PEER_WAIT_MS) > 0);
    assert_true(raw_peer_is_closed(more));
    close(more);
    for (size_t i = 0; i < MOST; i++)
        close(peers[i]);
    uint64_t begin_ms = raw_peer_now_ms();
    while (!raw_peer_is_served(fixture->path, 1000)) // there is room again
        assert_true(raw_peer_now_ms() - begin_ms < RAW_PEER_WAIT_MS);
}

// --- closing

struct asker {
    const char *path;
    atomic_size_t answered;
};

static void *ask_until_closed(void *context)
{
    struct asker *asker = context;
    int fd = raw_peer_open(asker->path);
    while (raw_peer_send(fd, raw_peer_health, sizeof raw_peer_health) && raw_peer_receive(fd, RAW_PEER_WAIT_MS) > 0)
        atomic_fetch_add(&asker->answered, 1);
    close(fd);
    return NULL;
}

static void closing_in_the_middle_of_calls_ends_cleanly(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct asker asker = {.path = fixture->path};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_until_closed, &asker), 0);
    while (atomic_load(&asker.answered) < 20)
        assert_int_equal(rpc_fixture_put_tier(fixture, "free", 5)->status->code, STATUS_OK);
    nng_close(fixture->client);
    rpc_close(fixture->rpc);
    pthread_join(thread, NULL);
    rpc_fixture_serve(fixture);
}

int main(void)
{
#define SERVING(name) cmocka_unit_test_setup_teardown(name, set_up_serving, tear_down)
#define CLOSED(name)  cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CLOSED(socket_has_the_mode_that_was_asked_for),
        SERVING(closing_takes_the_socket_away_and_it_can_be_opened_again),
        CLOSED(address_that_cannot_be_used_is_named),
        CLOSED(ceiling_caps_even_root),
        SERVING(request_of_the_largest_size_is_answered),
        SERVING(frame_that_claims_gigabytes_closes_its_connection),
        SERVING(client_that_never_reads_is_closed_and_others_are_served),
        CLOSED(connections_beyond_the_bound_are_turned_away),
        SERVING(closing_in_the_middle_of_calls_ends_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
