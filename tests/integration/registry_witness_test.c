// Signed checkpoints beside the keyring: a store that lost its newest changes is noticed at the next start.
#include "support/registry_asks.h"
#include "support/registry_raw.h"

#include "registry/table.h"

#include <sys/stat.h>
#include <unistd.h>

static char *witness_path(struct registry_fixture *fixture)
{
    static char path[PATH_MAX];
    tempdir_join(&fixture->directory, "secrets/witness", path);
    return path;
}

static int set_up(void **state)
{
    asks_set_up(state);
    struct registry_fixture *fixture = *state;
    fixture_close(fixture);
    fixture->witness_path = witness_path(fixture);
    fixture_open(fixture);
    return 0;
}

static size_t read_file(const char *path, char out[16384])
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return 0;
    size_t size = fread(out, 1, 16383, file);
    fclose(file);
    out[size] = '\0';
    return size;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

// Copies the store's file away, or back.
static void copy_store(struct registry_fixture *fixture, const char *from, const char *to)
{
    enum { STORE_MAX = 16 * 1024 * 1024 };
    char path[PATH_MAX];
    char *bytes = malloc(STORE_MAX);
    assert_non_null(bytes);
    FILE *file = fopen(tempdir_join(&fixture->directory, from, path), "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, STORE_MAX, file);
    fclose(file);
    assert_in_range(size, 1, STORE_MAX - 1);
    write_file(tempdir_join(&fixture->directory, to, path), bytes, size);
    free(bytes);
}

static void assert_checkpoint(struct registry_fixture *fixture)
{
    struct status_failure failure = {.message = ""};
    if (registry_checkpoint(fixture->registry, &failure) != STATUS_OK)
        fail_msg("%s", failure.message);
}

static void assert_opens(struct registry_fixture *fixture)
{
    struct status_failure failure = {.message = ""};
    if (fixture_try_open(fixture, &failure) != STATUS_OK)
        fail_msg("%s", failure.message);
    fixture_close(fixture);
}

static void assert_refused(struct registry_fixture *fixture, const char *word)
{
    struct status_failure failure = {.message = ""};
    enum status status = fixture_try_open(fixture, &failure);
    if (status != STATUS_DATA_LOSS || strstr(failure.message, word) == NULL ||
        strstr(failure.message, fixture->witness_path) == NULL)
        fail_msg("%s \"%s\"", status_name(status), failure.message);
    assert_null(fixture->registry);
}

// --- writing

static void checkpoint_says_where_the_chain_is(void **state)
{
    struct registry_fixture *fixture = *state;
    char text[16384];
    struct stat facts;
    fixture_furnish(fixture, "acme");
    assert_checkpoint(fixture);
    assert_in_range(read_file(fixture->witness_path, text), 300, 400);
    assert_true(slice_starts_with(slice_text(text), slice_text("postern-witness 1 seq=2 mac=")));
    assert_non_null(strstr(text, " time=1700000000 master=1 public="));
    assert_int_equal(stat(fixture->witness_path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
}

static void nothing_is_written_while_nothing_changed(void **state)
{
    struct registry_fixture *fixture = *state;
    assert_checkpoint(fixture); // an empty chain has no place
    assert_int_not_equal(access(fixture->witness_path, F_OK), 0);
    fixture_furnish(fixture, "acme");
    assert_checkpoint(fixture);
    assert_int_equal(unlink(fixture->witness_path), 0);
    assert_checkpoint(fixture);
    assert_int_not_equal(access(fixture->witness_path, F_OK), 0);
    fixture_key(fixture, "acme");
    assert_checkpoint(fixture);
    assert_int_equal(access(fixture->witness_path, F_OK), 0);
}

static void closing_writes_a_last_checkpoint(void **state)
{
    struct registry_fixture *fixture = *state;
    char text[16384];
    fixture_furnish(fixture, "acme");
    struct ask *ask = ask_for_key(fixture, "acme");
    ask_start(fixture, ask); // not waited for
    fixture_close(fixture);
    assert_int_equal(ask_wait(ask), STATUS_OK);
    assert_in_range(read_file(fixture->witness_path, text), 300, 400);
    assert_non_null(strstr(text, " seq=3 "));
    assert_opens(fixture);
}

static void stranger_can_verify_with_the_public_key(void **state)
{
    struct registry_fixture *fixture = *state;
    char text[16384];
    uint8_t public_key[SECRET_PUBLIC_KEY_SIZE];
    uint8_t signature[SECRET_SIGNATURE_SIZE];
    fixture_furnish(fixture, "acme");
    assert_checkpoint(fixture);
    read_file(fixture->witness_path, text);
    uint32_t newest = secret_newest_id(fixture->secret);
    assert_int_equal(secret_checkpoint_public(fixture->secret, newest, public_key), STATUS_OK);
    char *end = strstr(text, " signature=");
    assert_non_null(end);
    for (size_t i = 0; i < sizeof signature; i++) {
        unsigned byte = 0;
        assert_int_equal(sscanf(end + strlen(" signature=") + 2 * i, "%2x", &byte), 1);
        signature[i] = (uint8_t)byte;
    }
    struct slice content = slice_make(text, (size_t)(end - text));
    assert_true(secret_checkpoint_verify(public_key, content, signature));
    text[30] ^= 1;
    assert_false(secret_checkpoint_verify(public_key, content, signature));
}

static void failure_to_write_is_told_and_made_up_for(void **state)
{
    struct registry_fixture *fixture = *state;
    struct status_failure failure = {.message = ""};
    char directory[PATH_MAX];
    char text[16384];
    fixture_furnish(fixture, "acme");
    snprintf(directory, sizeof directory, "%.*s.new", PATH_MAX - 8, fixture->witness_path);
    assert_int_equal(mkdir(directory, 0700), 0); // where the fresh file would be
    assert_int_equal(registry_checkpoint(fixture->registry, &failure), STATUS_UNAVAILABLE);
    assert_non_null(strstr(failure.message, fixture->witness_path));
    assert_int_equal(rmdir(directory), 0);
    assert_checkpoint(fixture);
    assert_int_not_equal(read_file(fixture->witness_path, text), 0);
}

// --- noticing

static void restored_backup_is_noticed(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    fixture_close(fixture);
    copy_store(fixture, "registry/data.mdb", "backup");
    fixture_open(fixture);
    fixture_key(fixture, "acme");
    fixture_close(fixture);
    assert_opens(fixture);
    copy_store(fixture, "backup", "registry/data.mdb");
    assert_refused(fixture, "older than its witness, which saw change 3");
    assert_refused(fixture, "to accept it, remove"); // the refused start left the witness as it was
    assert_int_equal(unlink(fixture->witness_path), 0);
    assert_opens(fixture);
}

// Other changes took the place of those that were lost.
static void other_history_of_the_same_length_is_noticed(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    fixture_close(fixture);
    copy_store(fixture, "registry/data.mdb", "backup");
    fixture_open(fixture);
    fixture_key(fixture, "acme");
    fixture_close(fixture);
    copy_store(fixture, "backup", "registry/data.mdb");
    const char *kept = fixture->witness_path;
    fixture->witness_path = NULL;
    fixture_open(fixture);
    fixture_key(fixture, "acme");
    fixture_key(fixture, "acme");
    fixture_close(fixture);
    fixture->witness_path = kept;
    assert_refused(fixture, "older than its witness, which saw change 3");
}

static void store_made_anew_under_the_old_keyring_is_noticed(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    fixture_close(fixture);
    tempdir_join(&fixture->directory, "other", fixture->path);
    assert_refused(fixture, "older than its witness, which saw change 2");
}

static void store_that_went_on_fits_an_older_witness(void **state)
{
    struct registry_fixture *fixture = *state;
    char text[16384];
    fixture_furnish(fixture, "acme");
    assert_checkpoint(fixture);
    size_t size = read_file(fixture->witness_path, text);
    fixture_key(fixture, "acme");
    fixture_close(fixture);
    write_file(fixture->witness_path, text, size);
    assert_opens(fixture);
}

static void damaged_witness_is_noticed(void **state)
{
    struct registry_fixture *fixture = *state;
    char text[16384];
    fixture_furnish(fixture, "acme");
    fixture_close(fixture);
    size_t size = read_file(fixture->witness_path, text);
    for (size_t at = 0; at < size; at += 7) {
        text[at] ^= 1;
        write_file(fixture->witness_path, text, size);
        assert_refused(fixture, "damaged");
        text[at] ^= 1;
    }
    write_file(fixture->witness_path, text, size - 1);
    assert_refused(fixture, "damaged");
    write_file(fixture->witness_path, text, 0);
    assert_refused(fixture, "damaged");
    write_file(fixture->witness_path, text, size);
    assert_opens(fixture);
}

static void witness_of_another_keyring_is_noticed(void **state)
{
    struct registry_fixture *fixture = *state;
    char text[16384];
    fixture_furnish(fixture, "acme");
    fixture_close(fixture);
    size_t size = read_file(fixture->witness_path, text);
    fixture_open_secret(fixture, "elsewhere/keyring");
    tempdir_join(&fixture->directory, "other", fixture->path);
    write_file(fixture->witness_path, text, size);
    assert_refused(fixture, "another keyring");
}

static void unreadable_witness_does_not_pass_for_none(void **state)
{
    struct registry_fixture *fixture = *state;
    struct status_failure failure = {.message = ""};
    fixture_close(fixture);
    unlink(fixture->witness_path);
    assert_int_equal(mkdir(fixture->witness_path, 0700), 0);
    assert_int_equal(fixture_try_open(fixture, &failure), STATUS_UNAVAILABLE);
    assert_non_null(strstr(failure.message, fixture->witness_path));
}

#define WITNESS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, asks_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITNESS_TEST(checkpoint_says_where_the_chain_is),
        WITNESS_TEST(nothing_is_written_while_nothing_changed),
        WITNESS_TEST(closing_writes_a_last_checkpoint),
        WITNESS_TEST(stranger_can_verify_with_the_public_key),
        WITNESS_TEST(failure_to_write_is_told_and_made_up_for),
        WITNESS_TEST(restored_backup_is_noticed),
        WITNESS_TEST(other_history_of_the_same_length_is_noticed),
        WITNESS_TEST(store_made_anew_under_the_old_keyring_is_noticed),
        WITNESS_TEST(store_that_went_on_fits_an_older_witness),
        WITNESS_TEST(damaged_witness_is_noticed),
        WITNESS_TEST(witness_of_another_keyring_is_noticed),
        WITNESS_TEST(unreadable_witness_does_not_pass_for_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
