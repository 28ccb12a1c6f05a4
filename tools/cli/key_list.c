// What keys consist of, and lists of them: by filters, and those that have an unusual hour.
#include "list.h"

#include <string.h>

static void append_unusual(const struct postern_activity *activity, enum postern_unusual unusual, char *text)
{
    if (unusual == POSTERN_UNUSUAL_VOLUME)
        output_append(text, ", ", "%llu calls (usual %llu)", (unsigned long long)activity->calls,
                      (unsigned long long)activity->usual_calls);
    else if (unusual == POSTERN_UNUSUAL_REFUSALS)
        output_append(text, ", ", "%llu refusals (usual %llu)", (unsigned long long)activity->refusals,
                      (unsigned long long)activity->usual_refusals);
    else // also what only a newer posternd knows
        output_append(text, ", ", "%s",
                      unusual == POSTERN_UNUSUAL_NEW_ADDRESS ? "a new address" : postern_unusual_name(unusual));
}

// Writes "230 calls (usual 20), a new address"; "" when nothing is unusual.
static const char *unusual_text(const void *from, uint64_t now_ms, char text[OUTPUT_LIST_SIZE])
{
    const struct postern_key *key = from;
    (void)now_ms;
    text[0] = '\0';
    for (size_t i = 0; i < key->unusual_count && key->activity != NULL; i++)
        append_unusual(key->activity, key->unusual[i], text);
    return text;
}

// ----------------------------------------------------------------------------------------------------------- fields

// clang-format off
#define CREATED(member) FIELD_SHOWN(key, member), .put.at = FIELD_AT(key, create_request, member)
#define UPDATED(member, bit) \
    CREATED(member), .update.at = FIELD_AT(key, update_request, member), .update_bit = POSTERN_UPDATE_##bit
#define UPDATED_LIST(member, count, bit) \
    UPDATED(member, bit), .in.count_at = offsetof(struct postern_key, count), \
    .put.count_at = offsetof(struct postern_create_request, count), \
    .update.count_at = offsetof(struct postern_update_request, count)
// clang-format on

enum { COLUMNS_USUAL = 9 }; // the columns beyond these say what is unusual

// A key's fields. A new field is a new row.
static const struct field key_fields[] = {
    {FIELD_SHOWN(key, key_id), .label = "key id", .column = 1, .head = "KEY_ID"},
    {CREATED(account), .flag = {"account", "ID", "whose key it is"}, .label = "account", .column = 2,
     .head = "+ACCOUNT"},
    {UPDATED(name, NAME), .flag = {"name", "NAME", "what it is for"}, .label = "name", .column = 3, .head = "+NAME"},
    {FIELD_SHOWN(key, state), .words = &value_key_states, .label = "state", .column = 4, .head = "*STATE"},
    {CREATED(environment), .flag = {"env", "test|live", "its environment (default test)"}, .words = &value_environments,
     .label = "environment", .column = 5, .head = "?ENV"},
    {CREATED(type), .flag = {"type", "secret|public", "secret: shown once; public: may be read again (default secret)"},
     .words = &value_key_types, .label = "type", .column = 6, .head = "?TYPE"},
    {UPDATED_LIST(scopes, scope_count, SCOPES),
     .flag = {"scope", "SCOPE...", "what it may do (none: the catalogue's default scopes)"},
     .update_help = "what it may do, instead of what it had", .unset = {"no-scopes", NULL, "take all its scopes away"},
     .label = "scopes"},
    {UPDATED_LIST(limits, limit_count, LIMITS),
     .flag = {"limit", "TEXT...", "a limit of the key's own, e.g. requests=10/min"},
     .update_help = "limits of the key's own, instead of those it had",
     .unset = {"no-limits", NULL, "take its own limits away"},
     .gone = "It has no limits of its own any more: those of its account hold alone.", .label = "limits"},
    {UPDATED_LIST(allowed_addresses, allowed_address_count, ALLOWED_ADDRESSES),
     .flag = {"address", "NETWORK...", "where it may be used from, e.g. 10.0.0.0/8 (none: anywhere)"},
     .update_help = "where it may be used from, instead of where it could",
     .unset = {"no-addresses", NULL, "it may be used from anywhere"}, .gone = "It may be used from anywhere now.",
     .label = "allowed addresses"},
    {UPDATED_LIST(metadata, metadata_count, METADATA),
     .flag = {"metadata", "KEY=VALUE...", "kept with the key and shown by verify"},
     .update_help = "instead of what it had", .unset = {"no-metadata", NULL, "take its metadata away"},
     .label = "metadata"},
    {FIELD_SHOWN(key, created_at_ms), .label = "created", .column = 7, .head = "?CREATED"},
    {FIELD_SHOWN(key, created_by), .label = "created by"},
    {UPDATED(expires_at_ms, EXPIRES_AT),
     .flag = {"expires", "TIME", "90d, 2w, 2027-01-31, 2027-01-31T12:00:00Z, Unix milliseconds or never (default)"},
     .update_help = "90d, 2w, 2027-01-31, 2027-01-31T12:00:00Z, Unix milliseconds or never",
     .unset = {"no-expiry", NULL, "it does not expire"}, .gone = "It does not expire any more.", .label = "expires",
     .no = "never", .column = 8, .head = "EXPIRES"},
    {UPDATED(not_before_ms, NOT_BEFORE),
     .flag = {"not-before", "TIME", "from when on it works: 2027-01-31T12:00:00Z, or 12h from now (default at once)"},
     .update_help = "from when on it works: 2027-01-31T12:00:00Z, or 12h from now",
     .unset = {"no-not-before", NULL, "it works at once"}, .gone = "It works at once.", .label = "works from"},
    {FIELD_SHOWN(key, revoked_at_ms), .label = "revoked"},
    {FIELD_SHOWN(key, revoke_reason), .label = "revoke reason"},
    {FIELD_SHOWN(key, successor_key_id), .label = "successor"},
    {FIELD_SHOWN(key, predecessor_key_id), .label = "predecessor"},
    {FIELD_SHOWN(key, last_used_at_ms), .label = "last used", .no = "never", .column = COLUMNS_USUAL,
     .head = "LAST USED"},
    {FIELD_SHOWN(key, last_used_address), .label = "last used from"},
    {FIELD_SHOWN(key, public_token), .label = "public token"},
    {.kind = FIELD_MADE, .make = unusual_text, .column = COLUMNS_USUAL + 1, .head = "+UNUSUAL"},
    {0},
};

const struct schema key_schema = {"key", key_fields};

// ------------------------------------------------------------------------------------------------------------ lists

static enum postern_status ask_keys(struct cli *cli, const struct list_position *at, const void *filter,
                                    struct list_page *page)
{
    struct postern_list_request request = *(const struct postern_list_request *)filter;
    struct postern_list_reply *reply = NULL;
    request.page_size = at->size;
    request.page_token = at->token;
    request.page_token_size = at->token_size;
    enum postern_status status = postern_list(cli->client, &request, &reply, &cli->error);
    if (status == POSTERN_OK)
        *page = (struct list_page){&reply->base, reply->keys, reply->key_count, reply->next_page_token,
                                   reply->next_page_token_size};
    return status;
}

static void run_list(struct cli *cli)
{
    struct postern_list_request filter = {
        .name_prefix = argument_text(cli, "name"),
        .scope = argument_text(cli, "scope"),
        .account = argument_text(cli, "account"),
        .state = value_word(cli, &value_key_states, argument_text(cli, "state")),
        .environment = value_word(cli, &value_environments, argument_text(cli, "env")),
        .created_before_ms = moment_flag(cli, "older-than", true),
        .expires_before_ms = moment_flag(cli, "expires-within", false),
        .never_used = argument_has(cli, "never-used"),
        .last_rolled_before_ms = moment_flag(cli, "not-rolled-since", true),
        .with_unusual = argument_has(cli, "with-unusual"),
        .unusual = argument_has(cli, "unusual"),
    };
    if (filter.scope != NULL && strchr(filter.scope, '|') != NULL)
        misuse(cli, "--scope \"%s\": list takes one scope; only verify takes alternatives, one of which is enough",
               filter.scope);
    filter.metadata = value_metadata(cli, "metadata", &filter.metadata_count);
    const struct list keys = {.name = "keys",
                              .none = "No such keys.",
                              .schema = &key_schema,
                              .columns = filter.unusual || filter.with_unusual ? 0 : COLUMNS_USUAL,
                              .entry_size = sizeof(struct postern_key),
                              .ask = ask_keys};
    list_run(cli, &keys, &filter);
}

static const struct flag key_list_flags[] = {
    {"account", "ID", "of this account only"},
    {"name", "[PREFIX]", "whose name begins so"},
    {"scope", "SCOPE", "that have this scope, also by a wildcard or admin"},
    {"metadata", "KEY=VALUE...", "with all of these entries"},
    {"state", "STATE", "active, rolling, disabled, pending, expired or revoked"},
    {"env", "test|live", "of this environment only"},
    {"older-than", "TIME", "made longer ago than 90d, or before 2027-01-31"},
    {"expires-within", "TIME", "whose expiry is less than 30d away, or before 2027-01-31"},
    {"not-rolled-since", "TIME", "with a secret older than 90d, or than 2027-01-31"},
    {"never-used", NULL, "those that were never used"},
    {"unusual", NULL, "those whose running hour stands out from their own past, and why"},
    {"with-unusual", NULL, "show that of every key, and with --json what is usual; at most 100 keys at once"},
    {PAGE_SIZE_FLAG},
    {PAGE_TOKEN_FLAG},
    {PAGE_ALL_FLAG},
    {0},
};

const struct command key_list_commands[] = {
    {"list", "", "list keys", key_list_flags, run_list,
     .help = "Filters that are given must all hold. Keys that want attention:\n"
             "  postern list --state active --not-rolled-since 90d\n"
             "  postern list --state active --expires-within 30d"},
    {0},
};

static void add_unusual(struct table *table, const void *entry, uint64_t now_ms)
{
    const struct postern_key *key = entry;
    char why[OUTPUT_LIST_SIZE], used[OUTPUT_TIME_SIZE];
    table_add(table, "%s\t%s\t%s\t%s%s%s\t%s", key->key_id, key->account, key->name,
              output_when(key->last_used_at_ms, now_ms, "never", used),
              key->last_used_address[0] != '\0' ? " from " : "", key->last_used_address,
              unusual_text(key, now_ms, why));
}

void list_unusual(struct cli *cli, const char *account, uint64_t at_ms)
{
    static const struct list keys = {.name = "keys",
                                     .none = "Nothing is unusual in that hour.",
                                     .heads = "KEY_ID\t+ACCOUNT\t+NAME\t+LAST USED\t+UNUSUAL",
                                     .entry_size = sizeof(struct postern_key),
                                     .ask = ask_keys,
                                     .add_row = add_unusual,
                                     .gapless_page_size = 250};
    list_run(cli, &keys, &(struct postern_list_request){.account = account, .unusual = true, .unusual_at_ms = at_ms});
}
