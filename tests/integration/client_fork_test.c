// A handle on both sides of fork: a child has a connection of its own, and the parent's goes on as if nothing had been.
#include "postern/postern.h"
#include "support/tls_peer.h"

#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { CHILDREN = 8, CALLS = 50, THREADS = 8, FORKS = 200, LONG_MS = 60000 };

static char directory[] = "/tmp/postern-fork-XXXXXX";
static char path[64], url[80], authority[96], tls_url[64];

// What the server has seen, in memory that its processes share with the test. Where all is well no connection is opened
// anew, and no request is repeated because its answer went elsewhere. Connections are those that had a request: on a
// busy machine one may take too long to open, and is begun again.
struct seen {
    atomic_uint connections, requests;
};
static struct seen *seen;

static int set_up(void **state)
{
    (void)state;
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mkdtemp(directory) == NULL || seen == MAP_FAILED)
        return -1;
    tls_make_authority(directory, "authority");
    tls_make(directory, "server", "authority", "IP:127.0.0.1", TLS_GOOD_NOW);
    snprintf(authority, sizeof authority, "%s/authority.crt", directory);
    snprintf(path, sizeof path, "%s/socket", directory);
    snprintf(url, sizeof url, "ipc://%s", path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", directory);
    return munmap(seen, sizeof *seen) != 0 ? -1 : system(command);
}

// ------------------------------------------------------------------------------------------------------ server

enum { KEPT_MAX = 64 };

// Who asks for the account "patient" is answered when somebody asks for "over" on the same connection.
static void answer_most(int fd)
{
    struct sp_request kept[KEPT_MAX];
    size_t kept_count = 0;
    bool good = sp_greet(fd), is_first = true;
    for (struct sp_request taken = sp_take(fd); good && taken.request != NULL; taken = sp_take(fd)) {
        const ProtobufCBinaryData account = taken.request->verify->account;
        atomic_fetch_add(&seen->connections, is_first);
        is_first = false;
        atomic_fetch_add(&seen->requests, 1);
        if (account.len == 7 && memcmp(account.data, "patient", 7) == 0 && kept_count < KEPT_MAX) {
            kept[kept_count++] = taken;
            continue;
        }
        if (account.len == 4 && memcmp(account.data, "over", 4) == 0)
            while (kept_count > 0)
                good = sp_send_answer(fd, &kept[--kept_count]) && good;
        good = sp_send_answer(fd, &taken) && good;
    }
    while (kept_count > 0)
        postern__v1__request__free_unpacked(kept[--kept_count].request, NULL);
}

static void answer_over_tls(int fd)
{
    tls_answer_all(tls_server(directory, "server", NULL), fd, &seen->connections, &seen->requests);
}

// A server in a process of its own, so that nothing of it is copied into the children: one process per connection.
static pid_t started_at(int listener, void (*talk)(int fd))
{
    atomic_store(&seen->connections, 0);
    atomic_store(&seen->requests, 0);
    pid_t server = fork();
    if (server != 0) {
        close(listener);
        return server;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            talk(fd);
            _exit(0);
        }
        close(fd);
    }
}

static pid_t started(void)
{
    return started_at(sp_listen_ipc(path), answer_most);
}

static pid_t started_with_tls(void)
{
    int port = 0, listener = sp_listen_tcp(&port);
    snprintf(tls_url, sizeof tls_url, "tls+tcp://127.0.0.1:%d", port);
    return started_at(listener, answer_over_tls);
}

// Each connection was opened once, each request was asked once: nothing of a connection was read, written or closed by
// a process that it does not belong to.
static void assert_seen(unsigned connections, unsigned requests)
{
    assert_int_equal(atomic_load(&seen->connections), connections);
    assert_int_equal(atomic_load(&seen->requests), requests);
}

static void stopped(pid_t server)
{
    assert_int_equal(kill(server, SIGKILL), 0);
    assert_int_equal(waitpid(server, NULL, 0), server);
    unlink(path);
}

static struct postern *opened(bool event_loop)
{
    struct postern *client = NULL;
    const struct postern_options options = {.url = url, .timeout_ms = LONG_MS, .event_loop = event_loop};
    assert_int_equal(postern_open(&options, &client, NULL), POSTERN_OK);
    return client;
}

static struct postern *opened_with_tls(void)
{
    struct postern *client = NULL;
    const struct postern_options options = {.url = tls_url, .timeout_ms = LONG_MS, .tls_ca_file = authority};
    assert_int_equal(postern_open(&options, &client, NULL), POSTERN_OK);
    return client;
}

// How many of the calls were answered rightly, each with its own account.
static unsigned answered(struct postern *client, unsigned calls)
{
    unsigned right = 0;
    for (unsigned i = 0; i < calls; i++) {
        char account[32];
        snprintf(account, sizeof account, "account-%d-%u", (int)getpid(), i);
        const struct postern_verify_request request = {.account = account};
        struct postern_verify_reply *reply = NULL;
        struct postern_error error;
        if (postern_verify(client, &request, &reply, &error) == POSTERN_OK)
            right += strcmp(reply->account, account) == 0;
        else
            fprintf(stderr, "%s\n", error.message);
        postern_reply_free(reply);
    }
    return right;
}

// ------------------------------------------------------------------------------------------------------- tests

// exit(), not _exit(): the sanitizer looks for what the child has lost.
static void child_main(struct postern *client)
{
    unsigned right = answered(client, CALLS);
    postern_close(client);
    exit(right == CALLS ? 0 : 1);
}

static void assert_children_end_well(const pid_t *children, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
}

// Parent and children ask at the same time.
static void ask_in_all(struct postern *client, unsigned count)
{
    pid_t children[CHILDREN];
    assert_int_equal(answered(client, 1), 1); // connected
    for (unsigned i = 0; i < count; i++) {
        children[i] = fork();
        if (children[i] == 0)
            child_main(client);
    }
    assert_int_equal(answered(client, CALLS), CALLS);
    assert_children_end_well(children, count);
    assert_int_equal(answered(client, CALLS), CALLS);
    postern_close(client);
    assert_seen(1 + count, 1 + CALLS + count * CALLS + CALLS);
}

static void children_have_connections_of_their_own(void **state)
{
    (void)state;
    pid_t server = started();
    ask_in_all(opened(false), CHILDREN);
    stopped(server);
}

static void children_have_tls_sessions_of_their_own(void **state)
{
    (void)state;
    pid_t server = started_with_tls();
    ask_in_all(opened_with_tls(), CHILDREN);
    stopped(server);
}

// ------------------------------------------------------------------------------------------- a server that pre-forks

// One of its processes: takes one visitor, asks posternd for each byte that he sends, and gives it back when that was
// right.
static void work(int listener, struct postern *client)
{
    int visitor = accept(listener, NULL, NULL);
    char byte;
    while (sp_read(visitor, &byte, 1))
        if (answered(client, 1) != 1 || !sp_write(visitor, &byte, 1))
            exit(1);
    postern_close(client);
    exit(0);
}

static int visit(const char *place)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int visitor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(at.sun_path, place, strlen(place));
    assert_int_equal(connect(visitor, (const struct sockaddr *)&at, sizeof at), 0);
    return visitor;
}

// Eight processes, one handle that was opened and used before the first of them, a visitor for each at the same time.
static void serve_with_processes(struct postern *client)
{
    char front[96];
    pid_t workers[CHILDREN];
    int visitors[CHILDREN];
    snprintf(front, sizeof front, "%s/front", directory);
    int listener = sp_listen_ipc(front);
    assert_int_equal(answered(client, 1), 1);
    for (size_t i = 0; i < CHILDREN; i++) {
        workers[i] = fork();
        if (workers[i] == 0)
            work(listener, client);
    }
    for (size_t i = 0; i < CHILDREN; i++)
        visitors[i] = visit(front);
    for (char n = 0; n < CALLS; n++) {
        char back = 0;
        for (size_t i = 0; i < CHILDREN; i++)
            assert_true(sp_write(visitors[i], &n, 1));
        for (size_t i = 0; i < CHILDREN; i++)
            assert_true(sp_read(visitors[i], &back, 1) && back == n);
    }
    for (size_t i = 0; i < CHILDREN; i++)
        close(visitors[i]);
    assert_children_end_well(workers, CHILDREN);
    assert_int_equal(answered(client, 1), 1);
    postern_close(client);
    close(listener);
    unlink(front);
    assert_seen(1 + CHILDREN, 1 + CHILDREN * CALLS + 1);
}

static void a_server_of_eight_processes_has_eight_connections(void **state)
{
    (void)state;
    pid_t server = started();
    serve_with_processes(opened(false));
    stopped(server);
    server = started_with_tls();
    serve_with_processes(opened_with_tls());
    stopped(server);
}

static void a_child_may_close_what_it_never_used_and_open_its_own(void **state)
{
    (void)state;
    pid_t server = started();
    struct postern *client = opened(false);
    assert_int_equal(answered(client, 1), 1);
    pid_t child = fork();
    if (child == 0) {
        postern_close(client);
        child_main(opened(false));
    }
    assert_children_end_well(&child, 1);
    assert_int_equal(answered(client, 1), 1);
    postern_close(client);
    assert_seen(2, 1 + CALLS + 1);
    stopped(server);
}

// Not even a farewell of TLS, which would end the parent's session.
static void a_child_may_close_a_tls_session_that_it_never_used(void **state)
{
    (void)state;
    pid_t server = started_with_tls();
    struct postern *client = opened_with_tls();
    assert_int_equal(answered(client, 1), 1);
    pid_t child = fork();
    if (child == 0) {
        postern_close(client);
        exit(0);
    }
    assert_children_end_well(&child, 1);
    assert_int_equal(answered(client, CALLS), CALLS);
    postern_close(client);
    assert_seen(1, 1 + CALLS);
    stopped(server);
}

static void the_ids_of_parent_and_child_differ(void **state)
{
    (void)state;
    pid_t server = started();
    struct postern *client = opened(false);
    int ends[2];
    uint8_t ids[2][POSTERN_ID_SIZE];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(answered(client, 1), 1); // from here on there are random bytes in stock
    pid_t child = fork();
    const struct postern_verify_request request = {.account = "acme"};
    struct postern_verify_reply *reply = NULL;
    if (postern_verify(client, &request, &reply, NULL) != POSTERN_OK)
        _exit(1);
    memcpy(ids[0], reply->charge_id, POSTERN_ID_SIZE);
    postern_reply_free(reply);
    if (child == 0)
        _exit(write(ends[1], ids[0], POSTERN_ID_SIZE) == POSTERN_ID_SIZE ? 0 : 1);
    assert_int_equal(read(ends[0], ids[1], POSTERN_ID_SIZE), POSTERN_ID_SIZE);
    assert_memory_not_equal(ids[0], ids[1], POSTERN_ID_SIZE);
    assert_children_end_well(&child, 1);
    close(ends[0]);
    close(ends[1]);
    postern_close(client);
    stopped(server);
}

struct load {
    struct postern *client;
    atomic_bool stop;
    atomic_uint wrong;
};

static void *call_on(void *context)
{
    struct load *load = context;
    while (!atomic_load(&load->stop))
        if (answered(load->client, 1) != 1)
            atomic_fetch_add(&load->wrong, 1);
    return NULL;
}

static bool verified(struct postern *client, const char *account)
{
    const struct postern_verify_request request = {.account = account};
    struct postern_verify_reply *reply = NULL;
    enum postern_status status = postern_verify(client, &request, &reply, NULL);
    postern_reply_free(reply);
    return status == POSTERN_OK;
}

static void *wait_patiently(void *context)
{
    struct load *load = context;
    if (!verified(load->client, "patient"))
        atomic_fetch_add(&load->wrong, 1);
    return NULL;
}

// _exit(): what the parent's threads had in hand is lost in the child, as must be.
static void use_in_child(struct postern *client)
{
    alarm(LONG_MS / 1000);
    unsigned right = answered(client, 5);
    postern_close(client);
    _exit(right == 5 ? 0 : 1);
}

static void a_fork_while_other_threads_wait_for_answers_stops_nobody(void **state)
{
    (void)state;
    pid_t server = started(), children[CHILDREN];
    struct load load = {.client = opened(false)};
    pthread_t threads[THREADS];
    assert_int_equal(answered(load.client, 1), 1);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_patiently, &load), 0);
    while (atomic_load(&seen->requests) < 1 + THREADS) // a sanitizer's locks are free when all wait
        usleep(1000);
    for (size_t i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0)
            use_in_child(load.client);
    }
    assert_children_end_well(children, CHILDREN);
    assert_true(verified(load.client, "over"));
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&load.wrong), 0);
    postern_close(load.client);
    assert_int_equal(atomic_load(&seen->connections), 1 + CHILDREN);
    stopped(server);
}

// Sanitizers' allocators have locks that a fork amid an allocation of another thread leaves locked in the child.
static bool has_sanitizer(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
}

static void a_fork_amid_the_calls_of_other_threads_stops_nobody(void **state)
{
    (void)state;
    if (has_sanitizer()) {
        print_message("# skip: a sanitizer's own locks are not free in a child of many threads; release runs it\n");
        skip();
    }
    pid_t server = started();
    struct load load = {.client = opened(false)};
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_on, &load), 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child == 0)
            use_in_child(load.client);
        assert_children_end_well(&child, 1);
    }
    atomic_store(&load.stop, true);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&load.wrong), 0);
    postern_close(load.client);
    stopped(server);
}

static void on_verify(void *context, struct postern_verify_reply *reply, const struct postern_error *error)
{
    unsigned *over = context;
    (void)error;
    *over += reply != NULL;
    postern_reply_free(reply);
}

static void run_until_over(struct postern *client, const unsigned *over)
{
    while (*over == 0)
        postern_process(client); // it may spin: this is about whose answer it is
}

static void the_calls_that_a_parent_has_started_are_its_own(void **state)
{
    (void)state;
    pid_t server = started();
    struct postern *client = opened(true);
    unsigned over = 0;
    const struct postern_verify_request request = {.account = "acme"};
    assert_int_equal(postern_verify_start(client, &request, on_verify, &over, NULL), POSTERN_OK);
    postern_process(client);
    pid_t child = fork();
    if (child == 0) {
        unsigned mine = 0, before = over;
        if (postern_verify_start(client, &request, on_verify, &mine, NULL) != POSTERN_OK)
            exit(1);
        run_until_over(client, &mine);
        postern_close(client);
        exit(mine == 1 && over == before ? 0 : 2);
    }
    run_until_over(client, &over);
    assert_int_equal(over, 1);
    assert_children_end_well(&child, 1);
    postern_close(client);
    stopped(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_have_connections_of_their_own),
        cmocka_unit_test(children_have_tls_sessions_of_their_own),
        cmocka_unit_test(a_server_of_eight_processes_has_eight_connections),
        cmocka_unit_test(a_child_may_close_what_it_never_used_and_open_its_own),
        cmocka_unit_test(a_child_may_close_a_tls_session_that_it_never_used),
        cmocka_unit_test(the_ids_of_parent_and_child_differ),
        cmocka_unit_test(a_fork_while_other_threads_wait_for_answers_stops_nobody),
        cmocka_unit_test(a_fork_amid_the_calls_of_other_threads_stops_nobody),
        cmocka_unit_test(the_calls_that_a_parent_has_started_are_its_own),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
