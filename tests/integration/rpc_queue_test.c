// Costly calls wait in a queue of their own, of which each caller has a share.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "rpc/queue.h"

enum { CALLS = CALL_QUEUE_SHARE + 8, THREADS = 2 };

static struct {
    struct call_server server;
    struct call_queue *queue;
    struct call calls[CALLS];
    Postern__V1__Request requests[CALLS];
    sem_t entered, go, finished;
    atomic_uint handled;
} scene;

static void wait_for(sem_t *event)
{
    while (sem_wait(event) != 0) {
    }
}

// Handles a call when the test lets it.
static enum call_progress handle(struct call *call)
{
    (void)call;
    atomic_fetch_add(&scene.handled, 1);
    sem_post(&scene.entered);
    wait_for(&scene.go);
    return CALL_DONE;
}

static const struct route route = {.name = "list", .marks = ROUTE_COSTLY, .handle = handle};

static void finish(struct call *call)
{
    (void)call;
    sem_post(&scene.finished);
}

static int set_up(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof scene);
    scene.server.clock = clock_new(clock_system_source(), NULL);
    assert_non_null(scene.server.clock);
    assert_int_equal(call_queue_open(&scene.queue), STATUS_OK);
    sem_init(&scene.entered, 0, 0);
    sem_init(&scene.go, 0, 0);
    sem_init(&scene.finished, 0, 0);
    for (size_t i = 0; i < CALLS; i++) {
        postern__v1__request__init(&scene.requests[i]);
        scene.calls[i] = (struct call){.server = &scene.server, .request = &scene.requests[i], .route = &route};
        scene.calls[i].finish = finish;
        postern__v1__reply__init(&scene.calls[i].reply);
        postern__v1__status__init(&scene.calls[i].status);
        scene.calls[i].reply.status = &scene.calls[i].status;
    }
    return 0;
}

static enum call_progress add(size_t n, const char *caller)
{
    snprintf(scene.calls[n].caller.name, sizeof scene.calls[n].caller.name, "%s", caller);
    return call_queue_add(scene.queue, &scene.calls[n]);
}

static void let_go(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        sem_post(&scene.go);
    for (unsigned i = 0; i < count; i++)
        wait_for(&scene.finished);
}

static void caller_has_a_share_and_others_have_theirs(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALL_QUEUE_SHARE; i++)
        assert_int_equal(add(i, "uid:1000"), CALL_PENDING);
    size_t n = CALL_QUEUE_SHARE;
    assert_int_equal(add(n, "uid:1000"), CALL_DONE);
    assert_int_equal(scene.calls[n].reply.status->code, STATUS_RESOURCE_EXHAUSTED);
    assert_true(scene.calls[n].reply.status->retry_after_ms > 0);
    assert_int_equal(add(n + 1, "uid:1001"), CALL_PENDING);
    let_go(CALL_QUEUE_SHARE + 1);
    // What was answered is free again.
    assert_int_equal(add(n + 2, "uid:1000"), CALL_PENDING);
    let_go(1);
    call_queue_close(scene.queue);
    assert_int_equal(atomic_load(&scene.handled), CALL_QUEUE_SHARE + 2);
}

static void no_more_calls_are_handled_at_once_than_there_are_threads(void **state)
{
    (void)state;
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(add(i, "uid:1000"), CALL_PENDING);
    for (size_t i = 0; i < THREADS; i++)
        wait_for(&scene.entered);
    assert_int_equal(atomic_load(&scene.handled), THREADS);
    let_go(10);
    call_queue_close(scene.queue);
}

static void call_that_is_late_when_its_turn_comes_is_not_handled(void **state)
{
    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(add(i, "uid:1000"), CALL_PENDING);
    for (size_t i = 0; i < THREADS; i++)
        wait_for(&scene.entered);
    scene.requests[THREADS].timeout_ms = 1000;
    scene.calls[THREADS].received_ms = 0; // the clock is far beyond that
    assert_int_equal(add(THREADS, "uid:1000"), CALL_PENDING);
    sem_post(&scene.go);
    sem_post(&scene.go);
    for (size_t i = 0; i < THREADS + 1; i++)
        wait_for(&scene.finished);
    call_queue_close(scene.queue);
    assert_int_equal(atomic_load(&scene.handled), THREADS);
    assert_int_equal(scene.calls[THREADS].reply.status->code, STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(atomic_load(&scene.server.expired), 1);
}

static void closing_waits_for_what_was_added(void **state)
{
    (void)state;
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(add(i, "uid:1000"), CALL_PENDING);
        sem_post(&scene.go);
    }
    call_queue_close(scene.queue);
    assert_int_equal(atomic_load(&scene.handled), 20);
}

static int tear_down(void **state)
{
    (void)state;
    clock_free(scene.server.clock);
    sem_destroy(&scene.entered);
    sem_destroy(&scene.go);
    sem_destroy(&scene.finished);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(caller_has_a_share_and_others_have_theirs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_calls_are_handled_at_once_than_there_are_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(call_that_is_late_when_its_turn_comes_is_not_handled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_waits_for_what_was_added, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
