// The bounds of every field of a call, by its name, in one table.
#include <string.h>

#include "account/account.h"
#include "key/key.h"
#include "limit/limit.h"
#include "registry/registry.h"
#include "rpc/check.h"
#include "rpc/watch.h"
#include "zone/zone.h"

#define MOMENT_MAX     UINT64_C(253402300799999) // 9999-12-31T23:59:59.999Z
#define BUCKET_MAX     86400
#define PAGE_TOKEN_MAX 256
#define TOP_MAX        256

// Sorted by name (strcmp), for the binary search.
static const struct check_bound bounds[] = {
    {"account", CHECK_NAME, ACCOUNT_ID_MAX, 0},
    {"actor", CHECK_TEXT, REGISTRY_TEXT_MAX, 0},
    {"allowed_addresses", CHECK_NETWORK, 0, REGISTRY_ADDRESSES_MAX},
    {"amount", CHECK_NUMBER, LIMIT_AMOUNT_MAX, 0},
    {"api_key", CHECK_ANY, 0, 0}, // a wrong text of any kind leads to a decision, not to a failure
    {"bucket_s", CHECK_NUMBER, BUCKET_MAX, 0},
    {"burst", CHECK_NUMBER, LIMIT_AMOUNT_MAX, 0},
    {"calls", CHECK_COUNT, 0, 64},
    {"charge_id", CHECK_RANDOM, 16, 0},
    {"charges", CHECK_COUNT, 0, LIMIT_CHARGES_MAX},
    {"cost", CHECK_NUMBER, LIMIT_AMOUNT_MAX, 0},
    {"created_before_ms", CHECK_MOMENT, MOMENT_MAX, 0},
    {"description", CHECK_TEXT, REGISTRY_TEXT_MAX, 0},
    {"display_name", CHECK_TEXT, REGISTRY_TEXT_MAX, 0},
    {"environments", CHECK_COUNT, 0, 8},
    {"expires_after_ms", CHECK_MOMENT, MOMENT_MAX, 0},
    {"expires_at_ms", CHECK_MOMENT, MOMENT_MAX, 0},
    {"expires_before_ms", CHECK_MOMENT, MOMENT_MAX, 0},
    {"expiry_set_after_ms", CHECK_MOMENT, MOMENT_MAX, 0},
    {"from_ms", CHECK_MOMENT, MOMENT_MAX, 0},
    {"grace_ms", CHECK_SPAN, REGISTRY_GRACE_MAX_MS, 0},
    {"identifier", CHECK_TEXT, REGISTRY_TEXT_MAX, 0},
    {"implies", CHECK_GRANT, ACCOUNT_SCOPE_MAX, ACCOUNT_SCOPE_IMPLIES_MAX},
    {"key", CHECK_TEXT, 64, 0},
    {"key_id", CHECK_KEY_ID, 0, 0},
    {"keys", CHECK_COUNT, 0, REGISTRY_IMPORT_MAX},
    {"last_rolled_before_ms", CHECK_MOMENT, MOMENT_MAX, 0},
    {"limits", CHECK_COUNT, 0, LIMIT_PER_RECORD_MAX},
    {"metadata", CHECK_COUNT, 0, REGISTRY_METADATA_MAX},
    {"name", CHECK_TEXT, REGISTRY_TEXT_MAX, 0},
    {"name_prefix", CHECK_TEXT, REGISTRY_TEXT_MAX, 0},
    {"namespace", CHECK_NAME, ACCOUNT_ID_MAX, 0},
    {"not_before_ms", CHECK_MOMENT, MOMENT_MAX, 0},
    {"operation_id", CHECK_TEXT, 64, 0},
    {"page_size", CHECK_NUMBER, REGISTRY_PAGE_MAX, 0},
    {"page_token", CHECK_OPAQUE, PAGE_TOKEN_MAX, 0},
    {"prefix", CHECK_PREFIX, 0, 0},
    {"reason", CHECK_TEXT, REGISTRY_TEXT_MAX, 0},
    {"remote_address", CHECK_ANY, 0, 0}, // likewise
    {"resource", CHECK_NAME, LIMIT_RESOURCE_MAX, 0},
    {"scope", CHECK_SCOPE, ACCOUNT_SCOPE_MAX, 0},
    {"scope_alternatives", CHECK_COUNT, 0, 8},
    {"scopes", CHECK_GRANT, ACCOUNT_SCOPE_MAX, ACCOUNT_SCOPES_PER_KEY_MAX},
    {"sha256", CHECK_EXACT, 32, 0},
    {"tier", CHECK_NAME, ACCOUNT_ID_MAX, 0},
    {"time_zone", CHECK_ZONE, 0, 0},
    {"to_ms", CHECK_MOMENT, MOMENT_MAX, 0},
    {"top", CHECK_NUMBER, TOP_MAX, 0},
    {"unusual_at_ms", CHECK_MOMENT, MOMENT_MAX, 0},
    {"update_mask", CHECK_TEXT, 64, 16},
    {"value", CHECK_TEXT, REGISTRY_METADATA_BYTES_MAX, 0},
    {"wait_ms", CHECK_SPAN, CALL_WATCH_WAIT_MS, 0},
    {"window_s", CHECK_NUMBER, LIMIT_WINDOW_S_MAX, 0},
};

const struct check_bound *check_bound_find(const char *name)
{
    size_t low = 0, high = sizeof bounds / sizeof *bounds;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, bounds[middle].name);
        if (order == 0)
            return &bounds[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static bool is_key_id(struct slice value)
{
    uint8_t id[KEY_ID_SIZE];
    return key_id_parse(value, id);
}

static bool is_zero(struct slice value)
{
    size_t i = 0;
    while (i < value.size && value.data[i] == 0)
        i++;
    return i == value.size;
}

bool check_bound_holds(const struct check_bound *bound, struct slice value, const char **hint)
{
    switch (bound->kind) {
    case CHECK_ANY:
    case CHECK_COUNT:
    case CHECK_NUMBER:
    case CHECK_SPAN:
    case CHECK_MOMENT:
        return true;
    case CHECK_TEXT:
        *hint = "is longer than allowed";
        return value.size <= bound->max;
    case CHECK_NAME:
        *hint = "is not a name: 1 to 64 of a-z 0-9 . _ -, the first one a letter or digit";
        return slice_is_name(value, (size_t)bound->max);
    case CHECK_PREFIX:
        *hint = "is not a prefix: a small letter, then 1 to 19 small letters or digits, and not \"pub\"";
        return key_prefix_is_valid(value);
    case CHECK_KEY_ID:
        *hint = "is not a key id: \"key_\" and 15 letters or digits";
        return is_key_id(value);
    case CHECK_SCOPE:
        *hint = "is not a scope: parts of a-z 0-9 . _ - joined by ':', at most 64 bytes";
        return account_scope_is_valid(value);
    case CHECK_GRANT:
        *hint = "is not a scope: parts of a-z 0-9 . _ - joined by ':', at most 64 bytes; the last part may be *";
        return account_grant_is_valid(value);
    case CHECK_NETWORK:
        *hint = "is not a network: an address or CIDR whose host bits are 0, e.g. 10.0.0.0/8";
        return key_network_is_valid(value);
    case CHECK_ZONE:
        *hint = "is not the name of a time zone, e.g. Europe/Berlin: parts of A-Z a-z 0-9 _ + - joined by '/'";
        return zone_name_is_valid(value);
    case CHECK_OPAQUE:
        *hint = "is longer than allowed";
        return value.size <= bound->max;
    case CHECK_EXACT:
        *hint = "does not have the right size";
        return value.size == bound->max;
    case CHECK_RANDOM:
        *hint = "is not 16 random bytes (nor are 16 zero bytes): make them up anew for each piece of work";
        return value.size == bound->max && !is_zero(value);
    }
    return false;
}
