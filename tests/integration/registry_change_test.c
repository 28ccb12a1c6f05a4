// Commands on a real store: what they change, what they refuse.
#include "registry/apply/apply.h"
#include "registry/state.h"
#include "support/registry_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int set_up(void **state)
{
    struct registry_fixture *fixture = calloc(1, sizeof *fixture);
    fixture_make(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

static void assert_note(const struct ask *ask, const char *field, const char *word)
{
    assert_string_equal(ask->command.failure.field, field);
    if (strstr(ask->command.failure.message, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", ask->command.failure.message, word);
}

static void assert_text(struct slice slice, const char *text)
{
    assert_true(slice_equal(slice, slice_text(text)));
}

static struct registry_key find_key(struct registry_fixture *fixture, const uint8_t id[KEY_ID_SIZE])
{
    struct registry_key key;
    assert_int_equal(registry_find_key(fixture_look(fixture), id, fixture->arena, &key), STATUS_OK);
    return key;
}

static struct registry_tier find_tier(struct registry_fixture *fixture, const char *name)
{
    struct registry_tier tier;
    assert_int_equal(registry_find_tier(fixture_look(fixture), slice_text(name), fixture->arena, &tier), STATUS_OK);
    return tier;
}

static struct registry_account find_account(struct registry_fixture *fixture, const char *id)
{
    struct registry_account account;
    assert_int_equal(registry_find_account(fixture_look(fixture), slice_text(id), fixture->arena, &account), STATUS_OK);
    return account;
}

static uint64_t seq_now(struct registry_fixture *fixture)
{
    uint64_t seq = 0;
    assert_int_equal(registry_seq(fixture_look(fixture), &seq), STATUS_OK);
    return seq;
}

static void assert_sound(struct registry_fixture *fixture)
{
    struct status_failure failure = {.message = ""};
    enum status status = registry_fsck(fixture->registry, NULL, &failure);
    if (status != STATUS_OK)
        fail_msg("%s", failure.message);
}

// --- create

static void created_key_is_found_and_its_token_matches(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *ask = ask_for_key(fixture, "acme");
    struct registry_key *create = &ask->command.ask.create;
    struct slice scopes[] = {slice_text("admin"), slice_text("postern:verify")};
    struct slice addresses[] = {slice_text("10.0.0.0/8")};
    struct registry_entry metadata[] = {{.key = slice_text("team"), .value = slice_text("ingest")}};
    create->scopes = scopes;
    create->scope_count = 2;
    create->addresses = addresses;
    create->address_count = 1;
    create->metadata = metadata;
    create->metadata_count = 1;
    create->facts.expires_at_ms = FIXTURE_START_MS + 1000;
    assert_int_equal(ask_run(fixture, ask), STATUS_OK);

    uint8_t id[KEY_ID_SIZE];
    bool whole = false;
    assert_true(slice_starts_with(ask->command.result.token, slice_text("acme_test_")));
    assert_true(key_token_find_id(ask->command.result.token, id, &whole) && whole);
    struct registry_key key = find_key(fixture, id);
    assert_text(key.account, "acme");
    assert_text(key.name, "prod-ingest");
    assert_text(key.created_by, "uid:0");
    assert_text(key.scopes[1], "postern:verify");
    assert_text(key.addresses[0], "10.0.0.0/8");
    assert_text(key.metadata[0].value, "ingest");
    assert_int_equal(key.scope_count, 2);
    assert_int_equal(key.facts.created_at_ms, FIXTURE_START_MS);
    assert_int_equal(key.facts.expires_at_ms, FIXTURE_START_MS + 1000);
    assert_int_equal(key.version, ask->command.seq);
    assert_memory_equal(key.lineage, key.id, KEY_ID_SIZE);
    assert_int_equal(key.public_token.size, 0);
    uint16_t slot = secret_account_slot(fixture->secret, slice_text("acme"));
    assert_int_equal(key.id[0] << 8 | key.id[1], slot);
    assert_true(registry_token_matches(fixture->registry, &key, ask->command.result.token));
    assert_false(registry_token_matches(fixture->registry, &key, slice_text("acme_test_other")));
}

static void random_bytes_of_a_command_are_wiped(void **state)
{
    struct registry_fixture *fixture = *state;
    const uint8_t zeros[REGISTRY_RANDOM_SIZE] = {0};
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    assert_memory_equal(made->command.random, zeros, sizeof zeros);
    struct ask *refused = ask_for_key(fixture, "nobody");
    assert_int_equal(ask_run(fixture, refused), STATUS_NOT_FOUND);
    assert_memory_equal(refused->command.random, zeros, sizeof zeros);
}

static void public_key_keeps_its_token(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *ask = ask_for_key(fixture, "acme");
    ask->command.ask.create.type = KEY_TYPE_PUBLIC;
    ask->command.ask.create.prefix = slice_text("shop");
    assert_int_equal(ask_run(fixture, ask), STATUS_OK);
    struct registry_key key = find_key(fixture, ask->command.result.key.id);
    assert_true(slice_equal(key.public_token, ask->command.result.token));
    assert_true(slice_starts_with(key.public_token, slice_text("shop_pub_test_")));
}

static void key_id_that_is_taken_is_made_anew(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *first = ask_for_key(fixture, "acme");
    struct ask *second = ask_for_key(fixture, "acme");
    memcpy(second->command.random, first->command.random, KEY_SECRET_SIZE + 9); // the same first id
    assert_int_equal(ask_run(fixture, first), STATUS_OK);
    assert_int_equal(ask_run(fixture, second), STATUS_OK);
    assert_memory_not_equal(first->command.result.key.id, second->command.result.key.id, KEY_ID_SIZE);
    assert_sound(fixture);
}

static void random_bytes_that_repeat_make_no_key(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    for (int i = 0; i < 2; i++) {
        struct ask *ask = ask_for_key(fixture, "acme");
        memset(ask->command.random, 7, sizeof ask->command.random);
        assert_int_equal(ask_run(fixture, ask), i == 0 ? STATUS_OK : STATUS_INTERNAL);
    }
}

static void key_for_an_unknown_account_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *ask = ask_for_key(fixture, "acme");
    assert_int_equal(ask_run(fixture, ask), STATUS_NOT_FOUND);
    assert_note(ask, "create.account", "postern account put acme");
}

static void another_account_looks_like_a_missing_one(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *other = ask_for_key(fixture, "acme");
    ask_as_admin(other, "globex");
    struct ask *missing = ask_for_key(fixture, "nobody");
    ask_as_admin(missing, "globex");
    assert_int_equal(ask_run(fixture, other), STATUS_NOT_FOUND);
    assert_int_equal(ask_run(fixture, missing), STATUS_NOT_FOUND);
    assert_note(other, "create.account", "no account \"acme\"");
    assert_note(missing, "create.account", "no account \"nobody\"");
    struct ask *maker = fixture_key(fixture, "acme");
    struct ask *own = ask_for_key(fixture, "acme");
    ask_as_admin(own, "acme");
    own->command.caller.key = &maker->command.result.key;
    assert_int_equal(ask_run(fixture, own), STATUS_OK);
    assert_text(find_key(fixture, own->command.result.key.id).created_by, "key_000000000000001");
}

static void caller_without_account_or_authority_creates_nothing(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *ask = ask_for_key(fixture, "");
    ask->command.caller.is_operator = false;
    assert_int_equal(ask_run(fixture, ask), STATUS_NOT_FOUND);
}

static void suspended_account_gets_no_key(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *suspend = ask_for_account(fixture, "acme", "");
    suspend->command.ask.put_account.suspended = true;
    assert_int_equal(ask_run(fixture, suspend), STATUS_OK);
    struct ask *ask = ask_for_key(fixture, "acme");
    assert_int_equal(ask_run(fixture, ask), STATUS_FAILED_PRECONDITION);
    assert_note(ask, "create.account", "suspended");
}

static void environment_that_the_account_lacks_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme"); // none named: test only
    struct ask *ask = ask_for_key(fixture, "acme");
    ask->command.ask.create.environment = KEY_ENVIRONMENT_LIVE;
    assert_int_equal(ask_run(fixture, ask), STATUS_FAILED_PRECONDITION);
    assert_note(ask, "create.environment", "--add-env live");

    struct ask *live_only = ask_for_account(fixture, "acme", "");
    live_only->command.ask.put_account.allows_live = true;
    assert_int_equal(ask_run(fixture, live_only), STATUS_OK);
    struct ask *test = ask_for_key(fixture, "acme");
    assert_int_equal(ask_run(fixture, test), STATUS_FAILED_PRECONDITION);
    struct ask *live = ask_for_key(fixture, "acme");
    live->command.ask.create.environment = KEY_ENVIRONMENT_LIVE;
    assert_int_equal(ask_run(fixture, live), STATUS_OK);
}

static void expiry_in_the_past_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *ask = ask_for_key(fixture, "acme");
    ask->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS;
    assert_int_equal(ask_run(fixture, ask), STATUS_INVALID_ARGUMENT);
    assert_note(ask, "create.expires_at_ms", "in the past");
    struct ask *next = ask_for_key(fixture, "acme");
    next->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS + 1;
    assert_int_equal(ask_run(fixture, next), STATUS_OK);
}

static void max_keys_counts_neither_revoked_nor_expired_keys(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *put = ask_for_account(fixture, "acme", "");
    put->command.ask.put_account.max_keys = 2;
    assert_int_equal(ask_run(fixture, put), STATUS_OK);
    struct ask *brief = ask_for_key(fixture, "acme");
    brief->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS + 1000;
    assert_int_equal(ask_run(fixture, brief), STATUS_OK);
    struct ask *lasting = fixture_key(fixture, "acme");

    struct ask *third = ask_for_key(fixture, "acme");
    assert_int_equal(ask_run(fixture, third), STATUS_RESOURCE_EXHAUSTED);
    assert_note(third, "create.account", "max_keys");
    fixture_wait(fixture, 1000); // brief is expired now
    assert_int_equal(ask_run(fixture, ask_for_key(fixture, "acme")), STATUS_OK);
    assert_int_equal(ask_run(fixture, ask_for_key(fixture, "acme")), STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(ask_run(fixture, ask_to_revoke(fixture, lasting->command.result.key.id, "")), STATUS_OK);
    assert_int_equal(ask_run(fixture, ask_for_key(fixture, "acme")), STATUS_OK);
    assert_int_equal(ask_run(fixture, ask_for_key(fixture, "acme")), STATUS_RESOURCE_EXHAUSTED);
    assert_sound(fixture);
}

static void max_keys_counts_each_account_by_itself(void **state)
{
    struct registry_fixture *fixture = *state;
    const char *accounts[] = {"acme", "acme-2", "acm"};
    fixture_furnish(fixture, "other");
    for (size_t i = 0; i < 3; i++) {
        struct ask *put = ask_for_account(fixture, accounts[i], "free");
        put->command.ask.put_account.max_keys = 1;
        assert_int_equal(ask_run(fixture, put), STATUS_OK);
        assert_int_equal(ask_run(fixture, ask_for_key(fixture, accounts[i])), STATUS_OK);
    }
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ask_run(fixture, ask_for_key(fixture, accounts[i])), STATUS_RESOURCE_EXHAUSTED);
}

static void keys_of_the_next_account_do_not_count(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *put = ask_for_account(fixture, "acm", ""); // sorts just before acme
    put->command.ask.put_account.max_keys = 1;
    assert_int_equal(ask_run(fixture, put), STATUS_OK);
    fixture_key(fixture, "acme");
    struct ask *brief = ask_for_key(fixture, "acm");
    brief->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS + 1;
    assert_int_equal(ask_run(fixture, brief), STATUS_OK);
    fixture_wait(fixture, 1);
    assert_int_equal(ask_run(fixture, ask_for_key(fixture, "acm")), STATUS_OK);
}

// --- revoke

static void revoked_key_stays_revoked_for_the_first_reason(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    fixture_wait(fixture, 10);
    struct ask *revoke = ask_to_revoke(fixture, made->command.result.key.id, "leaked");
    assert_int_equal(ask_run(fixture, revoke), STATUS_OK);
    struct registry_key key = find_key(fixture, made->command.result.key.id);
    assert_int_equal(key.facts.revoked_at_ms, FIXTURE_START_MS + 10);
    assert_text(key.revoke_reason, "leaked");
    assert_int_equal(key.version, revoke->command.seq);
    assert_text(revoke->command.result.account.id, "acme");

    fixture_wait(fixture, 10);
    struct ask *again = ask_to_revoke(fixture, made->command.result.key.id, "another reason");
    assert_int_equal(ask_run(fixture, again), STATUS_OK);
    assert_int_equal(again->command.seq, revoke->command.seq);
    assert_int_equal(seq_now(fixture), revoke->command.seq);
    key = find_key(fixture, made->command.result.key.id);
    assert_int_equal(key.facts.revoked_at_ms, FIXTURE_START_MS + 10);
    assert_text(key.revoke_reason, "leaked");
    assert_int_equal(again->command.result.key.facts.revoked_at_ms, FIXTURE_START_MS + 10);
}

static void expired_key_may_be_revoked(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = ask_for_key(fixture, "acme");
    made->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS + 5;
    assert_int_equal(ask_run(fixture, made), STATUS_OK);
    fixture_wait(fixture, 10);
    assert_int_equal(ask_run(fixture, ask_to_revoke(fixture, made->command.result.key.id, "")), STATUS_OK);
    assert_int_equal(find_key(fixture, made->command.result.key.id).facts.revoked_at_ms, FIXTURE_START_MS + 10);
}

static void unknown_key_and_anothers_key_cannot_be_revoked(void **state)
{
    struct registry_fixture *fixture = *state;
    const uint8_t unknown[KEY_ID_SIZE] = {0, 1, 2};
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    struct ask *missing = ask_to_revoke(fixture, unknown, "");
    assert_int_equal(ask_run(fixture, missing), STATUS_NOT_FOUND);
    assert_note(missing, "revoke.key_id", "key_");
    struct ask *foreign = ask_to_revoke(fixture, made->command.result.key.id, "");
    ask_as_admin(foreign, "globex");
    assert_int_equal(ask_run(fixture, foreign), STATUS_NOT_FOUND);
    assert_note(foreign, "revoke.key_id", "there is no key");
    assert_int_equal(find_key(fixture, made->command.result.key.id).facts.revoked_at_ms, 0);
    struct ask *own = ask_to_revoke(fixture, made->command.result.key.id, "");
    ask_as_admin(own, "acme");
    assert_int_equal(ask_run(fixture, own), STATUS_OK);
}

static struct ask *ask_to_revoke_token(struct registry_fixture *fixture, struct slice token)
{
    struct ask *ask = ask_new(fixture, REGISTRY_REVOKE);
    ask->command.caller = (struct registry_caller){.name = slice_text("holder")};
    ask->command.ask.revoke.by_token = true;
    ask->command.ask.revoke.token = token;
    return ask;
}

static atomic_uint_fast64_t known_seq;

static void note_known_seq(struct registry_command *command)
{
    atomic_store(&known_seq, registry_committed_seq(command->registry));
    ask_done(command);
}

static void change_is_known_before_its_reply(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    struct ask *revoke = ask_to_revoke(fixture, made->command.result.key.id, "");
    revoke->command.done = note_known_seq;
    assert_int_equal(ask_run(fixture, revoke), STATUS_OK);
    assert_int_equal(revoke->command.seq, made->command.seq + 1);
    assert_int_equal(atomic_load(&known_seq), revoke->command.seq);
}

static void holder_of_a_token_may_revoke_it(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    struct ask *revoke = ask_to_revoke_token(fixture, made->command.result.token);
    assert_int_equal(ask_run(fixture, revoke), STATUS_OK);
    assert_int_not_equal(find_key(fixture, made->command.result.key.id).facts.revoked_at_ms, 0);
}

static void wrong_secret_revokes_nothing(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    struct slice token = made->command.result.token;
    char text[KEY_TOKEN_MAX];
    memcpy(text, token.data, token.size);
    char *in_id = text + token.size - KEY_BODY_SIZE + 5, *in_secret = text + token.size - 10;
    *in_secret = *in_secret == 'a' ? 'b' : 'a';
    struct slice forged = slice_make(text, token.size);
    struct ask *wrong = ask_to_revoke_token(fixture, forged);
    assert_int_equal(ask_run(fixture, wrong), STATUS_NOT_FOUND);
    assert_note(wrong, "revoke.api_key", "not the token");
    struct ask *garbage = ask_to_revoke_token(fixture, slice_text("no token at all"));
    assert_int_equal(ask_run(fixture, garbage), STATUS_NOT_FOUND);
    *in_id = *in_id == 'a' ? 'b' : 'a';
    struct ask *unknown = ask_to_revoke_token(fixture, forged);
    assert_int_equal(ask_run(fixture, unknown), STATUS_NOT_FOUND);
    assert_int_equal(find_key(fixture, made->command.result.key.id).facts.revoked_at_ms, 0);
}

static void public_key_is_not_revoked_by_its_token_whoever_asks(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = ask_for_key(fixture, "acme");
    made->command.ask.create.type = KEY_TYPE_PUBLIC;
    assert_int_equal(ask_run(fixture, made), STATUS_OK);
    const struct registry_caller callers[] = {{.name = slice_text("holder")},
                                              {.name = slice_text("key_1"), .account = slice_text("acme")},
                                              {.name = slice_text("uid:0"), .is_operator = true}};
    for (size_t i = 0; i < 3; i++) {
        struct ask *ask = ask_to_revoke_token(fixture, made->command.result.token);
        ask->command.caller = callers[i];
        assert_int_equal(ask_run(fixture, ask), STATUS_FAILED_PRECONDITION);
        assert_note(ask, "revoke.api_key", "key_id");
    }
    assert_int_equal(find_key(fixture, made->command.result.key.id).facts.revoked_at_ms, 0);
    assert_int_equal(ask_run(fixture, ask_to_revoke(fixture, made->command.result.key.id, "")), STATUS_OK);
}

static void revoking_another_version_is_aborted(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    struct ask *revoke = ask_to_revoke(fixture, made->command.result.key.id, "");
    revoke->command.if_version = made->command.seq + 1;
    assert_int_equal(ask_run(fixture, revoke), STATUS_ABORTED);
    assert_note(revoke, "revoke.if_version", "read it again");
    struct ask *right = ask_to_revoke(fixture, made->command.result.key.id, "");
    right->command.if_version = made->command.seq;
    assert_int_equal(ask_run(fixture, right), STATUS_OK);
    struct ask *again = ask_to_revoke(fixture, made->command.result.key.id, "");
    again->command.if_version = made->command.seq;
    assert_int_equal(ask_run(fixture, again), STATUS_ABORTED); // it has another version now
}

// --- accounts and tiers

static void account_keeps_what_a_put_does_not_name(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    assert_int_equal(ask_run(fixture, ask_for_tier(fixture, "paid", false)), STATUS_OK);
    fixture_wait(fixture, 50);
    struct ask *paid = ask_for_account(fixture, "acme", "paid");
    assert_int_equal(ask_run(fixture, paid), STATUS_OK);
    assert_int_equal(ask_run(fixture, ask_for_account(fixture, "acme", "")), STATUS_OK);
    struct registry_account account = find_account(fixture, "acme");
    assert_text(account.tier, "paid");
    assert_int_equal(account.created_at_ms, FIXTURE_START_MS);
    assert_int_equal(account.max_keys, ACCOUNT_DEFAULT_MAX_KEYS);
    assert_true(account.allows_test);
    assert_false(account.allows_live);
    assert_int_equal(account.version, seq_now(fixture));
}

static void account_without_a_tier_keeps_none(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *none = ask_for_account(fixture, "acme", "");
    assert_int_equal(ask_run(fixture, none), STATUS_OK);
    assert_int_equal(none->command.result.account.tier.size, 0);
    struct ask *unknown = ask_for_account(fixture, "acme", "gold");
    assert_int_equal(ask_run(fixture, unknown), STATUS_NOT_FOUND);
    assert_note(unknown, "put_account.tier", "postern tier put gold");
    assert_int_equal(ask_run(fixture, ask_for_tier(fixture, "plain", false)), STATUS_OK);
    assert_int_equal(ask_run(fixture, ask_for_account(fixture, "acme", "")), STATUS_OK);
    assert_int_equal(ask_run(fixture, ask_for_tier(fixture, "plain", true)), STATUS_OK);
    struct ask *again = ask_for_account(fixture, "acme", "");
    assert_int_equal(ask_run(fixture, again), STATUS_OK);
    assert_int_equal(again->command.result.account.tier.size, 0); // a default made later is for new accounts
}

static void default_mark_moves_from_tier_to_tier(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme"); // tier free is the default
    struct ask *put = ask_for_tier(fixture, "paid", true);
    assert_int_equal(ask_run(fixture, put), STATUS_OK);
    assert_false(find_tier(fixture, "free").is_default);
    assert_int_equal(find_tier(fixture, "free").version, put->command.seq);
    assert_true(find_tier(fixture, "paid").is_default);
    assert_int_equal(ask_run(fixture, ask_for_account(fixture, "globex", "")), STATUS_OK);
    assert_text(find_account(fixture, "globex").tier, "paid");
    assert_text(find_account(fixture, "acme").tier, "free");
    assert_sound(fixture);
}

static void default_mark_goes_only_with_its_own_tier(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    assert_int_equal(ask_run(fixture, ask_for_tier(fixture, "paid", false)), STATUS_OK);
    assert_true(find_tier(fixture, "free").is_default);
    assert_int_equal(ask_run(fixture, ask_for_tier(fixture, "free", true)), STATUS_OK);
    assert_true(find_tier(fixture, "free").is_default);
    assert_int_equal(ask_run(fixture, ask_for_tier(fixture, "free", false)), STATUS_OK);
    struct ask *globex = ask_for_account(fixture, "globex", "");
    assert_int_equal(ask_run(fixture, globex), STATUS_OK);
    assert_int_equal(globex->command.result.account.tier.size, 0);
    assert_sound(fixture);
}

static void put_of_another_version_is_aborted(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *account = ask_for_account(fixture, "acme", "");
    account->command.if_version = 1;
    assert_int_equal(ask_run(fixture, account), STATUS_ABORTED);
    assert_note(account, "put_account.if_version", "version 2, not 1");
    struct ask *fresh = ask_for_account(fixture, "globex", "");
    fresh->command.if_version = 1;
    assert_int_equal(ask_run(fixture, fresh), STATUS_ABORTED);
    assert_note(fresh, "put_account.if_version", "no such record");
    struct ask *tier = ask_for_tier(fixture, "free", true);
    tier->command.if_version = 2;
    assert_int_equal(ask_run(fixture, tier), STATUS_ABORTED);
    tier = ask_for_tier(fixture, "free", true);
    tier->command.if_version = 1;
    assert_int_equal(ask_run(fixture, tier), STATUS_OK);
    assert_int_equal(seq_now(fixture), 3);
}

static void only_operators_put_accounts_and_tiers(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *account = ask_for_account(fixture, "acme", "");
    ask_as_admin(account, "acme");
    assert_int_equal(ask_run(fixture, account), STATUS_PERMISSION_DENIED);
    assert_note(account, "", "operator");
    struct ask *tier = ask_for_tier(fixture, "free", true);
    ask_as_admin(tier, "acme");
    assert_int_equal(ask_run(fixture, tier), STATUS_PERMISSION_DENIED);
    assert_note(tier, "", "operator");
    assert_int_equal(seq_now(fixture), 2);
}

static void command_of_an_unknown_kind_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *ask = ask_for_tier(fixture, "free", true);
    ask->command.kind = (enum registry_command_kind)4711;
    assert_int_equal(ask_run(fixture, ask), STATUS_UNIMPLEMENTED);
    assert_note(ask, "", "4711");
    assert_int_equal(seq_now(fixture), 0);
}

// --- batches

static void commands_of_one_batch_see_each_other(void **state)
{
    struct registry_fixture *fixture = *state;
    sem_t started;
    sem_t release;
    assert_int_equal(sem_init(&started, 0, 0), 0);
    assert_int_equal(sem_init(&release, 0, 0), 0);
    fixture_furnish(fixture, "acme");
    struct ask *one = ask_for_account(fixture, "acme", "");
    one->command.ask.put_account.max_keys = 1;
    assert_int_equal(ask_run(fixture, one), STATUS_OK);
    uint64_t commits = registry_health(fixture->registry).commits;

    struct ask *holder = ask_for_tier(fixture, "held", false);
    holder->started = &started;
    holder->release = &release;
    ask_start(fixture, holder);
    sem_wait(&started); // the writer stands still: what comes now is the next batch
    struct ask *first = ask_for_key(fixture, "acme");
    struct ask *refused = ask_for_key(fixture, "acme");
    struct ask *unrelated = ask_for_tier(fixture, "later", false);
    ask_start(fixture, first);
    ask_start(fixture, refused);
    ask_start(fixture, unrelated);
    sem_post(&release);
    assert_int_equal(ask_wait(holder), STATUS_OK);
    assert_int_equal(ask_wait(first), STATUS_OK);
    assert_int_equal(ask_wait(refused), STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(ask_wait(unrelated), STATUS_OK);
    assert_int_equal(unrelated->command.seq, first->command.seq + 1);
    assert_int_equal(registry_health(fixture->registry).commits, commits + 2);
    assert_sound(fixture);
    sem_destroy(&started);
    sem_destroy(&release);
}

static void command_without_memory_for_its_reply_changes_nothing(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *ask = ask_for_key(fixture, "acme");
    ask->out_of_memory = true;
    assert_int_equal(ask_run(fixture, ask), STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(ask->command.result.token.size, 0);
    assert_int_equal(seq_now(fixture), 2);
    struct ask *again = ask_again(fixture, ask);
    assert_int_equal(ask_run(fixture, again), STATUS_OK);
    assert_false(again->command.is_retry);
    assert_sound(fixture);
}

static void command_fails_cleanly_for_every_memory_budget(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    enum status status = STATUS_RESOURCE_EXHAUSTED;
    for (size_t budget = 64; status != STATUS_OK; budget += 64) {
        struct ask *ask = ask_for_key(fixture, "acme");
        arena_set_budget(ask->command.arena, budget);
        status = ask_run(fixture, ask);
        assert_true(status == STATUS_OK || status == STATUS_RESOURCE_EXHAUSTED);
        assert_int_equal(seq_now(fixture), status == STATUS_OK ? 3 : 2);
    }
    assert_sound(fixture);
}

// --- apply

struct apply_job {
    struct store_job job;
    const struct registry *registry;
    const struct change *change;
    struct arena *arena;
    enum status prepared;
    sem_t finished;
};

static void run_apply(struct store_job *job, struct store_txn *txn)
{
    struct apply_job *apply = (struct apply_job *)(void *)job;
    struct apply_plan plan;
    apply->prepared = apply_prepare(txn, apply->registry->secret, apply->change, apply->arena, &plan);
    if (apply->prepared == STATUS_OK)
        apply_write(txn, &plan);
}

static void finish_apply(struct store_job *job, enum status status)
{
    struct apply_job *apply = (struct apply_job *)(void *)job;
    assert_int_equal(status, STATUS_OK);
    sem_post(&apply->finished);
}

static enum status apply(struct registry_fixture *fixture, const struct change *change)
{
    struct apply_job job = {.job = {.run = run_apply, .done = finish_apply},
                            .registry = fixture->registry,
                            .change = change,
                            .arena = fixture->arena};
    assert_int_equal(sem_init(&job.finished, 0, 0), 0);
    store_submit(fixture->registry->store, &job.job);
    sem_wait(&job.finished);
    sem_destroy(&job.finished);
    return job.prepared;
}

static void change_that_was_applied_changes_nothing_again(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct image image = {.kind = REGISTRY_TIER, .of.tier = {.name = slice_text("free"), .version = 1}};
    struct change change = {.seq = 1, .kind = REGISTRY_PUT_TIER, .images = &image, .image_count = 1};
    assert_int_equal(apply(fixture, &change), STATUS_OK);
    assert_int_equal(find_tier(fixture, "free").limit_count, 1); // as before
    assert_int_equal(seq_now(fixture), 2);
    assert_sound(fixture);
}

static void change_that_leaves_a_gap_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct image image = {.kind = REGISTRY_TIER, .of.tier = {.name = slice_text("free"), .version = 4}};
    struct change change = {.seq = 4, .kind = REGISTRY_PUT_TIER, .images = &image, .image_count = 1};
    assert_int_equal(apply(fixture, &change), STATUS_INTERNAL);
    assert_int_equal(seq_now(fixture), 2);
}

static void deleted_key_is_hidden(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    struct registry_key key = find_key(fixture, made->command.result.key.id);
    key.deleted = true;
    key.facts.revoked_at_ms = 1;
    key.version = 4;
    struct image image = {.kind = REGISTRY_KEY, .of.key = key};
    struct change change = {.seq = 4, .kind = REGISTRY_REVOKE, .images = &image, .image_count = 1};
    assert_int_equal(apply(fixture, &change), STATUS_OK);
    assert_int_equal(ask_run(fixture, ask_to_revoke(fixture, key.id, "")), STATUS_NOT_FOUND);
    assert_int_equal(ask_run(fixture, ask_to_revoke_token(fixture, made->command.result.token)), STATUS_NOT_FOUND);
    struct registry_page page;
    struct registry_list query = {.page_size = 10, .page_bytes_max = SIZE_MAX};
    assert_int_equal(registry_list_keys(fixture_look(fixture), &query, fixture->arena, &page), STATUS_OK);
    assert_int_equal(page.count, 0);
    assert_true(find_key(fixture, key.id).deleted); // but its id stays taken
    assert_sound(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(created_key_is_found_and_its_token_matches),
        TEST(random_bytes_of_a_command_are_wiped),
        TEST(public_key_keeps_its_token),
        TEST(key_id_that_is_taken_is_made_anew),
        TEST(random_bytes_that_repeat_make_no_key),
        TEST(key_for_an_unknown_account_is_refused),
        TEST(another_account_looks_like_a_missing_one),
        TEST(caller_without_account_or_authority_creates_nothing),
        TEST(suspended_account_gets_no_key),
        TEST(environment_that_the_account_lacks_is_refused),
        TEST(expiry_in_the_past_is_refused),
        TEST(max_keys_counts_neither_revoked_nor_expired_keys),
        TEST(max_keys_counts_each_account_by_itself),
        TEST(keys_of_the_next_account_do_not_count),
        TEST(revoked_key_stays_revoked_for_the_first_reason),
        TEST(expired_key_may_be_revoked),
        TEST(unknown_key_and_anothers_key_cannot_be_revoked),
        TEST(change_is_known_before_its_reply),
        TEST(holder_of_a_token_may_revoke_it),
        TEST(wrong_secret_revokes_nothing),
        TEST(public_key_is_not_revoked_by_its_token_whoever_asks),
        TEST(revoking_another_version_is_aborted),
        TEST(account_keeps_what_a_put_does_not_name),
        TEST(account_without_a_tier_keeps_none),
        TEST(default_mark_moves_from_tier_to_tier),
        TEST(default_mark_goes_only_with_its_own_tier),
        TEST(put_of_another_version_is_aborted),
        TEST(only_operators_put_accounts_and_tiers),
        TEST(command_of_an_unknown_kind_is_refused),
        TEST(commands_of_one_batch_see_each_other),
        TEST(command_without_memory_for_its_reply_changes_nothing),
        TEST(command_fails_cleanly_for_every_memory_budget),
        TEST(change_that_was_applied_changes_nothing_again),
        TEST(change_that_leaves_a_gap_is_refused),
        TEST(deleted_key_is_hidden),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
