#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/tempdir.h"
#include "transport/address.h"

static enum status parse(const char *url, bool allow_plain_tcp, struct address *out, struct status_failure *failure)
{
    *failure = (struct status_failure){0};
    return address_parse(url, allow_plain_tcp, out, failure);
}

static void ipc_and_local_tcp_are_offered(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum address_kind kind;
    } cases[] = {
        {"ipc:///run/postern.sock", ADDRESS_IPC}, {"ipc://relative", ADDRESS_IPC},
        {"tcp://127.0.0.1:1", ADDRESS_TCP},       {"tcp://127.1.2.3:65535", ADDRESS_TCP},
        {"tcp://localhost:5555", ADDRESS_TCP},    {"tcp://[::1]:5555", ADDRESS_TCP},
        {"tls+tcp://0.0.0.0:5555", ADDRESS_TLS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address address;
        struct status_failure failure;
        assert_int_equal(parse(cases[i].url, false, &address, &failure), STATUS_OK);
        assert_int_equal(address.kind, cases[i].kind);
        assert_string_equal(address.url, cases[i].url);
    }
}

static void plain_tcp_beyond_this_machine_must_be_allowed(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "tcp://0.0.0.0:5555",  "tcp://*:5555", "tcp://[::]:5555",
        "tcp://10.0.0.1:5555", "tcp://:5555",  "tcp://127.0.0.1.example.org:5555",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address address;
        struct status_failure failure;
        assert_int_equal(parse(cases[i], false, &address, &failure), STATUS_INVALID_ARGUMENT);
        assert_non_null(strstr(failure.message, "--allow-plain-tcp"));
        assert_int_equal(parse(cases[i], true, &address, &failure), STATUS_OK);
    }
}

static void other_addresses_are_refused_with_a_hint(void **state)
{
    (void)state;
    char long_path[200] = "ipc:///";
    memset(long_path + 7, 'p', 107);
    static const struct {
        const char *url;
        const char *says;
    } cases[] = {
        {"abstract://postern", "abstract sockets have no permissions"},
        {"inproc://test", "only ipc:///PATH, tls+tcp://HOST:PORT and tcp://HOST:PORT"},
        {"tls+tcp://127.0.0.1", "HOST:PORT"},
        {"ws://127.0.0.1:5555", "only ipc:///PATH, tls+tcp://HOST:PORT and tcp://HOST:PORT"},
        {"nonsense", "only ipc:///PATH, tls+tcp://HOST:PORT and tcp://HOST:PORT"},
        {"ipc://", "names no file"},
        {"tcp://127.0.0.1", "HOST:PORT"},
        {"tcp://127.0.0.1:", "HOST:PORT"},
        {"tcp://127.0.0.1:0", "HOST:PORT"},
        {"tcp://127.0.0.1:65536", "HOST:PORT"},
        {"tcp://127.0.0.1:12a", "HOST:PORT"},
    };
    struct address address;
    struct status_failure failure;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(cases[i].url, false, &address, &failure), STATUS_INVALID_ARGUMENT);
        if (strstr(failure.message, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].url, failure.message);
    }
    assert_int_equal(parse(long_path, false, &address, &failure), STATUS_INVALID_ARGUMENT); // 108 bytes with the slash
    long_path[strlen(long_path) - 1] = '\0';
    assert_int_equal(parse(long_path, false, &address, &failure), STATUS_OK);
}

// --- what is at an ipc path

struct place {
    struct tempdir directory;
    char path[PATH_MAX];
    struct address address;
};

static int set_up(void **state)
{
    static struct place place;
    char url[PATH_MAX + 8];
    struct status_failure failure;
    place.directory = tempdir_make();
    (void)snprintf(url, sizeof url, "ipc://%s", tempdir_join(&place.directory, "s", place.path));
    assert_int_equal(parse(url, false, &place.address, &failure), STATUS_OK);
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    const struct place *place = *state;
    tempdir_remove(&place->directory);
    return 0;
}

static int bind_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void empty_place_is_free(void **state)
{
    const struct place *place = *state;
    struct status_failure failure;
    assert_int_equal(address_prepare(&place->address, NULL, &failure), STATUS_OK);
}

static void regular_file_is_left_alone(void **state)
{
    const struct place *place = *state;
    struct status_failure failure;
    FILE *file = fopen(place->path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(address_prepare(&place->address, NULL, &failure), STATUS_UNAVAILABLE);
    assert_non_null(strstr(failure.message, "something else than a socket"));
    assert_int_equal(access(place->path, F_OK), 0);
}

static void symbolic_link_is_left_alone(void **state)
{
    const struct place *place = *state;
    struct status_failure failure;
    assert_int_equal(symlink("/dev/null", place->path), 0);
    assert_int_equal(address_prepare(&place->address, NULL, &failure), STATUS_UNAVAILABLE);
}

static void socket_that_nobody_serves_is_free(void **state)
{
    const struct place *place = *state;
    struct status_failure failure;
    close(bind_socket(place->path));
    assert_int_equal(address_prepare(&place->address, NULL, &failure), STATUS_OK);
}

static void socket_of_a_living_program_is_not_free(void **state)
{
    const struct place *place = *state;
    struct status_failure failure;
    int fd = bind_socket(place->path);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(address_prepare(&place->address, NULL, &failure), STATUS_UNAVAILABLE);
    assert_non_null(strstr(failure.message, "another program listens there"));
    close(fd);
}

// As root one may connect to everything, so the test asks as somebody else.
static void socket_that_may_not_be_opened_is_not_called_served(void **state)
{
    const struct place *place = *state;
    struct status_failure failure;
    close(bind_socket(place->path));
    assert_int_equal(chmod(place->path, 0), 0);
    assert_int_equal(chmod(place->directory.path, 0755), 0);
    const uid_t me = geteuid();
    const bool changes = me == 0 && seteuid(65534) == 0;
    const enum status status = address_prepare(&place->address, NULL, &failure);
    if (changes)
        assert_int_equal(seteuid(me), 0);
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_null(strstr(failure.message, "another program"));
    assert_non_null(strstr(failure.message, "Permission denied"));
    assert_non_null(strstr(failure.message, "remove it"));
}

static void missing_directory_is_made_when_its_parent_is_there(void **state)
{
    const struct place *place = *state;
    struct address address;
    struct status_failure failure;
    struct stat facts;
    char path[PATH_MAX], url[PATH_MAX + 32];
    (void)snprintf(url, sizeof url, "ipc://%s/made/s", place->directory.path);
    assert_int_equal(parse(url, false, &address, &failure), STATUS_OK);
    assert_int_equal(address_prepare(&address, NULL, &failure), STATUS_OK);
    assert_int_equal(stat(tempdir_join(&place->directory, "made", path), &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0750);
    (void)snprintf(url, sizeof url, "ipc://%s/no/such/s", place->directory.path);
    assert_int_equal(parse(url, false, &address, &failure), STATUS_OK);
    assert_int_equal(address_prepare(&address, NULL, &failure), STATUS_UNAVAILABLE);
    assert_non_null(strstr(failure.message, "its directory is missing and cannot be made"));
    assert_non_null(strstr(failure.message, "make it"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipc_and_local_tcp_are_offered),
        cmocka_unit_test(plain_tcp_beyond_this_machine_must_be_allowed),
        cmocka_unit_test(other_addresses_are_refused_with_a_hint),
        cmocka_unit_test_setup_teardown(empty_place_is_free, set_up, tear_down),
        cmocka_unit_test_setup_teardown(regular_file_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(symbolic_link_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(socket_that_nobody_serves_is_free, set_up, tear_down),
        cmocka_unit_test_setup_teardown(socket_of_a_living_program_is_not_free, set_up, tear_down),
        cmocka_unit_test_setup_teardown(socket_that_may_not_be_opened_is_not_called_served, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_directory_is_made_when_its_parent_is_there, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
