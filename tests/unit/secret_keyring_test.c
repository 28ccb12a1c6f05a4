#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secret/secret.h"
#include "support/tempdir.h"

#define MASTER_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define MASTER_B "FFfefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0"

struct fixture {
    struct tempdir directory;
    char path[PATH_MAX]; // of the keyring
    struct status_failure failure;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->directory = tempdir_make();
    tempdir_join(&fixture->directory, "keyring", fixture->path);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    tempdir_remove(&fixture->directory);
    free(fixture);
    return 0;
}

static void write_file(const char *path, const char *content, size_t size, mode_t mode)
{
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, size), size);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void expect_refused(struct fixture *fixture, enum status wanted, const char *message_part)
{
    struct secret *secret = NULL;
    bool created = true;
    memset(&fixture->failure, 0, sizeof fixture->failure);
    enum status status = secret_open(fixture->path, true, &secret, &created, &fixture->failure);
    assert_int_equal(status, wanted);
    assert_null(secret);
    assert_false(created);
    if (strstr(fixture->failure.message, message_part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", fixture->failure.message, message_part);
    assert_null(strstr(fixture->failure.message, "0102030405"));
}

static void expect_content_refused(struct fixture *fixture, const char *content, const char *message_part)
{
    write_file(fixture->path, content, strlen(content), 0600);
    expect_refused(fixture, STATUS_FAILED_PRECONDITION, message_part);
    assert_non_null(strstr(fixture->failure.message, fixture->path));
}

static struct secret *open_content(struct fixture *fixture, const char *content)
{
    struct secret *secret = NULL;
    write_file(fixture->path, content, strlen(content), 0600);
    if (secret_open(fixture->path, false, &secret, NULL, &fixture->failure) != STATUS_OK)
        fail_msg("%s", fixture->failure.message);
    return secret;
}

static void created_keyring_is_private_and_opens_again_the_same(void **state)
{
    struct fixture *fixture = *state;
    uint8_t first[SECRET_HASH_SIZE], second[SECRET_HASH_SIZE];
    struct secret *secret = NULL;
    bool created = false;
    tempdir_join(&fixture->directory, "secrets/keyring", fixture->path);
    assert_int_equal(secret_open(fixture->path, true, &secret, &created, NULL), STATUS_OK);
    assert_true(created);
    assert_int_equal(secret_count(secret), 1);
    assert_int_equal(secret_newest_id(secret), 1);
    assert_int_equal(secret_check_value(secret, 1, first), STATUS_OK);
    secret_close(secret);

    struct stat info;
    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(info.st_nlink, 1); // no second name left behind
    char directory[PATH_MAX];
    assert_int_equal(stat(tempdir_join(&fixture->directory, "secrets", directory), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);

    assert_int_equal(secret_open(fixture->path, true, &secret, &created, NULL), STATUS_OK);
    assert_false(created);
    assert_int_equal(secret_check_value(secret, 1, second), STATUS_OK);
    assert_true(secret_equal(first, second));
    secret_close(secret);
    secret_close(NULL);
}

static void two_new_keyrings_differ(void **state)
{
    struct fixture *fixture = *state;
    uint8_t values[2][SECRET_HASH_SIZE];
    for (int i = 0; i < 2; i++) {
        struct secret *secret = NULL;
        assert_int_equal(secret_open(fixture->path, true, &secret, NULL, NULL), STATUS_OK);
        assert_int_equal(secret_check_value(secret, 1, values[i]), STATUS_OK);
        secret_close(secret);
        assert_int_equal(unlink(fixture->path), 0);
    }
    assert_false(secret_equal(values[0], values[1]));
}

static void missing_keyring_is_an_error_unless_it_may_be_created(void **state)
{
    struct fixture *fixture = *state;
    struct secret *secret = NULL;
    assert_int_equal(secret_open(fixture->path, false, &secret, NULL, &fixture->failure), STATUS_FAILED_PRECONDITION);
    assert_null(secret);
    assert_non_null(strstr(fixture->failure.message, fixture->path));
    assert_non_null(strstr(fixture->failure.message, "missing"));
    assert_int_equal(access(fixture->path, F_OK), -1);
}

static void keyring_that_cannot_be_made_is_unavailable(void **state)
{
    struct fixture *fixture = *state;
    tempdir_join(&fixture->directory, "a/b/keyring", fixture->path); // two levels are missing
    expect_refused(fixture, STATUS_UNAVAILABLE, "cannot create the directory");
}

static void several_masters_comments_and_blank_lines_are_read(void **state)
{
    struct secret *secret = open_content(*state, "postern-keyring 1\n# first\n\n1 " MASTER_A "\n#\n7 " MASTER_B
                                                 "\n4294967295 " MASTER_A "\n");
    assert_int_equal(secret_count(secret), 3);
    assert_int_equal(secret_id_at(secret, 0), 1);
    assert_int_equal(secret_id_at(secret, 1), 7);
    assert_true(secret_id_at(secret, 2) == UINT32_MAX);
    assert_true(secret_newest_id(secret) == UINT32_MAX);
    secret_close(secret);
}

static void others_access_is_refused_with_the_remedy(void **state)
{
    struct fixture *fixture = *state;
    static const char content[] = "postern-keyring 1\n1 " MASTER_A "\n";
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        write_file(fixture->path, content, sizeof content - 1, modes[i]);
        expect_refused(fixture, STATUS_FAILED_PRECONDITION, "chmod 600 ");
    }
}

static void another_users_keyring_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char content[] = "postern-keyring 1\n1 " MASTER_A "\n";
    if (geteuid() != 0) {
        print_message("# skip: only root can give files away\n");
        skip();
    }
    write_file(fixture->path, content, sizeof content - 1, 0600);
    assert_int_equal(chown(fixture->path, 12345, 12345), 0);
    expect_refused(fixture, STATUS_FAILED_PRECONDITION, "belongs to uid 12345");
}

static void symbolic_link_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char content[] = "postern-keyring 1\n1 " MASTER_A "\n";
    char target[PATH_MAX];
    write_file(tempdir_join(&fixture->directory, "target", target), content, sizeof content - 1, 0600);
    assert_int_equal(symlink(target, fixture->path), 0);
    expect_refused(fixture, STATUS_FAILED_PRECONDITION, "symbolic link");
}

static void dangling_link_is_not_followed_to_make_a_keyring(void **state)
{
    struct fixture *fixture = *state;
    char target[PATH_MAX];
    assert_int_equal(symlink(tempdir_join(&fixture->directory, "target", target), fixture->path), 0);
    expect_refused(fixture, STATUS_FAILED_PRECONDITION, "symbolic link");
    assert_int_equal(access(target, F_OK), -1);
}

static void directory_and_fifo_are_refused_at_once(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    expect_refused(fixture, STATUS_FAILED_PRECONDITION, "regular file");
    assert_int_equal(rmdir(fixture->path), 0);
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    expect_refused(fixture, STATUS_FAILED_PRECONDITION, "regular file");
}

static void every_cut_of_the_file_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    static const char content[] = "postern-keyring 1\n1 " MASTER_A "\n";
    for (size_t size = 0; size < sizeof content - 1; size++) {
        write_file(fixture->path, content, size, 0600);
        expect_refused(fixture, STATUS_FAILED_PRECONDITION, "restore");
    }
}

static void malformed_keyrings_name_the_line(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *content, *part;
    } rows[] = {
        {"", "keyring:1: no master secret"},
        {"postern-keyring 2\n1 " MASTER_A "\n", ":1: expected \"postern-keyring 1\""},
        {"# x\npostern-keyring 1\n1 " MASTER_A "\n", ":1: expected"},
        {"postern-keyring 1\r\n1 " MASTER_A "\r\n", ":1: expected"},
        {"1 " MASTER_A "\n", ":1: expected"},
        {"postern-keyring 1\n\n# none\n", ":3: no master secret"},
        {"postern-keyring 1\n2 " MASTER_A "\n", ":2: the first master secret must have id 1"},
        {"postern-keyring 1\n1 " MASTER_A "\n1 " MASTER_B "\n", ":3: ids must be ascending"},
        {"postern-keyring 1\n1 " MASTER_A "\n3 " MASTER_B "\n2 " MASTER_B "\n", ":4: ids must be ascending"},
        {"postern-keyring 1\n0 " MASTER_A "\n", ":2: expected \"<id>"},
        {"postern-keyring 1\n01 " MASTER_A "\n", ":2: expected \"<id>"},
        {"postern-keyring 1\n-1 " MASTER_A "\n", ":2: expected \"<id>"},
        {"postern-keyring 1\n " MASTER_A "\n", ":2: expected \"<id>"},
        {"postern-keyring 1\n1\n", ":2: expected \"<id>"},
        {"postern-keyring 1\n1\t" MASTER_A "\n", ":2: expected \"<id>"},
        {"postern-keyring 1\n1 " MASTER_A "\n4294967296 " MASTER_A "\n", ":3: expected \"<id>"},
        {"postern-keyring 1\n1 " MASTER_A "\n99999999999999999999 " MASTER_A "\n", ":3: expected \"<id>"},
        {"postern-keyring 1\n1  " MASTER_A "\n", ":2: expected exactly 64 hex digits"},
        {"postern-keyring 1\n1 " MASTER_A " \n", ":2: expected exactly 64 hex digits"},
        {"postern-keyring 1\n1 " MASTER_A "00\n", ":2: expected exactly 64 hex digits"},
        {"postern-keyring 1\n1 g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n",
         ":2: expected exactly"},
        {"postern-keyring 1\n1 0:0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n",
         ":2: expected exactly"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_content_refused(fixture, rows[i].content, rows[i].part);
}

static void binary_garbage_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char garbage[4096];
    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (char)(i * 7 % 256);
    write_file(fixture->path, garbage, sizeof garbage, 0600);
    expect_refused(fixture, STATUS_FAILED_PRECONDITION, "this is not a keyring");
}

static void too_large_a_file_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char line[] = "postern-keyring 1\n";
    write_file(fixture->path, line, sizeof line - 1, 0600);
    assert_int_equal(truncate(fixture->path, 17 * 1024), 0);
    expect_refused(fixture, STATUS_FAILED_PRECONDITION, "too large");
}

static void more_masters_than_there_is_room_for_are_refused(void **state)
{
    struct fixture *fixture = *state;
    char content[8192];
    size_t used = (size_t)snprintf(content, sizeof content, "postern-keyring 1\n");
    for (int id = 1; id <= 65; id++)
        used += (size_t)snprintf(content + used, sizeof content - used, "%d " MASTER_A "\n", id);
    expect_content_refused(fixture, content, ":66: more than 64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(created_keyring_is_private_and_opens_again_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_new_keyrings_differ, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_keyring_is_an_error_unless_it_may_be_created, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keyring_that_cannot_be_made_is_unavailable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(several_masters_comments_and_blank_lines_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_access_is_refused_with_the_remedy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_users_keyring_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(symbolic_link_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dangling_link_is_not_followed_to_make_a_keyring, set_up, tear_down),
        cmocka_unit_test_setup_teardown(directory_and_fifo_are_refused_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_cut_of_the_file_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(malformed_keyrings_name_the_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(binary_garbage_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_large_a_file_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_masters_than_there_is_room_for_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
