// The client in an event loop: nothing waits but epoll.
#include "postern/postern.h"
#include "support/sp_peer.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <time.h>

// Only a call that hangs reaches it.
enum { LONG_MS = 60000, MANY = 500 };

static char directory[] = "/tmp/postern-loop-XXXXXX";
static char path[64], url[80];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/socket", directory);
    snprintf(url, sizeof url, "ipc://%s", path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(directory);
}

static int remove_socket(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct postern *opened(struct postern_options options)
{
    struct postern *client = NULL;
    struct postern_error error;
    options.url = url;
    options.event_loop = true;
    if (postern_open(&options, &client, &error) != POSTERN_OK)
        fail_msg("%s", error.message);
    return client;
}

static void answer_all(struct sp_peer *peer, int fd, unsigned nth)
{
    (void)peer;
    (void)nth;
    if (sp_greet(fd))
        sp_answer_on(fd);
}

// ---------------------------------------------------------------------------------------------------------- loop

// What came of the calls of one test.
struct outcome {
    struct postern *client;
    unsigned over;
    unsigned good;
    unsigned more; // calls that the callback is to start
    struct postern_error error;
};

// One turn of a program's loop: waits as the handle says, and lets it work.
static void turn(int epoll, struct postern *client)
{
    struct epoll_event event = {.events = 0};
    int fd = postern_fd(client);
    unsigned wants = postern_events(client);
    int64_t wait = postern_wait_ms(client);
    event.events =
        ((wants & POSTERN_WANT_READ) != 0 ? EPOLLIN : 0) | ((wants & POSTERN_WANT_WRITE) != 0 ? EPOLLOUT : 0);
    if (fd >= 0)
        assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
    assert_true(epoll_wait(epoll, &event, 1, wait < 0 || wait > LONG_MS ? LONG_MS : (int)wait) >= 0);
    if (fd >= 0)
        assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL), 0);
    postern_process(client);
}

static void run_until(const struct outcome *outcome, unsigned over)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    uint64_t begin = now_ms();
    while (outcome->over < over) {
        turn(epoll, outcome->client);
        assert_true(now_ms() - begin < LONG_MS);
    }
    close(epoll);
}

static void start_verify(struct outcome *outcome);

static void on_verify(void *context, struct postern_verify_reply *reply, const struct postern_error *error)
{
    struct outcome *outcome = context;
    outcome->over++;
    outcome->good += reply != NULL && reply->allowed && strcmp(reply->account, "acme") == 0;
    outcome->error = *error;
    postern_reply_free(reply);
    if (outcome->more > 0) {
        outcome->more--;
        start_verify(outcome);
    }
}

static void start_verify(struct outcome *outcome)
{
    char account[] = "acme"; // gone when the request is sent
    const struct postern_verify_request request = {.account = account};
    struct postern_error error;
    if (postern_verify_start(outcome->client, &request, on_verify, outcome, &error) != POSTERN_OK)
        fail_msg("%s", error.message);
    memset(account, 'x', sizeof account - 1);
}

// --------------------------------------------------------------------------------------------------------- tests

static void many_calls_are_answered_each_once(void **state)
{
    (void)state;
    struct sp_peer peer;
    sp_start(&peer, sp_listen_ipc(path), answer_all, NULL);
    struct outcome outcome = {.client = opened((struct postern_options){.timeout_ms = LONG_MS})};
    assert_int_equal(postern_wait_ms(outcome.client), -1);
    assert_int_equal(postern_fd(outcome.client), -1);
    for (int i = 0; i < MANY; i++)
        start_verify(&outcome);
    assert_int_equal(outcome.over, 0); // nothing happens before postern_process
    run_until(&outcome, MANY);
    assert_int_equal(outcome.good, MANY);
    assert_int_equal(outcome.error.status, POSTERN_OK);
    assert_int_equal(postern_wait_ms(outcome.client), -1);
    postern_close(outcome.client);
    assert_int_equal(outcome.over, MANY);
    sp_stop(&peer);
}

static void calls_are_gathered_until_the_handle_may_work(void **state)
{
    (void)state;
    struct sp_peer peer;
    sp_start(&peer, sp_listen_ipc(path), answer_all, NULL);
    struct outcome outcome = {.client = opened((struct postern_options){.timeout_ms = LONG_MS, .gather = true}),
                              .more = 3};
    for (int i = 0; i < MANY; i++)
        start_verify(&outcome);
    assert_int_equal(postern_fd(outcome.client), -1); // it has not even connected
    assert_int_equal(postern_wait_ms(outcome.client), 0);
    run_until(&outcome, MANY + 3);
    assert_int_equal(outcome.good, MANY + 3);
    assert_int_equal(postern_wait_ms(outcome.client), -1);
    start_verify(&outcome);
    postern_close(outcome.client);
    assert_int_equal(outcome.over, MANY + 4);
    assert_int_equal(outcome.error.status, POSTERN_CANCELLED);
    sp_stop(&peer);
}

static void a_callback_may_start_the_next_call(void **state)
{
    (void)state;
    struct sp_peer peer;
    sp_start(&peer, sp_listen_ipc(path), answer_all, NULL);
    struct outcome outcome = {.client = opened((struct postern_options){.timeout_ms = LONG_MS}), .more = MANY - 1};
    start_verify(&outcome);
    run_until(&outcome, MANY);
    assert_int_equal(outcome.good, MANY);
    postern_close(outcome.client);
    sp_stop(&peer);
}

// Hangs up after every few answers, in the middle of one.
static void answer_a_few(struct sp_peer *peer, int fd, unsigned nth)
{
    uint8_t frame[512];
    (void)peer;
    (void)nth;
    bool good = sp_greet(fd);
    for (int i = 0; good && i < 20; i++) {
        struct sp_request taken = sp_take(fd);
        if (taken.request == NULL)
            return;
        size_t size = sp_answer(&taken, true, frame);
        good = sp_write(fd, frame, i < 19 ? size : size / 2);
    }
}

static void a_lost_connection_is_made_again(void **state)
{
    (void)state;
    struct sp_peer peer;
    sp_start(&peer, sp_listen_ipc(path), answer_a_few, NULL);
    struct outcome outcome = {.client = opened((struct postern_options){.timeout_ms = LONG_MS}), .more = MANY / 5};
    for (int i = 0; i < MANY / 5; i++)
        start_verify(&outcome);
    run_until(&outcome, MANY / 5 * 2);
    assert_int_equal(outcome.good, MANY / 5 * 2);
    postern_close(outcome.client);
    sp_stop(&peer);
}

static void a_call_waits_for_a_server_that_comes_late(void **state)
{
    (void)state;
    struct outcome outcome = {.client = opened((struct postern_options){.timeout_ms = LONG_MS})};
    start_verify(&outcome);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < 5; i++)
        turn(epoll, outcome.client); // each attempt fails
    close(epoll);
    assert_int_equal(outcome.over, 0);
    struct sp_peer peer;
    sp_start(&peer, sp_listen_ipc(path), answer_all, NULL);
    run_until(&outcome, 1);
    assert_int_equal(outcome.good, 1);
    postern_close(outcome.client);
    sp_stop(&peer);
}

static void never_answer(struct sp_peer *peer, int fd, unsigned nth)
{
    uint8_t rest[256];
    (void)peer;
    (void)nth;
    if (sp_greet(fd))
        while (recv(fd, rest, sizeof rest, 0) > 0)
            continue;
}

static void a_call_without_an_answer_ends_at_its_deadline(void **state)
{
    (void)state;
    struct sp_peer peer;
    sp_start(&peer, sp_listen_ipc(path), never_answer, NULL);
    struct outcome outcome = {.client = opened((struct postern_options){.timeout_ms = 700})};
    uint64_t before = now_ms();
    start_verify(&outcome);
    run_until(&outcome, 1);
    assert_int_equal(outcome.error.status, POSTERN_DEADLINE_EXCEEDED);
    assert_true(outcome.error.outcome_unknown);
    assert_true(now_ms() - before >= 500); // for so long the first answer is awaited
    postern_close(outcome.client);
    sp_stop(&peer);
}

static void nobody_there_fails_at_once_where_waiting_is_off(void **state)
{
    (void)state;
    struct outcome outcome = {.client = opened((struct postern_options){.timeout_ms = LONG_MS, .fail_fast = true})};
    start_verify(&outcome);
    start_verify(&outcome);
    run_until(&outcome, 2);
    assert_int_equal(outcome.good, 0);
    assert_int_equal(outcome.error.status, POSTERN_UNAVAILABLE);
    assert_non_null(strstr(outcome.error.message, "no such socket"));
    start_verify(&outcome); // within the pause after the last attempt, or after it
    run_until(&outcome, 3);
    assert_int_equal(outcome.error.status, POSTERN_UNAVAILABLE);
    postern_close(outcome.client);
}

static void on_open(void *context, struct postern_verify_reply *reply, const struct postern_error *error)
{
    struct outcome *outcome = context;
    outcome->over++;
    outcome->good += reply != NULL && reply->allowed && reply->decided_by_policy;
    outcome->error = *error;
    postern_reply_free(reply);
}

static void the_open_policy_answers_and_says_why(void **state)
{
    (void)state;
    struct outcome outcome = {.client =
                                  opened((struct postern_options){.fail_fast = true, .policy = POSTERN_FAIL_OPEN})};
    const struct postern_verify_request request = {.account = "acme"};
    assert_int_equal(postern_verify_start(outcome.client, &request, on_open, &outcome, NULL), POSTERN_OK);
    run_until(&outcome, 1);
    assert_int_equal(outcome.good, 1);
    assert_int_equal(outcome.error.status, POSTERN_UNAVAILABLE);
    postern_close(outcome.client);
}

static void what_was_started_is_cancelled_when_the_handle_is_closed(void **state)
{
    (void)state;
    struct sp_peer peer;
    sp_start(&peer, sp_listen_ipc(path), never_answer, NULL);
    struct outcome outcome = {.client = opened((struct postern_options){.timeout_ms = LONG_MS})};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    start_verify(&outcome); // sent
    for (int i = 0; i < 4; i++) {
        postern_process(outcome.client);
        if (postern_fd(outcome.client) < 0 || postern_wait_ms(outcome.client) == 0)
            turn(epoll, outcome.client);
    }
    close(epoll);
    start_verify(&outcome); // queued
    postern_close(outcome.client);
    assert_int_equal(outcome.over, 2);
    assert_int_equal(outcome.good, 0);
    assert_int_equal(outcome.error.status, POSTERN_CANCELLED);
    sp_stop(&peer);
}

static void calls_that_wait_and_calls_that_are_started_need_handles_of_their_own(void **state)
{
    (void)state;
    struct postern *blocking = NULL, *client = opened((struct postern_options){0});
    struct postern_verify_reply *reply = NULL;
    struct postern_error error;
    struct outcome outcome = {0};
    const struct postern_verify_request request = {0};
    assert_int_equal(postern_verify(client, &request, &reply, &error), POSTERN_FAILED_PRECONDITION);
    assert_non_null(strstr(error.message, "_start"));
    const struct postern_options options = {.url = url};
    assert_int_equal(postern_open(&options, &blocking, NULL), POSTERN_OK);
    assert_int_equal(postern_verify_start(blocking, &request, on_verify, &outcome, &error),
                     POSTERN_FAILED_PRECONDITION);
    assert_non_null(strstr(error.message, "event_loop"));
    assert_int_equal(postern_fd(blocking), -1);
    assert_int_equal(postern_wait_ms(blocking), -1);
    postern_process(blocking);
    postern_close(blocking);
    postern_close(client);
    assert_int_equal(outcome.over, 0);
}

static void a_request_that_is_wrong_is_refused_by_start(void **state)
{
    (void)state;
    struct postern *client = opened((struct postern_options){0});
    struct postern_error error;
    const struct postern_rate_check_request none = {0};
    assert_int_equal(postern_rate_check_start(client, &none, NULL, NULL, &error), POSTERN_INVALID_ARGUMENT);
    assert_string_equal(error.field, "rate_check.subject");
    postern_close(client);
}

#define WITHOUT_SOCKET(test) cmocka_unit_test_setup_teardown(test, remove_socket, remove_socket)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITHOUT_SOCKET(many_calls_are_answered_each_once),
        WITHOUT_SOCKET(calls_are_gathered_until_the_handle_may_work),
        WITHOUT_SOCKET(a_callback_may_start_the_next_call),
        WITHOUT_SOCKET(a_lost_connection_is_made_again),
        WITHOUT_SOCKET(a_call_waits_for_a_server_that_comes_late),
        WITHOUT_SOCKET(a_call_without_an_answer_ends_at_its_deadline),
        WITHOUT_SOCKET(nobody_there_fails_at_once_where_waiting_is_off),
        WITHOUT_SOCKET(the_open_policy_answers_and_says_why),
        WITHOUT_SOCKET(what_was_started_is_cancelled_when_the_handle_is_closed),
        WITHOUT_SOCKET(calls_that_wait_and_calls_that_are_started_need_handles_of_their_own),
        WITHOUT_SOCKET(a_request_that_is_wrong_is_refused_by_start),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
