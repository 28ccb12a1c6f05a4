// tls+tcp: which servers are trusted, which are not and what is said then; one session under many threads and in an
// event loop.
#include "postern/postern.h"
#include "support/tls_peer.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

// Only a call that hangs reaches it.
enum { LONG_MS = 60000, THREADS = 16, CALLS = 50 };

static char directory[] = "/tmp/postern-tls-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    signal(SIGPIPE, SIG_IGN); // for the server, whose library writes without MSG_NOSIGNAL
    tls_make_authority(directory, "authority");
    tls_make_authority(directory, "stranger");
    tls_make(directory, "good", "authority", "DNS:localhost,IP:127.0.0.1", TLS_GOOD_NOW);
    tls_make(directory, "expired", "authority", "IP:127.0.0.1", TLS_EXPIRED);
    tls_make(directory, "elsewhere", "authority", "DNS:elsewhere.example", TLS_GOOD_NOW);
    tls_make(directory, "client", "authority", "DNS:client", TLS_GOOD_NOW);
    tls_make(directory, "unknown", "stranger", "DNS:client", TLS_GOOD_NOW);
    tls_run(directory, "openssl rsa -aes128 -passout pass:secret -in client.key -out locked.key");
    tls_run(directory, "cp client.key open.key && chmod 640 open.key");
    tls_run(directory, "cat client.crt client.key >open.both && chmod 604 open.both");
    tls_run(directory, "echo nonsense >nonsense");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", directory);
    return system(command);
}

static const char *file(const char *name, char room[128])
{
    snprintf(room, 128, "%s/%s", directory, name);
    return room;
}

// ------------------------------------------------------------------------------------------------------- server

static void talk_tls(struct sp_peer *peer, int fd, unsigned nth)
{
    (void)nth;
    tls_answer_on(peer->context, fd);
}

struct server {
    struct sp_peer peer;
    SSL_CTX *context;
    char url[64];
};

static void start(struct server *server, const char *certificate, const char *client_authority)
{
    int port = 0, listener = sp_listen_tcp(&port);
    server->context = tls_server(directory, certificate, client_authority);
    snprintf(server->url, sizeof server->url, "tls+tcp://127.0.0.1:%d", port);
    sp_start(&server->peer, listener, talk_tls, server->context);
}

static void stop(struct server *server)
{
    sp_stop(&server->peer);
    SSL_CTX_free(server->context);
}

// -------------------------------------------------------------------------------------------------------- client

// Files of the directory; NULL: none.
struct identity {
    const char *authority, *certificate, *key, *server_name;
};

static enum postern_status open_with(const char *url, struct identity identity, bool event_loop,
                                     struct postern **client, struct postern_error *error)
{
    char authority[128], certificate[128], key[128];
    const struct postern_options options = {
        .url = url,
        .timeout_ms = LONG_MS,
        .event_loop = event_loop,
        .tls_ca_file = identity.authority != NULL ? file(identity.authority, authority) : NULL,
        .tls_certificate_file = identity.certificate != NULL ? file(identity.certificate, certificate) : NULL,
        .tls_key_file = identity.key != NULL ? file(identity.key, key) : NULL,
        .tls_server_name = identity.server_name};
    return postern_open(&options, client, error);
}

static enum postern_status ask(const char *url, struct identity identity, struct postern_error *error)
{
    struct postern *client = NULL;
    struct postern_health_reply *reply = NULL;
    enum postern_status status = open_with(url, identity, false, &client, error);
    if (status != POSTERN_OK)
        return status;
    status = postern_health(client, NULL, &reply, error);
    postern_reply_free(reply);
    postern_close(client);
    return status;
}

static void assert_said(const struct postern_error *error, const char *expected)
{
    if (strstr(error->message, expected) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", expected, error->message);
}

// That the call fails at once, and says this.
static void assert_refused(const char *certificate, const char *client_authority, struct identity identity,
                           const char *expected)
{
    struct server server;
    struct postern_error error;
    start(&server, certificate, client_authority);
    assert_int_equal(ask(server.url, identity, &error), POSTERN_UNAVAILABLE);
    assert_said(&error, expected);
    assert_false(error.outcome_unknown);
    stop(&server);
}

static const struct identity trusting = {.authority = "authority.crt"};

static void who_is_trusted_is_asked(void **state)
{
    (void)state;
    struct server server;
    struct postern_error error;
    start(&server, "good", NULL);
    if (ask(server.url, trusting, &error) != POSTERN_OK)
        fail_msg("%s", error.message);
    stop(&server);
}

static void a_client_shows_its_certificate(void **state)
{
    (void)state;
    struct server server;
    struct postern_error error;
    start(&server, "good", "authority");
    const struct identity identity = {.authority = "authority.crt", .certificate = "client.crt", .key = "client.key"};
    if (ask(server.url, identity, &error) != POSTERN_OK)
        fail_msg("%s", error.message);
    stop(&server);
}

static void the_environment_names_the_files(void **state)
{
    (void)state;
    struct server server;
    struct postern_error error;
    char authority[128];
    start(&server, "elsewhere", NULL);
    setenv("POSTERN_TLS_CA", file("authority.crt", authority), 1);
    setenv("POSTERN_TLS_SERVER_NAME", "elsewhere.example", 1);
    enum postern_status status = ask(server.url, (struct identity){0}, &error);
    unsetenv("POSTERN_TLS_CA");
    unsetenv("POSTERN_TLS_SERVER_NAME");
    if (status != POSTERN_OK)
        fail_msg("%s", error.message);
    stop(&server);
}

static void a_certificate_that_is_not_right_is_told_at_once(void **state)
{
    (void)state;
    assert_refused("expired", NULL, trusting, "its certificate \"/CN=expired\" expired on");
    assert_refused("elsewhere", NULL, trusting, "is not for the host \"127.0.0.1\"");
    assert_refused("good", NULL, (struct identity){.authority = "authority.crt", .server_name = "other.example"},
                   "is not for the host \"other.example\"");
    assert_refused("good", NULL, (struct identity){.authority = "stranger.crt"}, "stranger.crt does not trust");
    assert_refused("good", NULL, (struct identity){0}, "the system does not trust");
}

static void a_server_that_wants_a_certificate_is_told_apart(void **state)
{
    (void)state;
    assert_refused("good", "authority", trusting, "it wants a certificate of ours");
    assert_refused("good", "authority",
                   (struct identity){.authority = "authority.crt", .certificate = "unknown.crt", .key = "unknown.key"},
                   "it refuses our certificate");
}

static void assert_unusable(struct identity identity, const char *expected)
{
    struct postern_error error;
    assert_int_equal(ask("tls+tcp://127.0.0.1:1", identity, &error), POSTERN_INVALID_ARGUMENT);
    assert_said(&error, expected);
}

static void files_that_cannot_be_used_are_named_when_the_handle_is_opened(void **state)
{
    (void)state;
    assert_unusable((struct identity){.authority = "absent.crt"}, "absent.crt cannot be read: No such file");
    assert_unusable((struct identity){.authority = "nonsense"}, "nonsense cannot be used: it is not PEM");
    assert_unusable((struct identity){.certificate = "absent.crt"}, "absent.crt cannot be read: No such file");
    assert_unusable((struct identity){.certificate = "nonsense"}, "nonsense cannot be used: it is not PEM");
    assert_unusable((struct identity){.certificate = "client.crt", .key = "good.key"},
                    "good.key does not belong to the certificate");
    assert_unusable((struct identity){.certificate = "client.crt", .key = "absent.key"}, "absent.key cannot be read");
    assert_unusable((struct identity){.certificate = "client.crt", .key = "locked.key"}, "locked.key cannot be used");
    assert_unusable((struct identity){.certificate = "client.crt", .key = "open.key"},
                    "open.key can be read by others (mode 640): chmod 600 it");
    assert_unusable((struct identity){.certificate = "open.both"}, "open.both can be read by others (mode 604)");
    assert_unusable((struct identity){.key = "client.key"}, "a TLS key without a certificate");
    assert_unusable((struct identity){.certificate = "expired.crt", .key = "expired.key"}, "expired on");
}

static void talk_plain(struct sp_peer *peer, int fd, unsigned nth)
{
    uint8_t rest[256];
    (void)peer;
    (void)nth;
    if (sp_write(fd, sp_greeting, sizeof sp_greeting))
        (void)recv(fd, rest, sizeof rest, 0);
}

static void tls_to_a_plain_port_and_the_reverse_are_told(void **state)
{
    (void)state;
    struct sp_peer plain;
    struct postern_error error;
    int port = 0;
    char url[64];
    sp_start(&plain, sp_listen_tcp(&port), talk_plain, NULL);
    snprintf(url, sizeof url, "tls+tcp://127.0.0.1:%d", port);
    assert_int_equal(ask(url, trusting, &error), POSTERN_UNAVAILABLE);
    assert_said(&error, "does not speak TLS");
    sp_stop(&plain);
    struct server server;
    start(&server, "good", NULL);
    // Whoever closes may be a posternd that ends: so the call waits, unless it is told not to.
    struct postern *client = NULL;
    struct postern_health_reply *reply = NULL;
    const struct postern_options impatient = {.url = server.url + strlen("tls+"), .fail_fast = true};
    assert_int_equal(postern_open(&impatient, &client, NULL), POSTERN_OK);
    assert_int_equal(postern_health(client, NULL, &reply, &error), POSTERN_UNAVAILABLE);
    assert_said(&error, "does that port speak TLS?");
    postern_close(client);
    stop(&server);
}

// --------------------------------------------------------------------------------------------------- many at once

struct caller {
    pthread_t thread;
    struct postern *client;
    unsigned number;
    unsigned right;
};

static void *call_often(void *context)
{
    struct caller *caller = context;
    for (unsigned i = 0; i < CALLS; i++) {
        char account[32];
        snprintf(account, sizeof account, "account-%u-%u", caller->number, i);
        const struct postern_verify_request request = {.account = account};
        struct postern_verify_reply *reply = NULL;
        if (postern_verify(caller->client, &request, &reply, NULL) == POSTERN_OK)
            caller->right += strcmp(reply->account, account) == 0;
        postern_reply_free(reply);
    }
    return NULL;
}

static void many_threads_share_one_session(void **state)
{
    (void)state;
    struct server server;
    struct postern *client = NULL;
    struct caller callers[THREADS];
    start(&server, "good", NULL);
    assert_int_equal(open_with(server.url, trusting, false, &client, NULL), POSTERN_OK);
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.client = client, .number = i};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].right, CALLS);
    }
    postern_close(client);
    stop(&server);
}

static void count(void *context, struct postern_verify_reply *reply, const struct postern_error *error)
{
    unsigned *good = context;
    if (reply == NULL)
        fail_msg("%s", error->message);
    (*good)++;
    postern_reply_free(reply);
}

static void an_event_loop_shakes_hands_too(void **state)
{
    (void)state;
    struct server server;
    struct postern *client = NULL;
    unsigned good = 0;
    start(&server, "good", NULL);
    assert_int_equal(open_with(server.url, trusting, true, &client, NULL), POSTERN_OK);
    const struct postern_verify_request request = {.account = "acme"};
    for (int i = 0; i < CALLS; i++)
        assert_int_equal(postern_verify_start(client, &request, count, &good, NULL), POSTERN_OK);
    while (good < CALLS) {
        unsigned wants = postern_events(client);
        struct pollfd ready = {.fd = postern_fd(client),
                               .events = (short)(((wants & POSTERN_WANT_READ) != 0 ? POLLIN : 0) |
                                                 ((wants & POSTERN_WANT_WRITE) != 0 ? POLLOUT : 0))};
        assert_true(poll(&ready, 1, (int)postern_wait_ms(client)) >= 0);
        postern_process(client);
    }
    postern_close(client);
    stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_trusted_is_asked),
        cmocka_unit_test(a_client_shows_its_certificate),
        cmocka_unit_test(the_environment_names_the_files),
        cmocka_unit_test(a_certificate_that_is_not_right_is_told_at_once),
        cmocka_unit_test(a_server_that_wants_a_certificate_is_told_apart),
        cmocka_unit_test(files_that_cannot_be_used_are_named_when_the_handle_is_opened),
        cmocka_unit_test(tls_to_a_plain_port_and_the_reverse_are_told),
        cmocka_unit_test(many_threads_share_one_session),
        cmocka_unit_test(an_event_loop_shakes_hands_too),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
