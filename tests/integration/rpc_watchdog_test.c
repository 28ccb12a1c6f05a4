// The watchdog. nng before 1.6 loses what had connected to a listener that died, so that leak alone is excused here;
// all other tests of listeners are without excuse.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/raw_peer.h"
#include "support/rpc_fixture.h"

enum { SERVED_AGAIN_MS = 5000 };

const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libnng.so";
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
    for (int i = 0; i < 1000; i++) {
        int fd = raw_peer_connect(fixture->path);
        if (fd >= 0)
            close(fd);
    }
    uint64_t begin_ms = raw_peer_now_ms();
    while (!raw_peer_is_served(fixture->path, 200))
        assert_true(raw_peer_now_ms() - begin_ms < SERVED_AGAIN_MS);
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
        for (int i = 0; i < 300; i++) {
            int fd = raw_peer_connect(fixture->path);
            if (fd >= 0)
                close(fd);
        }
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
        cmocka_unit_test_setup_teardown(listener_is_opened_anew_under_load, set_up_serving, tear_down),
        cmocka_unit_test_setup_teardown(probes_do_not_disturb_a_connection, set_up_serving, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
