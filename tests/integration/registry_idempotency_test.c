// A retried change is not a second change.
#include "key/base62.h"
#include "registry/apply/idempotency.h"
#include "registry/table.h"
#include "support/registry_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int set_up(void **state)
{
    struct registry_fixture *fixture = calloc(1, sizeof *fixture);
    fixture_make(fixture);
    fixture_furnish(fixture, "acme");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

static void assert_sound(struct registry_fixture *fixture)
{
    struct status_failure failure = {.message = ""};
    enum status status = registry_fsck(fixture->registry, NULL, &failure);
    if (status != STATUS_OK)
        fail_msg("%s", failure.message);
}

static size_t count_keys(struct registry_fixture *fixture)
{
    struct registry_page page;
    struct registry_list query = {.page_size = REGISTRY_PAGE_MAX, .page_bytes_max = SIZE_MAX};
    assert_int_equal(registry_list_keys(fixture_look(fixture), &query, fixture->arena, &page), STATUS_OK);
    assert_false(page.more);
    return page.count;
}

static size_t purge_idempotency_records(struct registry_fixture *fixture)
{
    size_t count = 0;
    struct status_failure failure = {.message = ""};
    if (registry_purge_idempotency(fixture->registry, 1, &count, &failure) != STATUS_OK)
        fail_msg("%s", failure.message);
    return count;
}

static uint64_t newest_seq(struct registry_fixture *fixture)
{
    uint64_t seq = 0;
    assert_int_equal(registry_seq(fixture_look(fixture), &seq), STATUS_OK);
    return seq;
}

static size_t count_rows(struct registry_fixture *fixture, enum table table)
{
    struct store_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    size_t count = 0;
    assert_int_equal(store_cursor_open(fixture_look(fixture), table, &cursor), STATUS_OK);
    enum status status = store_cursor_seek(cursor, slice_empty(), &key, &value);
    for (; status == STATUS_OK; count++)
        status = store_cursor_next(cursor, &key, &value);
    store_cursor_close(cursor);
    return count;
}

static void retried_create_gives_the_same_reply_and_one_key(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *first = fixture_key(fixture, "acme");
    fixture_wait(fixture, 1000);
    struct ask *other = fixture_key(fixture, "acme");
    struct ask *again = ask_again(fixture, first);
    assert_int_equal(ask_run(fixture, again), STATUS_OK);
    assert_true(again->command.is_retry);
    assert_true(slice_equal(again->command.reply, first->command.reply));
    assert_int_equal(again->command.seq, other->command.seq); // the state now, not then
    assert_int_equal(again->command.result.token.size, 0);
    assert_int_equal(count_keys(fixture), 2);
    assert_sound(fixture);
}

static void retry_in_the_same_batch_gets_the_first_reply(void **state)
{
    struct registry_fixture *fixture = *state;
    sem_t started;
    sem_t release;
    assert_int_equal(sem_init(&started, 0, 0), 0);
    assert_int_equal(sem_init(&release, 0, 0), 0);
    struct ask *holder = ask_for_tier(fixture, "held", false);
    holder->started = &started;
    holder->release = &release;
    ask_start(fixture, holder);
    sem_wait(&started);
    struct ask *first = ask_for_key(fixture, "acme");
    struct ask *again = ask_again(fixture, first);
    ask_start(fixture, first);
    ask_start(fixture, again);
    sem_post(&release);
    assert_int_equal(ask_wait(holder), STATUS_OK);
    assert_int_equal(ask_wait(first), STATUS_OK);
    assert_int_equal(ask_wait(again), STATUS_OK);
    assert_true(again->command.is_retry);
    assert_true(slice_equal(again->command.reply, first->command.reply));
    assert_int_equal(count_keys(fixture), 1);
    sem_destroy(&started);
    sem_destroy(&release);
}

static void every_kind_of_change_may_be_repeated(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *key = fixture_key(fixture, "acme");
    struct ask *asks[] = {ask_for_tier(fixture, "paid", true), ask_for_account(fixture, "globex", "paid"),
                          ask_to_revoke(fixture, key->command.result.key.id, "leaked")};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ask_run(fixture, asks[i]), STATUS_OK);
        uint64_t seq = asks[i]->command.seq;
        struct ask *again = ask_again(fixture, asks[i]);
        assert_int_equal(ask_run(fixture, again), STATUS_OK);
        assert_true(again->command.is_retry);
        assert_true(slice_equal(again->command.reply, asks[i]->command.reply));
        assert_int_equal(again->command.seq, seq);
    }
}

static void idempotency_record_survives_a_restart(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *first = fixture_key(fixture, "acme");
    fixture_close(fixture);
    fixture_open(fixture);
    struct ask *again = ask_again(fixture, first);
    assert_int_equal(ask_run(fixture, again), STATUS_OK);
    assert_true(again->command.is_retry);
    assert_true(slice_equal(again->command.reply, first->command.reply));
}

static void another_caller_with_the_same_request_id_gets_a_key_of_its_own(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *first = fixture_key(fixture, "acme");
    struct ask *other = ask_again(fixture, first);
    other->command.caller.name = slice_text("uid:1000");
    assert_int_equal(ask_run(fixture, other), STATUS_OK);
    assert_false(other->command.is_retry);
    assert_false(slice_equal(other->command.reply, first->command.reply));
    assert_int_equal(count_keys(fixture), 2);
}

static void another_call_with_the_same_request_id_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *first = fixture_key(fixture, "acme");
    struct ask *other = ask_again(fixture, first);
    other->command.call_digest[31] ^= 1;
    assert_int_equal(ask_run(fixture, other), STATUS_ALREADY_EXISTS);
    assert_string_equal(other->command.failure.field, "request_id");
    assert_int_equal(other->command.reply.size, 0);
    assert_int_equal(count_keys(fixture), 1);
}

static void reply_is_not_given_to_a_caller_who_lost_its_authority(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *first = fixture_key(fixture, "acme");
    struct ask *again = ask_again(fixture, first);
    again->command.caller.is_operator = false;
    assert_int_equal(ask_run(fixture, again), STATUS_NOT_FOUND);
    assert_int_equal(again->command.reply.size, 0);
    struct ask *tier = ask_for_tier(fixture, "paid", false);
    assert_int_equal(ask_run(fixture, tier), STATUS_OK);
    again = ask_again(fixture, tier);
    again->command.caller.is_operator = false;
    assert_int_equal(ask_run(fixture, again), STATUS_PERMISSION_DENIED);
    assert_int_equal(again->command.reply.size, 0);
}

static void refused_commands_are_not_kept(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *refused = ask_for_key(fixture, "globex");
    assert_int_equal(ask_run(fixture, refused), STATUS_NOT_FOUND);
    assert_int_equal(ask_run(fixture, ask_for_account(fixture, "globex", "")), STATUS_OK);
    struct ask *again = ask_again(fixture, refused);
    assert_int_equal(ask_run(fixture, again), STATUS_OK);
    assert_false(again->command.is_retry);
}

static void what_changes_nothing_keeps_no_record(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *key = fixture_key(fixture, "acme");
    assert_int_equal(ask_run(fixture, ask_to_revoke(fixture, key->command.result.key.id, "leaked")), STATUS_OK);
    size_t records = count_rows(fixture, TABLE_IDEMPOTENCY);
    uint64_t seq = newest_seq(fixture);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ask_run(fixture, ask_to_revoke(fixture, key->command.result.key.id, "again")), STATUS_OK);
    assert_int_equal(count_rows(fixture, TABLE_IDEMPOTENCY), records);
    assert_int_equal(newest_seq(fixture), seq);
    assert_sound(fixture);
}

static void idempotency_record_ends_after_fifteen_minutes(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *first = fixture_key(fixture, "acme");
    fixture_wait(fixture, REGISTRY_IDEMPOTENCY_MS - 1);
    struct ask *in_time = ask_again(fixture, first);
    assert_int_equal(ask_run(fixture, in_time), STATUS_OK);
    assert_true(in_time->command.is_retry);
    fixture_wait(fixture, 1);
    struct ask *late = ask_again(fixture, first);
    assert_int_equal(ask_run(fixture, late), STATUS_OK);
    assert_false(late->command.is_retry);
    assert_int_equal(count_keys(fixture), 2);
    assert_sound(fixture);
}

static void expired_record_behind_others_counts_as_absent(void **state)
{
    struct registry_fixture *fixture = *state;
    for (int i = 0; i < 20; i++) // older than the one that is asked for
        fixture_key(fixture, "acme");
    fixture_wait(fixture, 1);
    struct ask *last = fixture_key(fixture, "acme");
    fixture_wait(fixture, REGISTRY_IDEMPOTENCY_MS);
    struct ask *late = ask_again(fixture, last);
    late->command.call_digest[0] ^= 1; // not even another call is in the way
    assert_int_equal(ask_run(fixture, late), STATUS_OK);
    assert_false(late->command.is_retry);
    assert_int_equal(count_rows(fixture, TABLE_IDEMPOTENCY), 23); // all are still there
    assert_sound(fixture);
}

static void expired_records_are_removed_by_a_change_alone(void **state)
{
    struct registry_fixture *fixture = *state;
    for (int i = 0; i < 18; i++)
        fixture_key(fixture, "acme");
    fixture_wait(fixture, REGISTRY_IDEMPOTENCY_MS);
    for (int i = 0; i < 3; i++)
        fixture_key(fixture, "acme");
    assert_int_equal(count_rows(fixture, TABLE_IDEMPOTENCY), 23); // with the tier's and the account's
    uint64_t seq = newest_seq(fixture);
    assert_int_equal(purge_idempotency_records(fixture), 20);
    assert_int_equal(newest_seq(fixture), seq + 1);
    assert_int_equal(count_rows(fixture, TABLE_IDEMPOTENCY), 3);
    assert_int_equal(count_rows(fixture, TABLE_IDEMPOTENCY_BY_TIME), 3);
    assert_int_equal(count_rows(fixture, TABLE_IDEMPOTENCY_COUNT), 1);
    assert_sound(fixture);
}

static void repeated_request_id_takes_the_place_of_its_expired_record(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *first = fixture_key(fixture, "acme");
    fixture_wait(fixture, REGISTRY_IDEMPOTENCY_MS);
    struct ask *late = ask_again(fixture, first);
    assert_int_equal(ask_run(fixture, late), STATUS_OK);
    assert_false(late->command.is_retry);
    assert_int_equal(count_rows(fixture, TABLE_IDEMPOTENCY), 3);
    assert_int_equal(count_rows(fixture, TABLE_IDEMPOTENCY_BY_TIME), 3);
    assert_sound(fixture);
    assert_int_equal(purge_idempotency_records(fixture), 2); // the tier's and the account's
    struct ask *again = ask_again(fixture, late);
    assert_int_equal(ask_run(fixture, again), STATUS_OK);
    assert_true(again->command.is_retry);
    assert_true(slice_equal(again->command.reply, late->command.reply));
    assert_sound(fixture);
}

static void reopen_with_retention(struct registry_fixture *fixture, uint64_t retention_ms)
{
    fixture_close(fixture);
    fixture->idempotency_retention_ms = retention_ms;
    fixture_open(fixture);
}

static void longer_retention_is_kept_and_a_shorter_one_is_not(void **state)
{
    struct registry_fixture *fixture = *state;
    reopen_with_retention(fixture, 2 * REGISTRY_IDEMPOTENCY_MS);
    struct ask *first = fixture_key(fixture, "acme");
    fixture_wait(fixture, 2 * REGISTRY_IDEMPOTENCY_MS - 1);
    assert_int_equal(purge_idempotency_records(fixture), 0);
    struct ask *again = ask_again(fixture, first);
    assert_int_equal(ask_run(fixture, again), STATUS_OK);
    assert_true(again->command.is_retry);
    fixture_wait(fixture, 1);
    again = ask_again(fixture, first);
    assert_int_equal(ask_run(fixture, again), STATUS_OK);
    assert_false(again->command.is_retry);
    reopen_with_retention(fixture, 1);
    fixture_wait(fixture, REGISTRY_IDEMPOTENCY_MS - 1);
    again = ask_again(fixture, first);
    assert_int_equal(ask_run(fixture, again), STATUS_OK);
    assert_true(again->command.is_retry);
}

static void request_id_of_another_size_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    const uint8_t bytes[REGISTRY_REQUEST_ID_SIZE + 1] = {0};
    const size_t sizes[] = {0, REGISTRY_REQUEST_ID_SIZE - 1, REGISTRY_REQUEST_ID_SIZE + 1};
    for (size_t i = 0; i < 3; i++) {
        struct ask *ask = ask_for_key(fixture, "acme");
        ask->command.request_id = slice_make(bytes, sizes[i]);
        assert_int_equal(ask_run(fixture, ask), STATUS_INVALID_ARGUMENT);
        assert_string_equal(ask->command.failure.field, "request_id");
    }
    assert_int_equal(count_keys(fixture), 0);
}

// --- the bound per caller

struct count_job {
    struct store_job job;
    struct slice caller;
    sem_t finished;
};

static void run_count(struct store_job *job, struct store_txn *txn)
{
    struct count_job *count = (struct count_job *)(void *)job;
    uint8_t value[TABLE_NUMBER_SIZE];
    table_number_write(REGISTRY_IDEMPOTENCY_PER_CALLER_MAX, value);
    store_put(txn, TABLE_IDEMPOTENCY_COUNT, count->caller, slice_make(value, sizeof value));
}

static void finish_count(struct store_job *job, enum status status)
{
    struct count_job *count = (struct count_job *)(void *)job;
    assert_int_equal(status, STATUS_OK);
    sem_post(&count->finished);
}

// As if the caller had made that many changes.
static void fill_up(struct registry_fixture *fixture, const char *caller)
{
    uint8_t hash[SECRET_HASH_SIZE];
    assert_int_equal(secret_idempotency_name(fixture->secret, secret_newest_id(fixture->secret), slice_text(caller),
                                             slice_empty(), hash),
                     STATUS_OK);
    struct count_job job = {.job = {.run = run_count, .done = finish_count}, .caller = slice_make(hash, sizeof hash)};
    assert_int_equal(sem_init(&job.finished, 0, 0), 0);
    store_submit(fixture->registry->store, &job.job);
    sem_wait(&job.finished);
    sem_destroy(&job.finished);
}

static void caller_with_too_many_records_has_to_wait(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *first = fixture_key(fixture, "acme");
    fill_up(fixture, "uid:0");
    struct ask *refused = ask_for_key(fixture, "acme");
    assert_int_equal(ask_run(fixture, refused), STATUS_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(refused->command.failure.message, "try again"));
    assert_int_equal(refused->command.result.token.size, 0);
    assert_int_equal(count_keys(fixture), 1);
    struct ask *again = ask_again(fixture, first); // needs no record of its own
    assert_int_equal(ask_run(fixture, again), STATUS_OK);
    assert_true(again->command.is_retry);
    struct ask *other = ask_for_key(fixture, "acme");
    other->command.caller.name = slice_text("uid:1000");
    assert_int_equal(ask_run(fixture, other), STATUS_OK);
    fixture_wait(fixture, REGISTRY_IDEMPOTENCY_MS);
    assert_int_equal(purge_idempotency_records(fixture), 4);
    assert_int_equal(ask_run(fixture, ask_for_key(fixture, "acme")), STATUS_OK);
}

// --- secrets

static bool file_contains(const char *path, struct slice needle)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(size);
    assert_int_equal(fread(bytes, 1, size, file), size);
    fclose(file);
    bool found = memmem(bytes, size, needle.data, needle.size) != NULL;
    free(bytes);
    return found;
}

static void no_secret_token_is_in_the_data_file(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *secret[20];
    struct ask *public = ask_for_key(fixture, "acme");
    public->command.ask.create.type = KEY_TYPE_PUBLIC;
    assert_int_equal(ask_run(fixture, public), STATUS_OK);
    for (size_t i = 0; i < 20; i++) {
        secret[i] = fixture_key(fixture, "acme");
        assert_int_equal(ask_run(fixture, ask_again(fixture, secret[i])), STATUS_OK);
    }
    char path[PATH_MAX];
    tempdir_join(&fixture->directory, "registry/data.mdb", path);
    assert_true(file_contains(path, public->command.result.token)); // the search does find what is there
    for (size_t i = 0; i < 20; i++) {
        struct slice token = secret[i]->command.result.token;
        uint8_t bytes[KEY_SECRET_SIZE];
        struct slice tail = slice_make(token.data + token.size - 49, 43); // the secret part alone
        assert_true(base62_read(tail.data, tail.size, bytes, sizeof bytes));
        assert_false(file_contains(path, token));
        assert_false(file_contains(path, tail));
        assert_false(file_contains(path, slice_make(bytes, sizeof bytes)));
        assert_false(file_contains(path, secret[i]->command.request_id));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(retried_create_gives_the_same_reply_and_one_key),
        TEST(retry_in_the_same_batch_gets_the_first_reply),
        TEST(every_kind_of_change_may_be_repeated),
        TEST(idempotency_record_survives_a_restart),
        TEST(another_caller_with_the_same_request_id_gets_a_key_of_its_own),
        TEST(another_call_with_the_same_request_id_is_refused),
        TEST(reply_is_not_given_to_a_caller_who_lost_its_authority),
        TEST(refused_commands_are_not_kept),
        TEST(what_changes_nothing_keeps_no_record),
        TEST(idempotency_record_ends_after_fifteen_minutes),
        TEST(expired_record_behind_others_counts_as_absent),
        TEST(expired_records_are_removed_by_a_change_alone),
        TEST(repeated_request_id_takes_the_place_of_its_expired_record),
        TEST(longer_retention_is_kept_and_a_shorter_one_is_not),
        TEST(request_id_of_another_size_is_refused),
        TEST(caller_with_too_many_records_has_to_wait),
        TEST(no_secret_token_is_in_the_data_file),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
