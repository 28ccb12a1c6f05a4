// What the client says when it cannot reach posternd, and what it makes of servers that answer wrongly, slowly, in
// another order or not at all.
#include "postern/postern.h"
#include "support/sp_peer.h"

#include <grp.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

// Only a call that hangs reaches it.
enum { LONG_MS = 60000, NOBODY = 65534, THREADS = 16 };

static char directory[] = "/tmp/postern-fault-XXXXXX";
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

static struct postern *opened(uint32_t timeout_ms, bool fail_fast)
{
    struct postern *client = NULL;
    const struct postern_options options = {.url = url, .timeout_ms = timeout_ms, .fail_fast = fail_fast};
    assert_int_equal(postern_open(&options, &client, NULL), POSTERN_OK);
    return client;
}

static enum postern_status ask_health(struct postern *client, struct postern_error *error)
{
    struct postern_health_reply *reply = NULL;
    enum postern_status status = postern_health(client, NULL, &reply, error);
    postern_reply_free(reply);
    return status;
}

// One call on a handle of its own, against one such server.
static void assert_answered(sp_talk *talk)
{
    struct sp_peer peer;
    struct postern_error error;
    sp_start(&peer, sp_listen_ipc(path), talk, NULL);
    struct postern *client = opened(LONG_MS, false);
    if (ask_health(client, &error) != POSTERN_OK)
        fail_msg("%s", error.message);
    postern_close(client);
    sp_stop(&peer);
}

// -------------------------------------------------------------------------------------------------- no connection

static void a_socket_that_is_not_there_and_one_that_is_dead_are_told_apart(void **state)
{
    (void)state;
    struct postern_error error;
    struct postern *client = opened(100, false);
    assert_int_equal(ask_health(client, &error), POSTERN_UNAVAILABLE);
    assert_non_null(strstr(error.message, "there is no such socket"));
    assert_non_null(strstr(error.message, "posternd --data DIR --listen ipc://"));
    close(sp_listen_ipc(path));
    do // on a machine that is slow, the time of a call may pass before its first attempt
        assert_int_equal(ask_health(client, &error), POSTERN_UNAVAILABLE);
    while (strstr(error.message, "there is no such socket") != NULL);
    assert_non_null(strstr(error.message, "nobody listens on that socket"));
    assert_false(error.outcome_unknown);
    postern_close(client);
}

static void user_name(uid_t uid, char name[64])
{
    const struct passwd *user = getpwuid(uid);
    assert_non_null(user);
    snprintf(name, 64, "%s", user->pw_name);
}

// What is to be said of the socket or directory that keeps this user out: who he is, whose it is, its mode, what to do.
static void describe_barrier(char expected[512], const char *barrier, uid_t me)
{
    struct stat facts;
    char my_name[64], owner[64];
    assert_int_equal(stat(barrier, &facts), 0);
    user_name(me, my_name);
    user_name(facts.st_uid, owner);
    const struct group *group = getgrgid(facts.st_gid);
    assert_non_null(group);
    int size = snprintf(expected, 512,
                        "cannot reach posternd at %s: permission denied for user %s: %s %s has mode %04o, owner %s and "
                        "group %s; ",
                        url, my_name, S_ISSOCK(facts.st_mode) ? "the socket" : "the directory", barrier,
                        (unsigned)facts.st_mode & 07777, owner, group->gr_name);
    if (facts.st_gid == 0) // nobody is made a member of root's
        snprintf(expected + size, 512 - (size_t)size,
                 "start posternd with --socket-group, and be a member of that group");
    else
        snprintf(expected + size, 512 - (size_t)size,
                 "run as a member of that group (usermod -aG %s %s, then log in again)", group->gr_name, my_name);
}

// In a child, as a user who may not: EACCES is the only thing that is looked at. Exits with the number of what is
// wrong.
static int ask_without_permission(const char *expected)
{
    struct postern_error error;
    if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
        return 1;
    struct postern *client = opened(LONG_MS, false);
    uint64_t before = now_ms();
    enum postern_status status = ask_health(client, &error);
    uint64_t took = now_ms() - before;
    postern_close(client);
    if (status == POSTERN_PERMISSION_DENIED && took < LONG_MS && strcmp(error.message, expected) == 0)
        return 0;
    fprintf(stderr, "%d after %u ms: %s\nexpected: %s\n", (int)status, (unsigned)took, error.message, expected);
    return 2;
}

static void assert_no_permission(const char *barrier)
{
    char expected[512];
    describe_barrier(expected, barrier, geteuid() == 0 ? NOBODY : geteuid());
    pid_t child = fork();
    if (child == 0)
        _exit(ask_without_permission(expected));
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void without_permission_a_call_fails_at_once_and_says_whose_it_is_and_what_to_do(void **state)
{
    (void)state;
    enum { DAEMON = 1 }; // a group that every system has
    int listener = sp_listen_ipc(path);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(chmod(directory, 0711), 0);
    assert_no_permission(path);
    if (geteuid() == 0) { // else it was the group of whoever runs this
        assert_int_equal(chown(path, (uid_t)-1, DAEMON), 0);
        assert_int_equal(chmod(path, 0660), 0);
        assert_no_permission(path);
    }
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(chmod(directory, 0600), 0);
    assert_no_permission(directory);
    assert_int_equal(chmod(directory, 0700), 0);
    close(listener);
}

static void say_hello_as_publisher(struct sp_peer *peer, int fd, unsigned nth)
{
    static const uint8_t hello[SP_GREETING] = {0, 'S', 'P', 0, 0, 0x20, 0, 0};
    uint8_t rest[64];
    (void)peer;
    (void)nth;
    if (sp_write(fd, hello, sizeof hello))
        while (recv(fd, rest, sizeof rest, 0) > 0) // the greeting, and no request
            continue;
}

static void say_http(struct sp_peer *peer, int fd, unsigned nth)
{
    (void)peer;
    (void)nth;
    uint8_t greeting[SP_GREETING];
    (void)(sp_read(fd, greeting, sizeof greeting) && sp_write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28));
}

static void what_is_not_posternd_is_told_at_once(void **state)
{
    (void)state;
    sp_talk *const talks[] = {say_hello_as_publisher, say_http};
    for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++) {
        struct sp_peer peer;
        struct postern_error error;
        sp_start(&peer, sp_listen_ipc(path), talks[i], NULL);
        struct postern *client = opened(LONG_MS, false);
        assert_int_equal(ask_health(client, &error), POSTERN_UNAVAILABLE);
        assert_non_null(strstr(error.message, "is not posternd"));
        assert_false(error.outcome_unknown);
        postern_close(client);
        sp_stop(&peer);
        unlink(path);
    }
}

// What a REP socket of somebody else may answer. Each answers all requests in its way, and counts them.
enum strange { SOME_TEXT, NOTHING, THE_REQUEST, ANOTHER_ID, ANOTHER_RESULT, STRANGE_ANSWERS };

struct strange_server {
    enum strange way;
    atomic_uint connections, requests;
};

// The bytes that a request came in; their size, 0 when the client has gone.
static size_t take_bytes(int fd, uint8_t id[4], uint8_t body[512])
{
    uint8_t head[SP_HEAD];
    if (!sp_read(fd, head, sizeof head))
        return 0;
    size_t size = (size_t)head[7] << 8 | head[8];
    return size >= 4 && size <= 512 && sp_read(fd, id, 4) && sp_read(fd, body, size - 4) ? size - 4 : 0;
}

// A Reply that is right but for one thing.
static size_t pack_reply(enum strange way, uint8_t body[512], size_t size)
{
    Postern__V1__Request *request = postern__v1__request__unpack(NULL, size, body);
    Postern__V1__Reply reply = POSTERN__V1__REPLY__INIT;
    Postern__V1__HealthReply healthy = POSTERN__V1__HEALTH_REPLY__INIT;
    Postern__V1__VerifyReply verified = POSTERN__V1__VERIFY_REPLY__INIT;
    uint8_t other[16] = "another request";
    assert_non_null(request);
    reply.server_time_ms = 1;
    reply.request_id = request->request_id;
    reply.result_case = POSTERN__V1__REPLY__RESULT_HEALTH;
    reply.health = &healthy;
    if (way == ANOTHER_ID)
        reply.request_id = (ProtobufCBinaryData){.len = sizeof other, .data = other};
    if (way == ANOTHER_RESULT) {
        reply.result_case = POSTERN__V1__REPLY__RESULT_VERIFY;
        reply.verify = &verified;
    }
    size = postern__v1__reply__pack(&reply, body);
    postern__v1__request__free_unpacked(request, NULL);
    return size;
}

static size_t answer_in_way(enum strange way, uint8_t body[512], size_t size)
{
    switch (way) {
    case SOME_TEXT:
        memcpy(body, "hello", 5);
        return 5;
    case NOTHING:
        return 0;
    case THE_REQUEST:
        return size;
    case ANOTHER_ID:
    case ANOTHER_RESULT:
    case STRANGE_ANSWERS:
        return pack_reply(way, body, size);
    }
    return 0;
}

static void answer_strangely(struct sp_peer *peer, int fd, unsigned nth)
{
    struct strange_server *server = peer->context;
    uint8_t frame[SP_HEAD + 4 + 512] = {1}, *id = frame + SP_HEAD, *body = id + 4;
    (void)nth;
    atomic_fetch_add(&server->connections, 1);
    bool good = sp_greet(fd);
    for (size_t size; good && (size = take_bytes(fd, id, body)) > 0;) {
        atomic_fetch_add(&server->requests, 1);
        size = answer_in_way(server->way, body, size);
        frame[7] = (uint8_t)((size + 4) >> 8);
        frame[8] = (uint8_t)(size + 4);
        good = sp_write(fd, frame, SP_HEAD + 4 + size);
    }
}

// One request tells it: there is no second one, however much time is left.
static void a_rep_socket_that_is_not_posternds_is_told_by_its_first_answer(void **state)
{
    (void)state;
    for (enum strange way = 0; way < STRANGE_ANSWERS; way++) {
        struct sp_peer peer;
        struct postern_error error;
        struct strange_server server = {.way = way};
        sp_start(&peer, sp_listen_ipc(path), answer_strangely, &server);
        struct postern *client = opened(LONG_MS, false);
        assert_int_equal(ask_health(client, &error), POSTERN_UNAVAILABLE);
        assert_non_null(strstr(error.message, "is not posternd"));
        assert_non_null(strstr(error.message, url));
        assert_true(error.outcome_unknown); // it took the request, whatever it is
        assert_false(error.answered);
        postern_close(client);
        sp_stop(&peer);
        assert_int_equal(atomic_load(&server.connections), 1);
        assert_int_equal(atomic_load(&server.requests), 1);
        unlink(path);
    }
}

// A TLS server's way to say that it was not spoken to in TLS: RFC 8446, 6.
static void say_alert(struct sp_peer *peer, int fd, unsigned nth)
{
    static const uint8_t alert[] = {0x15, 3, 1, 0, 2, 2, 0x46};
    atomic_uint *connections = peer->context;
    uint8_t greeting[SP_GREETING];
    (void)nth;
    atomic_fetch_add(connections, 1);
    (void)(sp_read(fd, greeting, sizeof greeting) && sp_write(fd, alert, sizeof alert));
}

static void a_port_that_speaks_tls_is_told_at_once(void **state)
{
    (void)state;
    struct sp_peer peer;
    struct postern_error error;
    struct postern *client = NULL;
    char plain[64], expected[96];
    atomic_uint connections = 0;
    int port = 0;
    sp_start(&peer, sp_listen_tcp(&port), say_alert, &connections);
    snprintf(plain, sizeof plain, "tcp://127.0.0.1:%d", port);
    snprintf(expected, sizeof expected, "speaks TLS: use tls+%s", plain);
    const struct postern_options options = {.url = plain, .timeout_ms = LONG_MS};
    assert_int_equal(postern_open(&options, &client, NULL), POSTERN_OK);
    assert_int_equal(ask_health(client, &error), POSTERN_UNAVAILABLE);
    if (strstr(error.message, expected) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", expected, error.message);
    assert_false(error.outcome_unknown);
    postern_close(client);
    sp_stop(&peer);
    assert_int_equal(atomic_load(&connections), 1);
}

static void answer_all(struct sp_peer *peer, int fd, unsigned nth)
{
    (void)peer;
    (void)nth;
    if (sp_greet(fd))
        sp_answer_on(fd);
}

static void who_does_not_wait_fails_at_once_and_finds_a_server_that_comes(void **state)
{
    (void)state;
    struct postern *client = opened(LONG_MS, true);
    struct postern_error error;
    uint64_t before = now_ms();
    for (int i = 0; i < 100; i++) { // most of them within the pause between two attempts
        assert_int_equal(ask_health(client, &error), POSTERN_UNAVAILABLE);
        assert_non_null(strstr(error.message, "there is no such socket"));
        assert_false(error.outcome_unknown);
    }
    assert_true(now_ms() - before < LONG_MS);
    struct sp_peer peer;
    sp_start(&peer, sp_listen_ipc(path), answer_all, NULL);
    while (ask_health(client, &error) != POSTERN_OK)
        assert_true(now_ms() - before < LONG_MS);
    postern_close(client);
    sp_stop(&peer);
}

static void count_and_close(struct sp_peer *peer, int fd, unsigned nth)
{
    (void)fd;
    atomic_store((atomic_uint *)peer->context, nth + 1);
}

// Pauses begin with 10 ms, double up to 250, and by jitter may be half as long: so much time goes by before the n-th
// attempt, whatever the machine is.
static uint64_t least_ms_before(unsigned attempts)
{
    uint64_t least = 0, pause = 10;
    for (unsigned i = 1; i < attempts; i++) {
        least += pause / 2;
        pause = pause * 2 < 250 ? pause * 2 : 250;
    }
    return least;
}

static void calls_that_are_younger_than_the_pause_make_no_attempt(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    struct sp_peer peer;
    struct postern_error error;
    atomic_uint attempts = 0;
    sp_start(&peer, sp_listen_ipc(path), count_and_close, &attempts);
    struct postern *client = opened(LONG_MS, true);
    const uint64_t begin = now_ms();
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(ask_health(client, &error), POSTERN_UNAVAILABLE);
        assert_non_null(strstr(error.message, "closes the connection at once")); // those that made no attempt, too
    }
    const uint64_t took = now_ms() - begin;
    postern_close(client);
    sp_stop(&peer);
    assert_in_range(atomic_load(&attempts), 1, MANY - 1);
    assert_true(least_ms_before(atomic_load(&attempts)) <= took + 1); // one is what cut milliseconds may differ by
}

static void a_name_that_no_host_has_is_told(void **state)
{
    (void)state;
    struct postern *client = NULL;
    struct postern_error error;
    const struct postern_options options = {.url = "tcp://no-such-host.invalid:7000", .fail_fast = true};
    assert_int_equal(postern_open(&options, &client, &error), POSTERN_OK);
    assert_int_equal(ask_health(client, &error), POSTERN_UNAVAILABLE);
    assert_non_null(strstr(error.message, "no-such-host.invalid is not found"));
    postern_close(client);
}

// ------------------------------------------------------------------------------------------------- odd answers

// A frame to nobody before each answer: to a call that was given up, say.
static void answer_others_too(struct sp_peer *peer, int fd, unsigned nth)
{
    static const uint8_t unknown[] = {1, 0, 0, 0, 0, 0, 0, 0, 6, 0xff, 0xff, 0xff, 0xf0, 'n', 'o'};
    (void)peer;
    (void)nth;
    bool good = sp_greet(fd);
    for (struct sp_request taken = sp_take(fd); good && taken.request != NULL; taken = sp_take(fd))
        good = sp_write(fd, unknown, sizeof unknown) && sp_send_answer(fd, &taken);
}

// Asks without a descriptor, and returns why that fails.
static struct postern_error asked_without_descriptors(const char *at)
{
    struct postern *client = NULL;
    struct postern_error error;
    struct rlimit before;
    assert_int_equal(postern_open(&(struct postern_options){.url = at, .timeout_ms = 100}, &client, NULL), POSTERN_OK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_max = before.rlim_max}), 0);
    const enum postern_status status = ask_health(client, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_not_equal(status, POSTERN_OK);
    postern_close(client);
    return error;
}

static void a_program_without_a_free_descriptor_is_told_how_to_get_one(void **state)
{
    (void)state;
    const char *const urls[] = {url, "tcp://127.0.0.1:1"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        const struct postern_error error = asked_without_descriptors(urls[i]);
        assert_int_equal(error.status, POSTERN_RESOURCE_EXHAUSTED);
        assert_non_null(strstr(error.message, "Too many open files: close some, or raise the limit (ulimit -n)"));
    }
    // A name cannot be looked up, and what the system says of that differs.
    assert_null(strstr(asked_without_descriptors("tcp://localhost:1").message, "System error"));
}

static void answers_to_nobody_are_skipped(void **state)
{
    (void)state;
    assert_answered(answer_others_too);
}

static bool write_slowly(int fd, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!sp_write(fd, bytes + i, 1))
            return false;
        sched_yield();
    }
    return true;
}

static void answer_slowly(struct sp_peer *peer, int fd, unsigned nth)
{
    uint8_t greeting[SP_GREETING], frame[512];
    (void)peer;
    (void)nth;
    bool good = write_slowly(fd, sp_greeting, sizeof sp_greeting) && sp_read(fd, greeting, sizeof greeting);
    for (struct sp_request taken = sp_take(fd); good && taken.request != NULL; taken = sp_take(fd))
        good = write_slowly(fd, frame, sp_answer(&taken, true, frame));
}

static void an_answer_may_come_byte_by_byte(void **state)
{
    (void)state;
    assert_answered(answer_slowly);
}

// The first connections say what no posternd says; a later one answers.
static void answer_wrongly_at_first(struct sp_peer *peer, int fd, unsigned nth)
{
    static const uint8_t wrong[][13] = {
        {2, 0, 0, 0, 0, 0, 0, 0, 4, 0x80, 0, 0, 0},                         // another type of message
        {1, 0, 0, 0, 0, 0, 0, 0, 3, 0x80, 0, 0},                            // no room for the id
        {1, 0, 0, 0, 0, 0, 0, 0, 0},                                        // nothing
        {1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1},                            // an id without its mark
        {1, 0, 0, 0, 0, 0, 0x10, 0, 5, 0x80, 0, 0, 0},                      // a byte more than 1 MiB
        {1, 0x80, 0, 0, 0, 0, 0, 0, 0},                                     // 2^63
        {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0}, // 2^64 - 1
    };
    uint8_t rest[64];
    if (nth >= sizeof wrong / sizeof wrong[0]) {
        answer_all(peer, fd, nth);
        return;
    }
    struct sp_request taken = {.request = NULL};
    if (sp_greet(fd))
        taken = sp_take(fd);
    if (taken.request == NULL)
        return;
    postern__v1__request__free_unpacked(taken.request, NULL);
    if (sp_write(fd, wrong[nth], sizeof wrong[0]))
        while (recv(fd, rest, sizeof rest, 0) > 0) // the client hangs up
            continue;
}

static void a_frame_that_is_none_ends_the_connection_and_the_call_goes_on(void **state)
{
    (void)state;
    assert_answered(answer_wrongly_at_first);
}

// The n-th connection is cut after n bytes of the greeting and the answer.
static void cut_at_each_byte(struct sp_peer *peer, int fd, unsigned nth)
{
    uint8_t all[SP_GREETING + 512], greeting[SP_GREETING];
    bool *whole = peer->context;
    memcpy(all, sp_greeting, SP_GREETING);
    size_t part = nth < SP_GREETING ? nth : SP_GREETING;
    if (!sp_write(fd, all, part) || nth < SP_GREETING || !sp_read(fd, greeting, sizeof greeting))
        return;
    struct sp_request taken = sp_take(fd);
    if (taken.request == NULL)
        return;
    size_t size = sp_answer(&taken, true, all);
    part = nth - SP_GREETING < size ? nth - SP_GREETING : size;
    *whole = sp_write(fd, all, part) && part == size;
}

static void a_connection_that_is_cut_at_any_byte_costs_no_call(void **state)
{
    (void)state;
    struct sp_peer peer;
    struct postern_error error;
    bool whole = false;
    sp_start(&peer, sp_listen_ipc(path), cut_at_each_byte, &whole);
    struct postern *client = opened(LONG_MS, false);
    if (ask_health(client, &error) != POSTERN_OK)
        fail_msg("%s", error.message);
    postern_close(client);
    sp_stop(&peer);
    assert_true(whole);
}

static void answer_one(struct sp_peer *peer, int fd, unsigned nth)
{
    (void)peer;
    (void)nth;
    struct sp_request taken = {.request = NULL};
    if (sp_greet(fd))
        taken = sp_take(fd);
    if (taken.request != NULL)
        (void)sp_send_answer(fd, &taken);
}

static void a_connection_that_was_closed_between_calls_is_replaced(void **state)
{
    (void)state;
    struct sp_peer peer;
    struct postern_error error;
    sp_start(&peer, sp_listen_ipc(path), answer_one, NULL);
    struct postern *client = opened(LONG_MS, false);
    for (int i = 0; i < 20; i++)
        if (ask_health(client, &error) != POSTERN_OK)
            fail_msg("%s", error.message);
    postern_close(client);
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

static void a_deadline_is_kept(void **state)
{
    (void)state;
    const uint32_t spans[] = {1, 20, 300, 700};
    struct sp_peer peer;
    struct postern_error error;
    sp_start(&peer, sp_listen_ipc(path), never_answer, NULL);
    struct postern *client = opened(LONG_MS, false);
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        struct postern_health_reply *reply = NULL;
        const struct postern_health_request request = {.call = {.timeout_ms = spans[i]}};
        uint64_t before = now_ms();
        assert_int_not_equal(postern_health(client, &request, &reply, &error), POSTERN_OK);
        // A pause that would go beyond the deadline is not begun; the last one has at most 500 ms of the first
        // answer's.
        assert_in_range(now_ms() - before, spans[i] < 500 ? spans[i] - 1 : 500, LONG_MS / 2);
    }
    postern_close(client);
    sp_stop(&peer);
}

// ------------------------------------------------------------------------------------------------- many at once

struct caller {
    pthread_t thread;
    struct postern *client;
    unsigned number;
    unsigned calls;
    const char *padding; // of the token
    unsigned right;
};

static void *call_often(void *context)
{
    struct caller *caller = context;
    for (unsigned i = 0; i < caller->calls; i++) {
        char account[32];
        snprintf(account, sizeof account, "account-%u-%u", caller->number, i);
        const struct postern_verify_request request = {.account = account, .api_key = caller->padding};
        struct postern_verify_reply *reply = NULL;
        if (postern_verify(caller->client, &request, &reply, NULL) == POSTERN_OK)
            caller->right += strcmp(reply->account, account) == 0;
        postern_reply_free(reply);
    }
    return NULL;
}

static void assert_all_right(sp_talk *talk, unsigned calls, const char *padding)
{
    struct sp_peer peer;
    struct caller callers[THREADS];
    sp_start(&peer, sp_listen_ipc(path), talk, NULL);
    struct postern *client = opened(LONG_MS, false);
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.client = client, .number = i, .calls = calls, .padding = padding};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].right, calls);
    }
    postern_close(client);
    sp_stop(&peer);
}

// All callers wait before the first is answered; the last one that asked is answered first.
static void answer_backwards(struct sp_peer *peer, int fd, unsigned nth)
{
    struct sp_request taken[THREADS];
    (void)peer;
    (void)nth;
    if (!sp_greet(fd))
        return;
    for (;;) {
        for (size_t i = 0; i < THREADS; i++) {
            taken[i] = sp_take(fd);
            if (taken[i].request == NULL)
                return;
        }
        for (size_t i = THREADS; i > 0; i--)
            (void)sp_send_answer(fd, &taken[i - 1]);
    }
}

static void answers_may_come_in_any_order(void **state)
{
    (void)state;
    assert_all_right(answer_backwards, 50, NULL);
}

// Reads so little at once that the client's socket is full most of the time.
static void read_slowly(struct sp_peer *peer, int fd, unsigned nth)
{
    const int small = 4096;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    answer_all(peer, fd, nth);
}

static void large_requests_of_many_threads_go_through_a_small_socket(void **state)
{
    (void)state;
    enum { PADDING = 60000 };
    char *padding = malloc(PADDING + 1);
    assert_non_null(padding);
    memset(padding, 'a', PADDING);
    padding[PADDING] = '\0';
    assert_all_right(read_slowly, 20, padding);
    free(padding);
}

// Hangs up after every few answers.
static void answer_three(struct sp_peer *peer, int fd, unsigned nth)
{
    (void)peer;
    (void)nth;
    bool good = sp_greet(fd);
    for (int i = 0; good && i < 3; i++) {
        struct sp_request taken = sp_take(fd);
        good = taken.request != NULL && sp_send_answer(fd, &taken);
    }
}

static void connections_that_are_lost_all_the_time_cost_no_call(void **state)
{
    (void)state;
    assert_all_right(answer_three, 10, NULL);
}

// A machine that has too much to do.
static void greet_late(struct sp_peer *peer, int fd, unsigned nth)
{
    const struct timespec late = {.tv_sec = 2, .tv_nsec = 500000000};
    nanosleep(&late, NULL);
    answer_all(peer, fd, nth);
}

static void who_is_slow_to_greet_is_given_more_time_at_each_attempt(void **state)
{
    (void)state;
    assert_answered(greet_late);
}

#define WITHOUT_SOCKET(test) cmocka_unit_test_setup_teardown(test, remove_socket, remove_socket)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITHOUT_SOCKET(a_socket_that_is_not_there_and_one_that_is_dead_are_told_apart),
        WITHOUT_SOCKET(without_permission_a_call_fails_at_once_and_says_whose_it_is_and_what_to_do),
        WITHOUT_SOCKET(what_is_not_posternd_is_told_at_once),
        WITHOUT_SOCKET(a_rep_socket_that_is_not_posternds_is_told_by_its_first_answer),
        WITHOUT_SOCKET(a_port_that_speaks_tls_is_told_at_once),
        WITHOUT_SOCKET(who_does_not_wait_fails_at_once_and_finds_a_server_that_comes),
        WITHOUT_SOCKET(calls_that_are_younger_than_the_pause_make_no_attempt),
        WITHOUT_SOCKET(a_name_that_no_host_has_is_told),
        WITHOUT_SOCKET(a_program_without_a_free_descriptor_is_told_how_to_get_one),
        WITHOUT_SOCKET(answers_to_nobody_are_skipped),
        WITHOUT_SOCKET(an_answer_may_come_byte_by_byte),
        WITHOUT_SOCKET(a_frame_that_is_none_ends_the_connection_and_the_call_goes_on),
        WITHOUT_SOCKET(a_connection_that_is_cut_at_any_byte_costs_no_call),
        WITHOUT_SOCKET(a_connection_that_was_closed_between_calls_is_replaced),
        WITHOUT_SOCKET(a_deadline_is_kept),
        WITHOUT_SOCKET(answers_may_come_in_any_order),
        WITHOUT_SOCKET(large_requests_of_many_threads_go_through_a_small_socket),
        WITHOUT_SOCKET(connections_that_are_lost_all_the_time_cost_no_call),
        WITHOUT_SOCKET(who_is_slow_to_greet_is_given_more_time_at_each_attempt),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
