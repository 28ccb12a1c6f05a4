// Keys: Create, Get, List, Update, Roll, Revoke, Delete, Import.
#include "call.h"
#include "error.h"

#include <stdio.h>

const struct postern_table postern_entry_table = TABLE(entry, ROWS(ROW(entry, key), ROW(entry, value)));

const struct postern_table postern_limit_table =
    TABLE(limit, ROWS(ROW_FIXED_TEXT(limit, resource), ROW(limit, algorithm), ROW(limit, amount), ROW(limit, window_s),
                      ROW(limit, period), ROW(limit, burst), ROW(limit, unlimited), ROW(limit, shadow)));

static const struct postern_table postern_activity_table =
    TABLE(activity, ROWS(ROW(activity, hour_start_ms), ROW(activity, calls), ROW(activity, refusals),
                         ROW(activity, judged), ROW(activity, usual_calls), ROW(activity, usual_refusals)));

// What Update may set.
#define KEY_SETTINGS(of)                                                                                               \
    ROW(of, name), ROW_TEXTS(of, scopes, scope_count), ROW(of, expires_at_ms),                                         \
        ROW_STRUCTS(of, metadata, metadata_count, entry), ROW_STRUCTS(of, limits, limit_count, limit),                 \
        ROW_TEXTS(of, allowed_addresses, allowed_address_count), ROW(of, not_before_ms)
// These fields are for good.
#define KEY_NATURE(of) ROW(of, account), ROW(of, environment), ROW(of, type)

const struct postern_table postern_key_table =
    TABLE(key, ROWS(KEY_NATURE(key), KEY_SETTINGS(key), ROW(key, key_id), ROW(key, state), ROW(key, created_at_ms),
                    ROW(key, created_by), ROW(key, revoked_at_ms), ROW(key, revoke_reason), ROW(key, enabled),
                    ROW(key, successor_key_id), ROW(key, predecessor_key_id), ROW(key, lineage_id),
                    ROW(key, last_used_at_ms), ROW(key, last_used_address), ROW(key, version), ROW(key, public_token),
                    ROW_ENUMS(key, unusual, unusual_count), ROW_OPTIONAL(key, activity, activity),
                    ROW(key, expiry_set_at_ms)));

// ------------------------------------------------------------------------------------------- Create, Get, List

POSTERN_CALL(create, CREATE,
             ROWS(KEY_NATURE(create_request), KEY_SETTINGS(create_request), ROW(create_request, prefix)),
             ROWS(ROW(create_reply, api_key), ROW_STRUCT(create_reply, key, key)), .changes_registry = true);

POSTERN_CALL(get, GET, ROWS(ROW(get_request, key_id), ROW(get_request, api_key)), ROWS(ROW_STRUCT(get_reply, key, key)),
             .changes_registry = false);

POSTERN_CALL(list, LIST,
             ROWS(ROWS_PAGE(list_request), ROW(list_request, account), ROW(list_request, state),
                  ROW(list_request, environment), ROW(list_request, created_before_ms),
                  ROW(list_request, expires_before_ms), ROW(list_request, never_used),
                  ROW(list_request, last_rolled_before_ms), ROW(list_request, with_unusual), ROW(list_request, unusual),
                  ROW(list_request, unusual_at_ms), ROW(list_request, name_prefix), ROW(list_request, scope),
                  ROW_STRUCTS(list_request, metadata, metadata_count, entry), ROW(list_request, expires_after_ms),
                  ROW(list_request, expiry_set_after_ms)),
             ROWS(ROW_STRUCTS(list_reply, keys, key_count, key), ROWS_NEXT_PAGE(list_reply),
                  ROW(list_reply, complete_until_ms)),
             .changes_registry = false);

// ------------------------------------------------------------------------------------------------------ Update

static enum postern_status complete_update(struct postern_ask *ask, const void *from, void *to,
                                           struct postern_error *error)
{
    static const struct {
        enum postern_update_field field;
        const char *path;
    } paths[] = {{POSTERN_UPDATE_NAME, "name"},
                 {POSTERN_UPDATE_SCOPES, "scopes"},
                 {POSTERN_UPDATE_METADATA, "metadata"},
                 {POSTERN_UPDATE_EXPIRES_AT, "expires_at_ms"},
                 {POSTERN_UPDATE_ALLOWED_ADDRESSES, "allowed_addresses"},
                 {POSTERN_UPDATE_LIMITS, "limits"},
                 {POSTERN_UPDATE_ENABLED, "enabled"},
                 {POSTERN_UPDATE_NOT_BEFORE, "not_before_ms"}};
    const size_t count = sizeof paths / sizeof paths[0];
    const struct postern_update_request *request = from;
    Postern__V1__UpdateRequest *message = to;
    message->update_mask = postern_arena_array(&ask->arena, count, sizeof message->update_mask[0]);
    if (message->update_mask == NULL)
        return postern_fail_memory(error);
    for (size_t i = 0; i < count; i++)
        if ((request->fields & paths[i].field) != 0)
            message->update_mask[message->n_update_mask++] = postern_wire_text(paths[i].path);
    return POSTERN_OK;
}

POSTERN_CALL(update, UPDATE,
             ROWS(ROW(update_request, key_id), ROW(update_request, if_version), KEY_SETTINGS(update_request),
                  ROW(update_request, enabled)),
             ROWS(ROW_STRUCT(update_reply, key, key)), .changes_registry = true, .complete = complete_update);

// ------------------------------------------------------------------------------------------------ Roll, Revoke

static enum postern_status complete_roll(struct postern_ask *ask, const void *from, void *to,
                                         struct postern_error *error)
{
    const struct postern_roll_request *request = from;
    Postern__V1__RollRequest *message = to;
    (void)ask;
    (void)error;
    if (request->has_grace) {
        message->grace_case = POSTERN__V1__ROLL_REQUEST__GRACE_GRACE_MS;
        message->grace_ms = request->grace_ms;
    }
    if (request->has_expiry) {
        message->expiry_case = POSTERN__V1__ROLL_REQUEST__EXPIRY_EXPIRES_AT_MS;
        message->expires_at_ms = request->expires_at_ms;
    }
    return POSTERN_OK;
}

POSTERN_CALL(roll, ROLL, ROWS(ROW(roll_request, key_id), ROW(roll_request, if_version)),
             ROWS(ROW(roll_reply, api_key), ROW_STRUCT(roll_reply, key, key), ROW_STRUCT(roll_reply, predecessor, key)),
             .changes_registry = true, .complete = complete_roll);

static enum postern_status check_revoke(struct postern_ask *ask, const void *from, void *to,
                                        struct postern_error *error)
{
    const struct postern_revoke_request *request = from;
    (void)ask;
    (void)to;
    if ((request->key_id != NULL) != (request->api_key != NULL))
        return POSTERN_OK;
    return postern_fail_field(error, POSTERN_INVALID_ARGUMENT, "revoke.which",
                              "give exactly one of key_id and api_key");
}

POSTERN_CALL(revoke, REVOKE,
             ROWS(ROW_CHOICE(revoke_request, which, key_id, POSTERN__V1__REVOKE_REQUEST__WHICH_KEY_ID),
                  ROW_CHOICE(revoke_request, which, api_key, POSTERN__V1__REVOKE_REQUEST__WHICH_API_KEY),
                  ROW(revoke_request, reason), ROW(revoke_request, if_version)),
             ROWS(ROW_STRUCT(revoke_reply, key, key)), .changes_registry = true, .complete = check_revoke);

// ---------------------------------------------------------------------------------------------- Delete, Import

POSTERN_CALL(delete, DELETE, ROWS(ROW(delete_request, key_id), ROW(delete_request, if_version)),
             ROWS(ROW_STRUCT(delete_reply, key, key)), .changes_registry = true);

static const struct postern_table postern_import_key_table =
    TABLE(import_key, ROWS(ROW_CHOICE(import_key, token, api_key, POSTERN__V1__IMPORT_KEY__TOKEN_API_KEY),
                           ROW_STRUCT(import_key, key, create_request)));

static enum postern_status complete_import(struct postern_ask *ask, const void *from, void *to,
                                           struct postern_error *error)
{
    const struct postern_import_request *request = from;
    Postern__V1__ImportRequest *message = to;
    (void)ask;
    for (size_t i = 0; i < request->key_count; i++) {
        const uint8_t *sha256 = request->keys[i].sha256;
        char field[64];
        snprintf(field, sizeof field, "import.keys[%zu].token", i);
        if ((sha256 != NULL) == (request->keys[i].api_key != NULL))
            return postern_fail_field(error, POSTERN_INVALID_ARGUMENT, field, "give exactly one of sha256 and api_key");
        if (sha256 == NULL)
            continue;
        message->keys[i]->token_case = POSTERN__V1__IMPORT_KEY__TOKEN_SHA256;
        message->keys[i]->sha256 = postern_wire_bytes(sha256, POSTERN_SHA256_SIZE);
    }
    return POSTERN_OK;
}

POSTERN_CALL(import, IMPORT, ROWS(ROW_STRUCTS(import_request, keys, key_count, import_key)),
             ROWS(ROW_STRUCTS(import_reply, keys, key_count, key), ROW(import_reply, skipped)),
             .changes_registry = true, .complete = complete_import);
