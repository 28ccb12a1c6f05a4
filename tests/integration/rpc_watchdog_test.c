// The watchdog. What it is for, a listener that has stopped to accept, is made from below: by shutdown of its socket.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/raw_peer.h"
#include "support/rpc_fixture.h"

enum { SERVED_AGAIN_MS = 5000, FD_MAX = 1024 };

static bool listens_on(int fd, const char *path)
{
    struct sockaddr_un local = {.sun_family = AF_UNSPEC};
    int listens = 0;
    socklen_t size = sizeof listens, address_size = sizeof local;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0 &&
           getsockname(fd, (struct sockaddr *)&local, &address_size) == 0 && local.sun_family == AF_UNIX &&
           strcmp(local.sun_path, path) == 0;
}

// Connections that it has accepted go on, as they do with a listener that has died.
static void kill_listener(const char *path)
{
    int fd = 0;
    while (fd < FD_MAX && !listens_on(fd, path))
        fd++;
    assert_true(fd < FD_MAX);
    assert_int_equal(shutdown(fd, SHUT_RD), 0);
}

static int set_up_serving(void **state)
{
    static struct rpc_fixture fixture;
    rpc_fixture_open(&fixture);
    rpc_fixture_serve(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    rpc_fixture_close(*state);
    return 0;
}

static void listener_that_was_killed_serves_again_within_seconds(void **state)
{
    struct rpc_fixture *fixture = *state;
    kill_listener(fixture->path);
    assert_false(raw_peer_is_served(fixture->path, 200));
    uint64_t begin_ms = raw_peer_now_ms();
    while (!raw_peer_is_served(fixture->path, 200))
        assert_true(raw_peer_now_ms() - begin_ms < SERVED_AGAIN_MS);
}

// Before the greeting could be sent; and the watchdog has nothing to do with it.
static void peers_that_hang_up_at_once_do_not_kill_a_listener(void **state)
{
    struct rpc_fixture *fixture = *state;
    int before = raw_peer_open(fixture->path);
    for (int i = 0; i < 1000; i++) {
        int fd = raw_peer_connect(fixture->path);
        if (fd >= 0)
            close(fd);
    }
    assert_true(raw_peer_is_served(fixture->path, RAW_PEER_WAIT_MS));
    assert_true(raw_peer_send(before, raw_peer_health, sizeof raw_peer_health)); // not cut by an opening anew
    assert_true(raw_peer_receive(before, RAW_PEER_WAIT_MS) > 0);
    close(before);
}

// A connection has to survive several rounds of the watchdog.
static void probes_do_not_disturb_a_connection(void **state)
{
    struct rpc_fixture *fixture = *state;
    int fd = raw_peer_open(fixture->path);
    uint64_t begin_ms = raw_peer_now_ms();
    while (raw_peer_now_ms() - begin_ms < 3000) { // four rounds of the watchdog
        assert_true(raw_peer_send(fd, raw_peer_health, sizeof raw_peer_health));
        assert_true(raw_peer_receive(fd, RAW_PEER_WAIT_MS) > 0);
    }
    close(fd);
}

// The same while another client keeps asking: its connection is cut, and closing it must not disturb anything.
static void listener_is_opened_anew_under_load(void **state)
{
    struct rpc_fixture *fixture = *state;
    for (int round = 0; round < 3; round++) {
        int busy = raw_peer_open(fixture->path);
        kill_listener(fixture->path);
        uint64_t begin_ms = raw_peer_now_ms();
        while (!raw_peer_is_served(fixture->path, 200)) {
            for (int i = 0; i < 100; i++)
                (void)(raw_peer_send(busy, raw_peer_health, sizeof raw_peer_health) &&
                       raw_peer_receive(busy, RAW_PEER_WAIT_MS) > 0);
            assert_true(raw_peer_now_ms() - begin_ms < SERVED_AGAIN_MS);
        }
        close(busy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(listener_that_was_killed_serves_again_within_seconds, set_up_serving,
                                        tear_down),
        cmocka_unit_test_setup_teardown(peers_that_hang_up_at_once_do_not_kill_a_listener, set_up_serving, tear_down),
        cmocka_unit_test_setup_teardown(listener_is_opened_anew_under_load, set_up_serving, tear_down),
        cmocka_unit_test_setup_teardown(probes_do_not_disturb_a_connection, set_up_serving, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
