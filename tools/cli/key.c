// create, get, list, revoke.
#include "command.h"

#include <stdio.h>
#include <string.h>

// The operand as a key id; NULL: said so on stderr, as a misuse.
static const char *read_key_id(const struct cli *cli)
{
    const char *text = cli->operands[0];
    if (strncmp(text, "key_", 4) == 0)
        return text;
    if (token_is_likely(text))
        token_refuse(cli);
    else
        misuse(cli, "\"%s\" is not the id of a key: those begin with key_, as postern list shows them", text);
    return NULL;
}

// ----------------------------------------------------------------------------------------------------------- create

static bool read_create(struct cli *cli, struct postern_create_request *request)
{
    request->account = argument_text(cli, "account");
    request->name = argument_text(cli, "name");
    request->scopes = argument_all(cli, "scope", &request->scope_count);
    request->prefix = argument_text(cli, "prefix");
    request->allowed_addresses = argument_all(cli, "address", &request->allowed_address_count);
    if (request->account == NULL || request->name == NULL) {
        misuse(cli, "a key needs an account and a name that tells what it is for: --account acme --name prod-ingest");
        return false;
    }
    return value_environment_flag(cli, &request->environment) && value_key_type_flag(cli, &request->type) &&
           value_moment_flag(cli, "expires", false, &request->expires_at_ms) &&
           value_metadata_flag(cli, &request->metadata, &request->metadata_count) &&
           value_limits_flag(cli, &request->limits, &request->limit_count);
}

static void print_create(const struct postern_create_reply *reply)
{
    const struct postern_key *key = &reply->key;
    char environment[32], type[32], expires[OUTPUT_TIME_SIZE];
    puts(reply->api_key);
    fprintf(stderr, "Created %s (%s) for account %s: %s, %s, expires %s.%s\n", key->key_id, key->name, key->account,
            output_lower(postern_environment_name(key->environment), environment, sizeof environment),
            output_lower(postern_key_type_name(key->type), type, sizeof type),
            output_time(key->expires_at_ms, "never", expires),
            key->type == POSTERN_KEY_TYPE_PUBLIC ? "" : " Keep the token: it is shown this once.");
}

static int run_create(struct cli *cli)
{
    struct postern_create_request request = {0};
    struct postern_create_reply *reply = NULL;
    if (!read_create(cli, &request))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_create(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        print_create(reply);
    postern_reply_free(reply);
    return CLI_DONE;
}

static const struct flag create_flags[] = {
    {"account", "ID", false, "whose key it is"},
    {"name", "NAME", false, "what it is for"},
    {"env", "test|live", false, "its environment (default test)"},
    {"type", "secret|public", false, "secret: shown once; public: may be read again (default secret)"},
    {"scope", "SCOPE", true, "what it may do (none: the catalogue's default scopes)"},
    {"expires", "TIME", false, "90d, 12h, 2027-01-31T12:00:00Z or Unix milliseconds (default never)"},
    {"prefix", "PREFIX", false, "how the token begins"},
    {"limit", "TEXT", true, "a limit of the key's own, e.g. requests=10/min"},
    {"metadata", "KEY=VALUE", true, "kept with the key and shown by verify"},
    {"address", "NETWORK", true, "where it may be used from, e.g. 10.0.0.0/8 (none: anywhere)"},
    {0},
};

const struct command command_create = {
    .words = "create",
    .operands = "",
    .summary = "make a key; its token goes to standard output, this once",
    .flags = create_flags,
    .notes = "  TOKEN=$(postern create --account acme --name prod-ingest --env live --expires 90d)",
    .run = run_create,
};

// -------------------------------------------------------------------------------------------------------------- get

static int run_get(struct cli *cli)
{
    struct postern_get_request request = {.key_id = read_key_id(cli)};
    struct postern_get_reply *reply = NULL;
    if (request.key_id == NULL)
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_get(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        output_key(&reply->key);
    postern_reply_free(reply);
    return CLI_DONE;
}

static const struct flag no_flags[] = {{0}};

const struct command command_get = {
    .words = "get",
    .operands = "KEY_ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show a key's record",
    .flags = no_flags,
    .run = run_get,
};

// ------------------------------------------------------------------------------------------------------------- list

enum { COLUMNS = 8, CELL_SIZE = 192 };

static void fill_row(const struct postern_key *key, char cells[COLUMNS][CELL_SIZE])
{
    char time[OUTPUT_TIME_SIZE];
    snprintf(cells[0], CELL_SIZE, "%s", key->key_id);
    snprintf(cells[1], CELL_SIZE, "%s", key->account);
    snprintf(cells[2], CELL_SIZE, "%s", key->name);
    output_lower(postern_key_state_name(key->state), cells[3], CELL_SIZE);
    output_lower(postern_environment_name(key->environment), cells[4], CELL_SIZE);
    output_lower(postern_key_type_name(key->type), cells[5], CELL_SIZE);
    snprintf(cells[6], CELL_SIZE, "%s", output_time(key->expires_at_ms, "never", time));
    snprintf(cells[7], CELL_SIZE, "%s", output_time(key->last_used_at_ms, "never", time));
}

static void widen(int widths[COLUMNS], char cells[COLUMNS][CELL_SIZE])
{
    for (size_t i = 0; i < COLUMNS; i++) {
        int width = (int)strlen(cells[i]);
        widths[i] = width > widths[i] ? width : widths[i];
    }
}

static void print_row(const int widths[COLUMNS], char cells[COLUMNS][CELL_SIZE])
{
    for (size_t i = 0; i + 1 < COLUMNS; i++)
        printf("%-*s  ", widths[i], cells[i]);
    puts(cells[COLUMNS - 1]);
}

static void print_table(const struct postern_list_reply *reply)
{
    char head[COLUMNS][CELL_SIZE] = {"KEY_ID", "ACCOUNT", "NAME", "STATE", "ENV", "TYPE", "EXPIRES", "LAST USED"};
    char cells[COLUMNS][CELL_SIZE];
    int widths[COLUMNS] = {0};
    if (reply->key_count == 0)
        return;
    widen(widths, head);
    for (size_t i = 0; i < reply->key_count; i++) {
        fill_row(&reply->keys[i], cells);
        widen(widths, cells);
    }
    print_row(widths, head);
    for (size_t i = 0; i < reply->key_count; i++) {
        fill_row(&reply->keys[i], cells);
        print_row(widths, cells);
    }
}

static bool read_list(struct cli *cli, struct postern_list_request *request)
{
    const char *token = argument_text(cli, "page-token");
    uint64_t size = 0;
    request->account = argument_text(cli, "account");
    request->never_used = argument_has(cli, "never-used");
    if (token != NULL && !value_base64(cli, token, &request->page_token, &request->page_token_size)) {
        misuse(cli, "--page-token \"%s\" is not what next_page_token said", token);
        return false;
    }
    if (!value_number(cli, "page-size", 500, &size))
        return false;
    request->page_size = (uint32_t)size;
    return value_key_state_flag(cli, &request->state) && value_environment_flag(cli, &request->environment) &&
           value_moment_flag(cli, "created-before", true, &request->created_before_ms) &&
           value_moment_flag(cli, "expires-before", false, &request->expires_before_ms) &&
           value_moment_flag(cli, "last-rolled-before", true, &request->last_rolled_before_ms);
}

// Prints one page and readies the request for the next one. CLI_DONE also when there is none.
static int list_page(struct cli *cli, struct postern_list_request *request, bool *empty)
{
    struct postern_list_reply *reply = NULL;
    if (postern_list(cli->client, request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        print_table(reply);
    *empty = *empty && reply->key_count == 0;
    request->page_token_size = reply->next_page_token_size;
    uint8_t *token = cli_keep(cli, reply->next_page_token_size + 1, 1);
    if (reply->next_page_token_size > 0)
        memcpy(token, reply->next_page_token, reply->next_page_token_size);
    request->page_token = token;
    postern_reply_free(reply);
    return CLI_DONE;
}

static int run_list(struct cli *cli)
{
    struct postern_list_request request = {0};
    bool empty = true;
    if (!read_list(cli, &request))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status == CLI_DONE)
        status = list_page(cli, &request, &empty);
    // A page may be empty and not the last: for people go on to the first keys.
    while (status == CLI_DONE && request.page_token_size > 0 && (argument_has(cli, "all") || (empty && !cli->json)))
        status = list_page(cli, &request, &empty);
    if (status != CLI_DONE || cli->json)
        return status;
    if (empty)
        fputs("No such keys.\n", stderr);
    else if (request.page_token_size > 0)
        fputs("There are more; all of them: postern list --all\n", stderr);
    return CLI_DONE;
}

static const struct flag list_flags[] = {
    {"account", "ID", false, "of this account only"},
    {"state", "STATE", false, "active, rolling, disabled, expired or revoked"},
    {"env", "test|live", false, "of this environment only"},
    {"created-before", "TIME", false, "30d (before now), 2027-01-31T12:00:00Z or Unix milliseconds"},
    {"expires-before", "TIME", false, "30d (from now), 2027-01-31T12:00:00Z or Unix milliseconds"},
    {"last-rolled-before", "TIME", false, "90d (before now), 2027-01-31T12:00:00Z or Unix milliseconds"},
    {"never-used", NULL, false, "those that were never used"},
    {"page-size", "N", false, "keys at once, at most 500 (default 100)"},
    {"page-token", "TEXT", false, "go on where next_page_token of --json says"},
    {"all", NULL, false, "all pages; with --json one object for each"},
    {0},
};

const struct command command_list = {
    .words = "list",
    .operands = "",
    .summary = "list keys",
    .flags = list_flags,
    .run = run_list,
};

// ----------------------------------------------------------------------------------------------------------- revoke

static bool read_revoke(struct cli *cli, struct postern_revoke_request *request)
{
    const char *token = argument_text(cli, "token");
    request->reason = argument_text(cli, "reason");
    if ((token != NULL) == (cli->operand_count > 0)) {
        misuse(cli, "say which key: KEY_ID, or --token - with its token by standard input");
        return false;
    }
    if (token == NULL) {
        request->key_id = read_key_id(cli);
        return request->key_id != NULL;
    }
    if (strcmp(token, "-") != 0) {
        token_refuse(cli);
        return false;
    }
    request->api_key = token_read(cli, true);
    return request->api_key != NULL;
}

static int run_revoke(struct cli *cli)
{
    struct postern_revoke_request request = {0};
    struct postern_revoke_reply *reply = NULL;
    if (!read_revoke(cli, &request))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_revoke(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        printf("revoked %s (%s) of account %s\n", reply->key.key_id, reply->key.name, reply->key.account);
    postern_reply_free(reply);
    return CLI_DONE;
}

static const struct flag revoke_flags[] = {
    {"token", "-", false, "the key whose token comes by standard input"},
    {"reason", "TEXT", false, "why; kept with the key"},
    {0},
};

const struct command command_revoke = {
    .words = "revoke",
    .operands = "[KEY_ID]",
    .operands_max = 1,
    .summary = "revoke a key, at once and for ever",
    .flags = revoke_flags,
    .notes = "  postern revoke key_0123456789abcde --reason \"found in a public repository\"\n"
             "  printf %s \"$TOKEN\" | postern revoke --token -      needs no other authority than the token",
    .run = run_revoke,
};
