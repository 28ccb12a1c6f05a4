// What tests of commands share: set-up, asks about keys, and checks that say what they saw.
#ifndef SUPPORT_REGISTRY_ASKS_H
#define SUPPORT_REGISTRY_ASKS_H

#include "support/limit_text.h"
#include "support/registry_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static inline int asks_set_up(void **state)
{
    struct registry_fixture *fixture = calloc(1, sizeof *fixture);
    fixture_make(fixture);
    *state = fixture;
    return 0;
}

static inline int asks_tear_down(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

#define ASKS_TEST(name) cmocka_unit_test_setup_teardown(name, asks_set_up, asks_tear_down)

// --- asks

static inline struct ask *ask_to_roll(struct registry_fixture *fixture, const uint8_t id[KEY_ID_SIZE])
{
    struct ask *ask = ask_new(fixture, REGISTRY_ROLL);
    memcpy(ask->command.ask.roll.key_id, id, KEY_ID_SIZE);
    return ask;
}

static inline struct ask *ask_to_roll_within(struct registry_fixture *fixture, const uint8_t id[KEY_ID_SIZE],
                                             uint64_t grace_ms)
{
    struct ask *ask = ask_to_roll(fixture, id);
    ask->command.ask.roll.has_grace = true;
    ask->command.ask.roll.grace_ms = grace_ms;
    return ask;
}

// What Update may set.
static const char *const ask_settings[] = {
    "name", "scopes", "metadata", "expires_at_ms", "not_before_ms", "allowed_addresses", "limits", "enabled"};
enum { ASK_SETTINGS = sizeof ask_settings / sizeof ask_settings[0] };

// `fields`: names with a space between each two.
static inline struct ask *ask_to_update(struct registry_fixture *fixture, const uint8_t id[KEY_ID_SIZE],
                                        const char *fields)
{
    enum { MASK_MAX = 8 };
    struct ask *ask = ask_new(fixture, REGISTRY_UPDATE);
    struct slice *mask = arena_array(ask->command.arena, MASK_MAX, sizeof *mask);
    fixture_demand(mask != NULL, "no memory");
    for (; *fields != '\0'; fields += *fields == ' ') {
        size_t size = strcspn(fields, " ");
        fixture_demand(ask->command.mask_count < MASK_MAX, "a longer mask");
        mask[ask->command.mask_count++] = slice_make(fields, size);
        fields += size;
    }
    ask->command.mask = mask;
    memcpy(ask->command.ask.update.key_id, id, KEY_ID_SIZE);
    ask->command.ask.update.key.facts.disabled = true; // unless the test says otherwise
    return ask;
}

static inline struct ask *ask_to_disable(struct registry_fixture *fixture, const uint8_t id[KEY_ID_SIZE])
{
    return ask_to_update(fixture, id, "enabled"); // enabled is false
}

static inline struct ask *ask_to_delete(struct registry_fixture *fixture, const uint8_t id[KEY_ID_SIZE])
{
    struct ask *ask = ask_new(fixture, REGISTRY_DELETE);
    memcpy(ask->command.ask.delete.key_id, id, KEY_ID_SIZE);
    return ask;
}

static inline struct ask *ask_to_revoke_all(struct registry_fixture *fixture, const char *account, const char *reason)
{
    struct ask *ask = ask_new(fixture, REGISTRY_REVOKE_ALL);
    ask->command.ask.revoke_all.account = ask_copy(ask, account);
    ask->command.ask.revoke_all.reason = ask_copy(ask, reason);
    return ask;
}

static inline struct ask *ask_to_delete_named(struct registry_fixture *fixture, enum registry_command_kind kind,
                                              const char *name)
{
    struct ask *ask = ask_new(fixture, kind);
    ask->command.ask.delete_named.name = ask_copy(ask, name);
    return ask;
}

// With the key that another ask made as credential.
static inline void ask_as_key(struct ask *ask, const struct ask *maker)
{
    const struct registry_key *key = &maker->command.result.key;
    char *name = arena_alloc(ask->command.arena, KEY_ID_TEXT_SIZE + 1);
    fixture_demand(name != NULL, "no memory");
    key_id_format(key->id, name);
    ask->command.caller = (struct registry_caller){.name = slice_text(name), .account = key->account, .key = key};
}

static inline void ask_for_scopes(struct ask *ask, const char *const *names, size_t count)
{
    struct slice *scopes = arena_array(ask->command.arena, count, sizeof *scopes);
    for (size_t i = 0; i < count; i++)
        scopes[i] = ask_copy(ask, names[i]);
    if (ask->command.kind == REGISTRY_UPDATE) {
        ask->command.ask.update.key.scopes = scopes;
        ask->command.ask.update.key.scope_count = count;
    } else {
        ask->command.ask.create.scopes = scopes;
        ask->command.ask.create.scope_count = count;
    }
}

static inline void ask_for_limit(struct ask *ask, const char *text)
{
    struct limit *limit = arena_array(ask->command.arena, 1, sizeof *limit);
    struct status_failure failure = {.message = ""};
    fixture_demand(limit_text_read(text, limit, &failure) == STATUS_OK, failure.message);
    if (ask->command.kind == REGISTRY_UPDATE) {
        ask->command.ask.update.key.limits = limit;
        ask->command.ask.update.key.limit_count = 1;
    } else {
        ask->command.ask.create.limits = limit;
        ask->command.ask.create.limit_count = 1;
    }
}

// --- checks

static inline void expect_(struct registry_fixture *fixture, struct ask *ask, enum status status, const char *field,
                           const char *word, const char *file, int line)
{
    enum status got = ask_run(fixture, ask);
    const struct status_failure *failure = &ask->command.failure;
    if (got == status && strcmp(failure->field, field) == 0 && strstr(failure->message, word) != NULL)
        return;
    print_error("%s %s: %s\n", status_name(got), failure->field, failure->message);
    _fail(file, line);
}
// Runs the ask; its note must name the field and hold the word.
#define EXPECT(fixture, ask, status, field, word) expect_(fixture, ask, status, field, word, __FILE__, __LINE__)
#define EXPECT_OK(fixture, ask)                   expect_(fixture, ask, STATUS_OK, "", "", __FILE__, __LINE__)

static inline void assert_text(struct slice slice, const char *text)
{
    if (!slice_equal(slice, slice_text(text)))
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARGS(slice), text);
}

static inline struct registry_key find_key(struct registry_fixture *fixture, const uint8_t id[KEY_ID_SIZE])
{
    struct registry_key key;
    assert_int_equal(registry_find_key(fixture_look(fixture), id, fixture->arena, &key), STATUS_OK);
    return key;
}

static inline struct registry_account find_account(struct registry_fixture *fixture, const char *id)
{
    struct registry_account account;
    assert_int_equal(registry_find_account(fixture_look(fixture), slice_text(id), fixture->arena, &account), STATUS_OK);
    return account;
}

static inline enum key_state state_of(struct registry_fixture *fixture, const uint8_t id[KEY_ID_SIZE])
{
    struct registry_key key = find_key(fixture, id);
    struct registry_account account;
    assert_int_equal(registry_find_any_account(fixture_look(fixture), key.account, fixture->arena, &account),
                     STATUS_OK);
    return key_state(&key.facts, account.revoked_before_ms, atomic_load(&fixture->now_ms));
}

static inline uint64_t seq_now(struct registry_fixture *fixture)
{
    uint64_t seq = 0;
    assert_int_equal(registry_seq(fixture_look(fixture), &seq), STATUS_OK);
    return seq;
}

// All keys that a list shows.
static inline struct registry_page list_keys(struct registry_fixture *fixture, const char *account)
{
    struct registry_page page;
    struct registry_list query = {.account = slice_text(account),
                                  .page_size = REGISTRY_PAGE_MAX,
                                  .page_bytes_max = SIZE_MAX,
                                  .now_ms = atomic_load(&fixture->now_ms)};
    assert_int_equal(registry_list_keys(fixture_look(fixture), &query, fixture->arena, &page), STATUS_OK);
    assert_false(page.more);
    return page;
}

static inline void assert_sound(struct registry_fixture *fixture)
{
    struct status_failure failure = {.message = ""};
    enum status status = registry_fsck(fixture->registry, NULL, &failure);
    if (status != STATUS_OK)
        fail_msg("%s", failure.message);
}

#endif
