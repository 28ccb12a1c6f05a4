// Commands that make several calls, against a scripted server.
#include "cli.h"
#include "support/client_peer.h"

#include <stdio.h>
#include <unistd.h>

static char directory[] = "/tmp/postern-cli-XXXXXX";
static char url[64];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(url, sizeof url, "ipc://%s/socket", directory);
    return setenv("POSTERN_URL", url, 1);
}

static int tear_down(void **state)
{
    (void)state;
    nng_fini();
    return rmdir(directory);
}

// Runs the program with these words (NULL ends them).
static int run(const char *first, ...)
{
    char name[] = "postern", *words[8] = {name};
    int count = 1;
    va_list arguments;
    va_start(arguments, first);
    for (const char *word = first; word != NULL; word = va_arg(arguments, const char *))
        words[count++] = strdup(word);
    va_end(arguments);
    char *copies[8];
    memcpy(copies, words, sizeof copies);
    struct cli cli = {0};
    command_run(&cli, count, words);
    fflush(stdout);
    postern_close(cli.client);
    pool_wipe(&cli.pool);
    for (int i = 1; i < count; i++)
        free(copies[i]);
    return cli.status;
}

// ----------------------------------------------------------------------------------------- suspend, resume, update

struct account_peer {
    Postern__V1__Account account;
    Postern__V1__GetAccountReply got;
    Postern__V1__PutAccountReply put;
    Postern__V1__Status aborted;
    unsigned collisions; // how often somebody else is quicker
    unsigned puts;
    uint64_t version; // that the last one asked for
    size_t mask_size;
    bool names_suspended; // and nothing else
};

static enum peer_act on_account(void *context, unsigned n, const Postern__V1__Request *request,
                                Postern__V1__Reply *reply)
{
    (void)n;
    struct account_peer *at = context;
    reply->result_case = (Postern__V1__Reply__ResultCase)request->call_case;
    if (request->call_case == POSTERN__V1__REQUEST__CALL_GET_ACCOUNT) {
        reply->get_account = &at->got;
        return PEER_ANSWER;
    }
    const Postern__V1__PutAccountRequest *put = request->put_account;
    at->puts++;
    at->version = put->if_version;
    at->mask_size = put->n_update_mask;
    at->names_suspended = put->n_update_mask == 1 && put->update_mask[0].len == strlen("suspended") &&
                          memcmp(put->update_mask[0].data, "suspended", strlen("suspended")) == 0;
    if (at->collisions > 0) {
        at->collisions--;
        at->account.version++;
        reply->status = &at->aborted;
        return PEER_ANSWER;
    }
    at->account.suspended = put->suspended;
    at->account.max_keys = put->max_keys;
    reply->put_account = &at->put;
    return PEER_ANSWER;
}

static void start_account(struct account_peer *at, struct peer *peer, unsigned collisions)
{
    static Postern__V1__Environment live[] = {POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE};
    *at = (struct account_peer){.collisions = collisions};
    postern__v1__account__init(&at->account);
    at->account.account = peer_text("acme");
    at->account.display_name = peer_text("Acme");
    at->account.tier = peer_text("free");
    at->account.environments = live;
    at->account.n_environments = 1;
    at->account.max_keys = 77;
    at->account.no_default_public_key = true;
    at->account.version = 5;
    postern__v1__get_account_reply__init(&at->got);
    at->got.account = &at->account;
    postern__v1__put_account_reply__init(&at->put);
    at->put.account = &at->account;
    postern__v1__status__init(&at->aborted);
    at->aborted.code = POSTERN_ABORTED;
    peer_start(peer, url, on_account, at);
}

static void suspending_sets_nothing_else(void **state)
{
    (void)state;
    struct account_peer at;
    struct peer peer;
    start_account(&at, &peer, 0);
    assert_int_equal(run("account", "suspend", "acme", NULL), CLI_DONE);
    assert_true(at.account.suspended);
    assert_true(at.names_suspended);
    assert_int_equal(run("account", "suspend", "acme", NULL), CLI_DONE); // it is already
    assert_int_equal(at.puts, 1);
    assert_int_equal(run("account", "resume", "acme", NULL), CLI_DONE);
    assert_false(at.account.suspended);
    assert_true(at.names_suspended);
    peer_stop(&peer);
}

static void update_is_repeated_when_somebody_else_was_quicker(void **state)
{
    (void)state;
    struct account_peer at;
    struct peer peer;
    start_account(&at, &peer, 3);
    assert_int_equal(run("account", "update", "acme", "--max-keys", "9", NULL), CLI_DONE);
    assert_int_equal(at.account.max_keys, 9);
    assert_int_equal(at.version, at.account.version); // as it was then
    assert_int_equal(at.mask_size, 2);                // the name and what was given
    assert_int_equal(at.puts, 4);
    peer_stop(&peer);
}

static void update_is_given_up_some_time(void **state)
{
    (void)state;
    struct account_peer at;
    struct peer peer;
    start_account(&at, &peer, 1000);
    assert_int_equal(run("account", "update", "acme", "--max-keys", "9", NULL), CLI_FAILED);
    assert_in_range(at.puts, 2, 100);
    peer_stop(&peer);
}

static void update_of_a_version_is_not_repeated(void **state)
{
    (void)state;
    struct account_peer at;
    struct peer peer;
    start_account(&at, &peer, 1);
    assert_int_equal(run("account", "update", "acme", "--max-keys", "9", "--if-version", "5", NULL), CLI_FAILED);
    assert_int_equal(at.puts, 1);
    assert_int_equal(at.version, 5);
    peer_stop(&peer);
}

// ------------------------------------------------------------------------------------------------------------ import

enum { REQUESTS_MAX = 8 };

struct importing {
    Postern__V1__ImportReply done;
    Postern__V1__Key key;
    Postern__V1__Key *keys[64];
    Postern__V1__Status refused;
    unsigned refuse; // the number of the request that is refused, from 0
    size_t counts[REQUESTS_MAX];
    unsigned requests;
};

static enum peer_act on_import(void *context, unsigned n, const Postern__V1__Request *request,
                               Postern__V1__Reply *reply)
{
    static Postern__V1__HealthReply health = POSTERN__V1__HEALTH_REPLY__INIT;
    struct importing *at = context;
    (void)n;
    if (request->call_case == POSTERN__V1__REQUEST__CALL_HEALTH) { // what time is it?
        reply->result_case = POSTERN__V1__REPLY__RESULT_HEALTH;
        reply->health = &health;
        return PEER_ANSWER;
    }
    unsigned number = at->requests++;
    at->counts[number % REQUESTS_MAX] = request->import->n_keys;
    reply->result_case = POSTERN__V1__REPLY__RESULT_IMPORT;
    at->done.n_keys = request->import->n_keys;
    reply->import = &at->done;
    if (number == at->refuse)
        reply->status = &at->refused;
    return PEER_ANSWER;
}

static void start_import(struct importing *at, struct peer *peer, unsigned refuse, uint32_t code, const char *field)
{
    *at = (struct importing){.refuse = refuse};
    postern__v1__key__init(&at->key);
    for (size_t i = 0; i < 64; i++)
        at->keys[i] = &at->key;
    postern__v1__import_reply__init(&at->done);
    at->done.keys = at->keys;
    postern__v1__status__init(&at->refused);
    at->refused.code = code;
    at->refused.field = peer_text(field);
    at->refused.message = peer_text("no");
    peer_start(peer, url, on_import, at);
}

// Puts that many rows before the command's standard input; that of `wrong`, from 1, is no JSON.
static void give_rows(size_t count, size_t wrong)
{
    FILE *rows = tmpfile();
    assert_non_null(rows);
    for (size_t i = 1; i <= count; i++)
        fprintf(rows,
                i == wrong ? "nonsense\n" : "{\"token\":\"an-old-token-%06zu\",\"account\":\"a\",\"name\":\"n\"}\n", i);
    rewind(rows);
    fclose(stdin);
    stdin = rows;
}

static void keys_are_sent_64_at_once(void **state)
{
    (void)state;
    struct importing at;
    struct peer peer;
    start_import(&at, &peer, UINT32_MAX, 0, "");
    give_rows(130, 0);
    assert_int_equal(run("import", NULL), CLI_DONE);
    assert_int_equal(at.requests, 3);
    assert_int_equal(at.counts[0], 64);
    assert_int_equal(at.counts[1], 64);
    assert_int_equal(at.counts[2], 2);
    peer_stop(&peer);
}

static void a_batch_with_a_wrong_line_is_not_sent(void **state)
{
    (void)state;
    struct importing at;
    struct peer peer;
    start_import(&at, &peer, UINT32_MAX, 0, "");
    give_rows(12, 6);
    assert_int_equal(run("import", "--batch", "4", NULL), CLI_FAILED);
    assert_int_equal(at.requests, 2);
    peer_stop(&peer);
}

static void what_is_wrong_with_one_key_does_not_stop_the_next_batch(void **state)
{
    (void)state;
    struct importing at;
    struct peer peer;
    start_import(&at, &peer, 0, POSTERN_NOT_FOUND, "import.keys[1].key.account");
    give_rows(8, 0);
    assert_int_equal(run("import", "--batch", "4", NULL), CLI_FAILED);
    assert_int_equal(at.requests, 2);
    peer_stop(&peer);
}

static void what_is_wrong_with_the_caller_stops_the_import(void **state)
{
    (void)state;
    struct importing at;
    struct peer peer;
    start_import(&at, &peer, 0, POSTERN_PERMISSION_DENIED, "");
    give_rows(8, 0);
    assert_int_equal(run("import", "--batch", "4", NULL), CLI_FAILED);
    assert_int_equal(at.requests, 1);
    peer_stop(&peer);
}

// ------------------------------------------------------------------------------- changes of which nobody knows

static const char unsure[] = "the registry's disk cannot be read or written (failing, or full?), and it is not known "
                             "whether the change was made: repeat it with the same request_id to find out";

static enum peer_act answer_unsure(void *context, unsigned n, const Postern__V1__Request *request,
                                   Postern__V1__Reply *reply)
{
    static Postern__V1__Status status = POSTERN__V1__STATUS__INIT;
    (void)context;
    (void)n;
    (void)request;
    status.code = POSTERN_UNAVAILABLE;
    status.message = peer_text(unsure);
    reply->status = &status;
    return PEER_ANSWER;
}

// Runs it and looks for a text in what it says on standard error.
static void assert_says(const char *text, const char *first, const char *second, const char *third)
{
    char said[4096];
    FILE *file = tmpfile();
    assert_non_null(file);
    int before = dup(STDERR_FILENO);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    assert_int_equal(run(first, "--timeout=100ms", second, third, NULL), CLI_NOT_ASKED);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    close(before);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    if (strstr(said, text) == NULL)
        fail_msg("it said: %s", said);
    assert_null(strstr(said, "request_id"));
    assert_null(strstr(said, "request id"));
}

static void a_change_that_may_have_been_made_names_the_command_to_look_with(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, url, answer_unsure, NULL);
    assert_says("look before you repeat it, with: postern list --account acme\n", "create", "--account=acme",
                "--name=x");
    assert_says("look before you repeat it, with: postern get key_000000000000000\n", "revoke", "key_000000000000000",
                "--yes");
    assert_says("look before you repeat it, with: postern audit --account acme\n", "ratecheck", "--account=acme",
                "--reset=requests");
    peer_stop(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suspending_sets_nothing_else),
        cmocka_unit_test(update_is_repeated_when_somebody_else_was_quicker),
        cmocka_unit_test(update_is_given_up_some_time),
        cmocka_unit_test(update_of_a_version_is_not_repeated),
        cmocka_unit_test(keys_are_sent_64_at_once),
        cmocka_unit_test(a_batch_with_a_wrong_line_is_not_sent),
        cmocka_unit_test(what_is_wrong_with_one_key_does_not_stop_the_next_batch),
        cmocka_unit_test(what_is_wrong_with_the_caller_stops_the_import),
        cmocka_unit_test(a_change_that_may_have_been_made_names_the_command_to_look_with),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
