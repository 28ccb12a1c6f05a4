// Servers that are killed, under load, and others that do not even shake hands: no call is lost by that.
//
// The server is this program again, in a process of its own ("serve URL"), so that killing it is a real crash.
#include "postern/postern.h"
#include "support/client_peer.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 32, KILLS = 12, CALLS_BETWEEN = 200, LONG_MS = 60000, DESCRIPTORS_MORE = 24, BREAKS_MAX = 60 };

extern char **environ;

static char directory[] = "/tmp/postern-restart-XXXXXX";
static char url[64];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(url, sizeof url, "ipc://%s/socket", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(url + strlen("ipc://"));
    return rmdir(directory);
}

// ------------------------------------------------------------------------------------------------------ server

static enum peer_act always_serving(void *context, unsigned n, const Postern__V1__Request *request,
                                    Postern__V1__Reply *reply)
{
    (void)n;
    (void)request;
    reply->result_case = POSTERN__V1__REPLY__RESULT_HEALTH;
    reply->health = context;
    return PEER_ANSWER;
}

static int serve(const char *at)
{
    Postern__V1__HealthReply healthy = POSTERN__V1__HEALTH_REPLY__INIT;
    healthy.serving = true;
    struct peer peer;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return 1;
    peer_start(&peer, at, always_serving, &healthy);
    for (;;)
        pause();
}

static pid_t started(const char *at)
{
    char program[] = "/proc/self/exe", word[] = "serve", where[64];
    snprintf(where, sizeof where, "%s", at);
    char *const arguments[] = {program, word, where, NULL};
    pid_t server = -1;
    assert_int_equal(posix_spawn(&server, program, NULL, NULL, arguments, environ), 0);
    return server;
}

// nng 1.5.2 forgets a message that it is handed while the connection is being closed: here some server is killed at
// just that moment, and it is nng's. LeakSanitizer
// asks this.
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:postern_exchange\n";
}

static void killed(pid_t server)
{
    assert_int_equal(kill(server, SIGKILL), 0);
    assert_int_equal(waitpid(server, NULL, 0), server);
}

// ------------------------------------------------------------------------------------------------------ callers

struct load {
    struct postern *client;
    atomic_bool stop;
    atomic_uint answered;
    atomic_uint failed;
};

static void *call_on(void *context)
{
    struct load *load = context;
    while (!atomic_load(&load->stop)) {
        struct postern_health_reply *reply = NULL;
        bool good = postern_health(load->client, NULL, &reply, NULL) == POSTERN_OK;
        atomic_fetch_add(good ? &load->answered : &load->failed, 1);
        postern_reply_free(reply);
    }
    return NULL;
}

// Until so many more calls were answered, or one failed (which takes LONG_MS).
static void await_answers(struct load *load, unsigned more)
{
    unsigned goal = atomic_load(&load->answered) + more;
    const struct timespec moment = {.tv_nsec = 5000000};
    while (atomic_load(&load->answered) < goal && atomic_load(&load->failed) == 0)
        nanosleep(&moment, NULL);
    assert_int_equal(atomic_load(&load->failed), 0);
}

static void no_call_fails_while_the_server_is_killed_and_started_again_under_load(void **state)
{
    (void)state;
    struct load load = {0};
    const struct postern_options options = {.url = url, .timeout_ms = LONG_MS};
    assert_int_equal(postern_open(&options, &load.client, NULL), POSTERN_OK);
    pid_t server = started(url);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_on, &load), 0);
    for (unsigned i = 0; i < KILLS; i++) {
        await_answers(&load, CALLS_BETWEEN);
        killed(server);
        server = started(url);
    }
    await_answers(&load, CALLS_BETWEEN);
    atomic_store(&load.stop, true);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&load.failed), 0);
    postern_close(load.client); // returns, whatever state the transport is in
    killed(server);
}

static void *call_once(void *context)
{
    struct load *load = context;
    struct postern_health_reply *reply = NULL;
    bool good = postern_health(load->client, NULL, &reply, NULL) == POSTERN_OK;
    atomic_fetch_add(good ? &load->answered : &load->failed, 1);
    postern_reply_free(reply);
    return NULL;
}

// Something accepts the connection but never shakes hands.
static void a_connection_that_gets_nowhere_is_replaced(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = url + strlen("ipc://");
    unlink(path);
    memcpy(address.sun_path, path, strlen(path));
    int mute = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(mute, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(mute, 8), 0);
    struct load load = {0};
    pthread_t caller;
    const struct postern_options options = {.url = url, .timeout_ms = LONG_MS};
    assert_int_equal(postern_open(&options, &load.client, NULL), POSTERN_OK);
    assert_int_equal(pthread_create(&caller, NULL, call_once, &load), 0);
    int accepted = accept4(mute, NULL, NULL, SOCK_CLOEXEC);
    assert_true(accepted >= 0);
    unlink(path); // the client's connection stays open
    pid_t server = started(url);
    pthread_join(caller, NULL);
    assert_int_equal(atomic_load(&load.answered), 1);
    postern_close(load.client);
    killed(server);
    close(accepted);
    close(mute);
}

// ------------------------------------------------------------------------------------------- connections that break

static bool read_all(int fd, void *out, size_t size)
{
    return recv(fd, out, size, MSG_WAITALL) == (ssize_t)size;
}

// Shakes hands, and breaks off inside an answer, while more requests come.
static void break_off_one(int fd)
{
    static const uint8_t hello[] = {0, 'S', 'P', 0, 0, 0x31, 0, 0}, part[100] = {1, [7] = 1, [9] = 0x80};
    uint8_t greeting[8], header[9], request[512];
    (void)send(fd, hello, sizeof hello, MSG_NOSIGNAL);
    bool more = read_all(fd, greeting, sizeof greeting);
    for (int i = 0; more && i < 3; i++) {
        more = read_all(fd, header, sizeof header) && header[7] == 0 && read_all(fd, request, header[8]);
        (void)send(fd, part, i == 0 ? sizeof part : 50, MSG_NOSIGNAL);
    }
    close(fd);
}

// One connection after the other.
static void *break_off(void *context)
{
    struct pollfd listener = {.fd = *(int *)context, .events = POLLIN};
    for (int i = 0; i < BREAKS_MAX && poll(&listener, 1, 500) == 1; i++)
        break_off_one(accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC));
    return NULL;
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    DIR *all = opendir("/proc/self/fd");
    assert_non_null(all);
    while (readdir(all) != NULL)
        count++;
    closedir(all);
    return count;
}

static void a_connection_that_breaks_inside_an_answer_costs_few_descriptors_and_no_later_call(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = url + strlen("ipc://");
    unlink(path);
    memcpy(address.sun_path, path, strlen(path));
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 8), 0);
    struct load load = {0};
    const struct postern_options options = {.url = url, .timeout_ms = LONG_MS};
    assert_int_equal(postern_open(&options, &load.client, NULL), POSTERN_OK);
    pthread_t threads[THREADS], breaker;
    assert_int_equal(pthread_create(&breaker, NULL, break_off, &listener), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_on, &load), 0);
    pthread_join(breaker, NULL);
    unlink(path);
    close(listener);
    size_t before = open_descriptors();
    nanosleep(&(struct timespec){.tv_sec = 6}, NULL); // this long there is nobody; the calls go on trying
    size_t after = open_descriptors();
    if (after > before + DESCRIPTORS_MORE)
        fail_msg("%zu descriptors, %zu six seconds later", before, after);
    pid_t server = started(url);
    await_answers(&load, CALLS_BETWEEN);
    atomic_store(&load.stop, true);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    postern_close(load.client);
    killed(server);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return serve(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_that_gets_nowhere_is_replaced),
        cmocka_unit_test(a_connection_that_breaks_inside_an_answer_costs_few_descriptors_and_no_later_call),
        cmocka_unit_test(no_call_fails_while_the_server_is_killed_and_started_again_under_load),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
