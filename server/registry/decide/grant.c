// Decides which scopes a key may be granted. A scope must be in the catalogue and fit the type of the key; an account-
// admin grants only scopes that its own key covers, by the catalogue. Scopes are checked one by one, and the failure
// names the first that is at fault. This file also gives new keys the scopes that the catalogue marks as default.
#include "registry/decide/key.h"

#include "registry/table.h"

#include <stdio.h>
#include <string.h>

// A walk through the whole catalogue may need this much; memory is taken only as needed.
#define WALK_BYTES ((size_t)64 * 1024 * 1024)

// The question for one scope after the other: may `key` have `scope`, which stands at `field` in the call?
struct question {
    struct draft *draft;
    const struct registry_key *key;
    struct arena *arena; // reset for each scope
    struct slice scope;
    char field[sizeof((struct status_failure *)NULL)->field];
};

static enum status question_begin(struct question *question, struct draft *draft, const struct registry_key *key)
{
    *question = (struct question){.draft = draft, .key = key, .arena = arena_new(WALK_BYTES)};
    return question->arena != NULL ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}

static void question_move(struct question *question, const char *field, size_t i)
{
    arena_reset(question->arena);
    question->scope = question->key->scopes[i];
    char index[24] = ""; // stays empty when the key as a whole is at fault
    if (strstr(field, ".scopes") != NULL && snprintf(index, sizeof index, "[%zu]", i) < 0)
        index[0] = '\0';
    if (snprintf(question->field, sizeof question->field, "%s%s", field, index) < 0)
        question->field[0] = '\0';
}

static struct status_failure *failure_of(const struct question *question)
{
    return &question->draft->command->failure;
}

// --- scopes of the daemon's own

static enum status check_reserved(const struct question *question)
{
    struct slice scope = question->scope;
    if (!account_scope_is_builtin(scope))
        return status_fail(failure_of(question), STATUS_NOT_FOUND, question->field,
                           "\"%.*s\": in the namespace postern: there are only postern:verify, postern:ratecheck, "
                           "postern:account-admin, postern:meter-reset and postern:operator, each granted by its name",
                           SLICE_ARGS(scope));
    if (!question->draft->command->caller.is_operator)
        return status_fail(failure_of(question), STATUS_PERMISSION_DENIED, question->field,
                           "\"%.*s\" is granted by operators only: ask one, or leave it out", SLICE_ARGS(scope));
    if (question->key->type != KEY_TYPE_SECRET)
        return status_fail(failure_of(question), STATUS_INVALID_ARGUMENT, question->field,
                           "a public key never holds \"%.*s\": make a secret key for it", SLICE_ARGS(scope));
    if (slice_equal(scope, slice_text("postern:operator")) && !account_id_is_reserved(question->key->account))
        return status_fail(failure_of(question), STATUS_INVALID_ARGUMENT, question->field,
                           "postern:operator is only for keys of the account postern: make one there, with: postern "
                           "create --account postern --scope postern:operator");
    return STATUS_OK;
}

// --- scopes of the catalogue

// The wildcard "a:*" may be granted when the catalogue has a scope that begins with "a:".
static enum status check_wildcard(const struct question *question)
{
    struct store_cursor *cursor = NULL;
    struct slice found;
    struct slice value;
    struct slice scope = question->scope;
    struct slice stem = slice_make(scope.data, scope.size - 1);
    if (question->key->type == KEY_TYPE_PUBLIC)
        return status_fail(failure_of(question), STATUS_INVALID_ARGUMENT, question->field,
                           "a public key is granted no wildcards, as \"%.*s\": name the scopes one by one",
                           SLICE_ARGS(scope));
    enum status status = store_cursor_open_at(question->draft->txn, TABLE_SCOPE, stem, &cursor, &found, &value);
    if (status == STATUS_OK && !slice_starts_with(found, stem))
        status = STATUS_NOT_FOUND;
    store_cursor_close(cursor);
    if (status != STATUS_NOT_FOUND)
        return status;
    return status_fail(failure_of(question), status, question->field,
                       "no scope of the catalogue begins with \"%.*s\": make one with: postern scope put %.*sNAME",
                       SLICE_ARGS(stem), SLICE_ARGS(stem));
}

static enum status check_entry(const struct question *question)
{
    struct registry_scope entry;
    struct slice scope = question->scope;
    enum status status = registry_find_scope(question->draft->txn, scope, question->arena, &entry);
    if (status == STATUS_NOT_FOUND)
        return status_fail(failure_of(question), status, question->field,
                           "there is no scope \"%.*s\" in the catalogue: make it with: postern scope put %.*s",
                           SLICE_ARGS(scope), SLICE_ARGS(scope));
    if (status != STATUS_OK || question->key->type != KEY_TYPE_PUBLIC || entry.public_safe)
        return status;
    return status_fail(failure_of(question), STATUS_FAILED_PRECONDITION, question->field,
                       "the scope \"%.*s\" is not marked as safe for public keys: make a secret key, or mark it with: "
                       "postern scope update %.*s --public-safe",
                       SLICE_ARGS(scope), SLICE_ARGS(scope));
}

static enum status check_grant(const struct question *question)
{
    if (account_scope_is_reserved(question->scope))
        return check_reserved(question);
    if (account_grant_is_wildcard(question->scope))
        return check_wildcard(question);
    if (!account_scope_is_builtin(question->scope))
        return check_entry(question);
    if (question->key->type == KEY_TYPE_SECRET)
        return STATUS_OK;
    return status_fail(failure_of(question), STATUS_INVALID_ARGUMENT, question->field,
                       "a public key never holds \"%.*s\": make a secret key for it", SLICE_ARGS(question->scope));
}

// --- within the caller's own

static enum status find_implied(void *context, struct slice name, struct slice *implies, size_t max, size_t *count)
{
    struct registry_scope entry;
    const struct question *question = context;
    enum status status = registry_find_scope(question->draft->txn, name, question->arena, &entry);
    *count = 0;
    for (size_t i = 0; status == STATUS_OK && i < entry.implies_count && i < max; i++)
        implies[(*count)++] = entry.implies[i];
    return status;
}

static enum status are_within(struct question *question, const struct slice *scopes, size_t count, bool *within)
{
    struct account_scope_source source = {.find = find_implied, .context = question, .arena = question->arena};
    struct account_grant_list inner = {.grants = scopes, .count = count};
    const struct registry_key *own = &question->draft->caller_key; // without a key: no scopes
    struct account_grant_list outer = {.grants = own->scopes, .count = own->scope_count};
    return account_grants_within(&source, inner, outer, within);
}

// Names the first scope that goes beyond the caller's.
static enum status fail_beyond(struct question *question, const char *field)
{
    for (size_t i = 0; i < question->key->scope_count; i++) {
        bool within = false;
        question_move(question, field, i);
        enum status status = are_within(question, &question->scope, 1, &within);
        if (status != STATUS_OK)
            return status;
        if (!within)
            return status_fail(failure_of(question), STATUS_PERMISSION_DENIED, question->field,
                               "\"%.*s\" goes beyond the scopes of the key that asks, in itself or by what it implies: "
                               "leave it out, or ask an operator",
                               SLICE_ARGS(question->scope));
    }
    return STATUS_INTERNAL; // cannot happen: if each scope is within, all are
}

static enum status check_within(struct question *question, const char *field)
{
    bool within = false;
    arena_reset(question->arena);
    enum status status = are_within(question, question->key->scopes, question->key->scope_count, &within);
    return status != STATUS_OK || within ? status : fail_beyond(question, field);
}

enum status decide_grants_within(struct draft *draft, const struct registry_key *key, const char *field)
{
    struct question question;
    if (draft->command->caller.is_operator || key->scope_count == 0)
        return STATUS_OK;
    enum status status = question_begin(&question, draft, key);
    if (status == STATUS_OK)
        status = check_within(&question, field);
    arena_free(question.arena);
    return status;
}

enum status decide_grants(struct draft *draft, const struct registry_key *key, const char *field)
{
    struct question question;
    if (key->scope_count == 0)
        return STATUS_OK;
    enum status status = question_begin(&question, draft, key);
    for (size_t i = 0; i < key->scope_count && status == STATUS_OK; i++) {
        question_move(&question, field, i);
        status = check_grant(&question);
    }
    arena_free(question.arena);
    return status;
}

// --- by default

static enum status is_for_key(struct question *question, struct slice name, bool *fits)
{
    struct registry_scope entry;
    *fits = false;
    arena_reset(question->arena);
    enum status status = registry_find_scope(question->draft->txn, name, question->arena, &entry);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
    if (question->key->type == KEY_TYPE_PUBLIC && !entry.public_safe)
        return STATUS_OK;
    *fits = question->draft->command->caller.is_operator;
    return *fits ? STATUS_OK : are_within(question, &name, 1, fits);
}

static enum status add_defaults(struct question *question, struct store_cursor *cursor, struct registry_key *key)
{
    struct slice name;
    struct slice value;
    enum status status = store_cursor_seek(cursor, slice_empty(), &name, &value);
    while (status == STATUS_OK) {
        bool fits = false;
        status = is_for_key(question, name, &fits);
        if (status != STATUS_OK)
            return status;
        if (fits && key->scope_count == ACCOUNT_SCOPES_PER_KEY_MAX)
            return STATUS_DATA_LOSS; // PUT_SCOPE allows no more defaults than a key may have
        if (fits && !arena_copy(question->draft->command->arena, name, &key->scopes[key->scope_count++]))
            return STATUS_RESOURCE_EXHAUSTED;
        status = store_cursor_next(cursor, &name, &value);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status decide_default_scopes(struct draft *draft, struct registry_key *key)
{
    struct question question;
    struct store_cursor *cursor = NULL;
    key->scope_count = 0;
    key->scopes = arena_array(draft->command->arena, ACCOUNT_SCOPES_PER_KEY_MAX, sizeof *key->scopes);
    if (key->scopes == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    enum status status = question_begin(&question, draft, key);
    if (status == STATUS_OK)
        status = store_cursor_open(draft->txn, TABLE_SCOPE_DEFAULT, &cursor);
    if (status == STATUS_OK)
        status = add_defaults(&question, cursor, key);
    store_cursor_close(cursor);
    arena_free(question.arena);
    return status;
}
