// Lists of keys: by filters, and those that have an unusual hour.
#include "list.h"

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

static void append_unusual(const struct postern_activity *activity, enum postern_unusual unusual, char *text)
{
    if (unusual == POSTERN_UNUSUAL_VOLUME)
        output_append(text, ", ", "%llu calls (usual %llu)", (unsigned long long)activity->calls,
                      (unsigned long long)activity->usual_calls);
    else if (unusual == POSTERN_UNUSUAL_REFUSALS)
        output_append(text, ", ", "%llu refusals (usual %llu)", (unsigned long long)activity->refusals,
                      (unsigned long long)activity->usual_refusals);
    else // or one of a newer posternd
        output_append(text, ", ", "%s",
                      unusual == POSTERN_UNUSUAL_NEW_ADDRESS ? "a new address" : postern_unusual_name(unusual));
}

// "calls 230 (usual 20), a new address", empty when nothing is.
static const char *unusual_text(const struct postern_key *key, char text[OUTPUT_LIST_SIZE])
{
    text[0] = '\0';
    for (size_t i = 0; i < key->unusual_count && key->activity != NULL; i++)
        append_unusual(key->activity, key->unusual[i], text);
    return text;
}

#define KEY_HEADS "KEY_ID\t+ACCOUNT\t+NAME\tSTATE\tENV\tTYPE\tCREATED\tEXPIRES\tLAST USED"

// Has a last column that is printed only where the table has a head for it.
static void add_key(struct table *table, const void *entry, uint64_t now_ms)
{
    const struct postern_key *key = entry;
    char state[OUTPUT_WORD_SIZE], environment[OUTPUT_WORD_SIZE], type[OUTPUT_WORD_SIZE], why[OUTPUT_LIST_SIZE];
    char created[OUTPUT_TIME_SIZE], expires[OUTPUT_TIME_SIZE], used[OUTPUT_TIME_SIZE];
    table_add(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", key->key_id, key->account, key->name,
              output_lower(postern_key_state_name(key->state), state),
              output_lower(postern_environment_name(key->environment), environment),
              output_lower(postern_key_type_name(key->type), type),
              output_when(key->created_at_ms, now_ms, "", created),
              output_when(key->expires_at_ms, now_ms, "never", expires),
              output_when(key->last_used_at_ms, now_ms, "never", used), unusual_text(key, why));
}

static void run_list(struct cli *cli)
{
    const struct postern_list_request filter = {
        .account = argument_text(cli, "account"),
        .state = value_key_state(cli, argument_text(cli, "state")),
        .environment = value_environment(cli, argument_text(cli, "env")),
        .created_before_ms = value_moment_flag(cli, "older-than", true),
        .expires_before_ms = value_moment_flag(cli, "expires-within", false),
        .never_used = argument_has(cli, "never-used"),
        .last_rolled_before_ms = value_moment_flag(cli, "not-rolled-since", true),
        .with_unusual = argument_has(cli, "with-unusual"),
        .unusual = argument_has(cli, "unusual"),
    };
    const struct list keys = {.name = "keys",
                              .none = "No such keys.",
                              .heads = filter.unusual || filter.with_unusual ? KEY_HEADS "\t+UNUSUAL" : KEY_HEADS,
                              .entry_size = sizeof(struct postern_key),
                              .ask = ask_keys,
                              .add_row = add_key};
    list_run(cli, &keys, &filter);
}

static const struct flag key_list_flags[] = {
    {"account", "ID", "of this account only"},
    {"state", "STATE", "active, rolling, disabled, expired or revoked"},
    {"env", "test|live", "of this environment only"},
    {"older-than", "TIME", "made longer ago than 90d, or before 2027-01-31T12:00:00Z"},
    {"expires-within", "TIME", "whose expiry is less than 30d away, or before 2027-01-31T12:00:00Z"},
    {"not-rolled-since", "TIME", "with a secret older than 90d, or than 2027-01-31T12:00:00Z"},
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
     .notes = "Filters that are given must all hold. Keys that want attention:\n"
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
              key->last_used_address[0] != '\0' ? " from " : "", key->last_used_address, unusual_text(key, why));
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
