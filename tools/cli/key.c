// create, get, revoke.
#include "command.h"

#include <stdio.h>
#include <string.h>

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
    struct postern_get_request request = {.key_id = operand_key_id(cli)};
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
        output_key(&reply->key, reply->base.server_time_ms);
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

// ----------------------------------------------------------------------------------------------------------- revoke

static bool read_revoke(struct cli *cli, struct postern_revoke_request *request)
{
    const char *token = argument_text(cli, "token");
    request->reason = argument_text(cli, "reason");
    if (!value_number(cli, "if-version", UINT64_MAX, &request->if_version))
        return false;
    if ((token != NULL) == (cli->operand_count > 0)) {
        misuse(cli, "say which key: KEY_ID, or --token - with its token by standard input");
        return false;
    }
    if (token == NULL) {
        request->key_id = operand_key_id(cli);
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
    {IF_VERSION_FLAG},
    {0},
};

const struct command command_revoke = {
    .words = "revoke",
    .operands = "[KEY_ID]",
    .operands_max = 1,
    .summary = "revoke a key, at once and for ever",
    .flags = revoke_flags,
    .notes = "  postern revoke key_0123456789abcde --reason \"found in a public repository\"\n"
             "  printf %s \"$TOKEN\" | postern revoke --token -    if it is a secret key's, with no other authority",
    .run = run_revoke,
};
