// update, enable, disable, roll, delete.
#include "command.h"

#include <stdio.h>
#include <string.h>

// ----------------------------------------------------------------------------------------------------------- update

// Sets of a list either its values or, by `none`, that there are to be none.
static bool read_list_flag(struct cli *cli, const char *name, const char *none, enum postern_update_field field,
                           unsigned *fields)
{
    if (argument_has(cli, name) && argument_has(cli, none)) {
        misuse(cli, "--%s and --%s exclude each other", name, none);
        return false;
    }
    if (argument_has(cli, name) || argument_has(cli, none))
        *fields |= field;
    return true;
}

static bool read_fields(struct cli *cli, unsigned *fields)
{
    if (argument_has(cli, "name"))
        *fields |= POSTERN_UPDATE_NAME;
    return read_list_flag(cli, "scope", "no-scopes", POSTERN_UPDATE_SCOPES, fields) &&
           read_list_flag(cli, "metadata", "no-metadata", POSTERN_UPDATE_METADATA, fields) &&
           read_list_flag(cli, "expires", "no-expiry", POSTERN_UPDATE_EXPIRES_AT, fields) &&
           read_list_flag(cli, "address", "no-addresses", POSTERN_UPDATE_ALLOWED_ADDRESSES, fields) &&
           read_list_flag(cli, "limit", "no-limits", POSTERN_UPDATE_LIMITS, fields);
}

static bool read_update(struct cli *cli, struct postern_update_request *request)
{
    request->key_id = operand_key_id(cli);
    if (request->key_id == NULL || !read_fields(cli, &request->fields))
        return false;
    if (request->fields == 0) {
        misuse(cli, "say what to change, e.g. --name prod-ingest or --expires 90d");
        return false;
    }
    request->name = argument_text(cli, "name");
    request->scopes = argument_all(cli, "scope", &request->scope_count);
    request->allowed_addresses = argument_all(cli, "address", &request->allowed_address_count);
    return value_moment_flag(cli, "expires", false, &request->expires_at_ms) &&
           value_metadata_flag(cli, &request->metadata, &request->metadata_count) &&
           value_limits_flag(cli, &request->limits, &request->limit_count) &&
           value_number(cli, "if-version", UINT64_MAX, &request->if_version);
}

// Performs it; *reply is the caller's on CLI_DONE.
static int update(struct cli *cli, const struct postern_update_request *request, struct postern_update_reply **reply)
{
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_update(cli->client, request, reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(*reply, NULL, NULL);
    return CLI_DONE;
}

static int run_update(struct cli *cli)
{
    struct postern_update_request request = {0};
    struct postern_update_reply *reply = NULL;
    if (!read_update(cli, &request))
        return CLI_MISUSED;
    int status = update(cli, &request, &reply);
    if (status == CLI_DONE && !cli->json)
        output_key(&reply->key, reply->base.server_time_ms);
    postern_reply_free(reply);
    return status;
}

static const struct flag update_flags[] = {
    {"name", "NAME", false, "what it is for"},
    {"scope", "SCOPE", true, "what it may do, instead of what it had"},
    {"no-scopes", NULL, false, "take all its scopes away"},
    {"expires", "TIME", false, "90d, 12h, 2027-01-31T12:00:00Z or Unix milliseconds"},
    {"no-expiry", NULL, false, "it does not expire"},
    {"limit", "TEXT", true, "limits of the key's own, instead of those it had"},
    {"no-limits", NULL, false, "take its own limits away"},
    {"metadata", "KEY=VALUE", true, "instead of what it had"},
    {"no-metadata", NULL, false, "take its metadata away"},
    {"address", "NETWORK", true, "where it may be used from, instead of where it could"},
    {"no-addresses", NULL, false, "it may be used from anywhere"},
    {IF_VERSION_FLAG},
    {0},
};

const struct command command_update = {
    .words = "update",
    .operands = "KEY_ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "change a key; what is not given stays",
    .flags = update_flags,
    .notes = "What is given replaces what was there, lists as a whole:\n"
             "  postern update key_0123456789abcde --scope jobs:run --scope jobs:read --expires 90d",
    .run = run_update,
};

// --------------------------------------------------------------------------------------------------- enable, disable

static int switch_key(struct cli *cli, bool enabled)
{
    struct postern_update_request request = {
        .key_id = operand_key_id(cli), .fields = POSTERN_UPDATE_ENABLED, .enabled = enabled};
    struct postern_update_reply *reply = NULL;
    if (request.key_id == NULL || !value_number(cli, "if-version", UINT64_MAX, &request.if_version))
        return CLI_MISUSED;
    int status = update(cli, &request, &reply);
    if (status == CLI_DONE && !cli->json)
        printf("%s %s (%s) of account %s\n", enabled ? "enabled" : "disabled", reply->key.key_id, reply->key.name,
               reply->key.account);
    postern_reply_free(reply);
    return status;
}

static int run_enable(struct cli *cli)
{
    return switch_key(cli, true);
}

static int run_disable(struct cli *cli)
{
    return switch_key(cli, false);
}

static const struct flag version_flags[] = {{IF_VERSION_FLAG}, {0}};

const struct command command_enable = {
    .words = "enable",
    .operands = "KEY_ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "switch a disabled key on again",
    .flags = version_flags,
    .run = run_enable,
};

const struct command command_disable = {
    .words = "disable",
    .operands = "KEY_ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "switch a key off, until it is enabled",
    .flags = version_flags,
    .run = run_disable,
};

// ------------------------------------------------------------------------------------------------------------- roll

static bool read_roll(struct cli *cli, struct postern_roll_request *request)
{
    const char *grace = argument_text(cli, "grace");
    request->key_id = operand_key_id(cli);
    if (request->key_id == NULL || !value_number(cli, "if-version", UINT64_MAX, &request->if_version))
        return false;
    request->has_grace = grace != NULL;
    if (grace == NULL || strcmp(grace, "0") == 0 || value_span(grace, &request->grace_ms))
        return true;
    misuse(cli, "--grace \"%s\" is no span of time: write 30min, 12h, 7d or 0", grace);
    return false;
}

static void print_roll(const struct postern_roll_reply *reply)
{
    char at[OUTPUT_TIME_SIZE], when[OUTPUT_TIME_SIZE];
    uint64_t until = reply->predecessor.expires_at_ms, now = reply->base.server_time_ms;
    puts(reply->api_key);
    fprintf(stderr, "Rolled %s (%s) of account %s: its successor is %s.", reply->predecessor.key_id,
            reply->predecessor.name, reply->predecessor.account, reply->key.key_id);
    if (until > now)
        fprintf(stderr, " The old token works until %s (%s).", output_time(until, "", at),
                output_when(until, now, "", when));
    else
        fputs(" The old token has expired.", stderr);
    fputs(reply->key.type == POSTERN_KEY_TYPE_PUBLIC ? "\n" : " Keep the new one: it is shown this once.\n", stderr);
}

static int run_roll(struct cli *cli)
{
    struct postern_roll_request request = {0};
    struct postern_roll_reply *reply = NULL;
    if (!read_roll(cli, &request))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_roll(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        print_roll(reply);
    postern_reply_free(reply);
    return CLI_DONE;
}

static const struct flag roll_flags[] = {
    {"grace", "TIME", false, "how long the old token works on: 30min, 7d, at most 30d, or 0 (default 12h)"},
    {IF_VERSION_FLAG},
    {0},
};

const struct command command_roll = {
    .words = "roll",
    .operands = "KEY_ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "make a key's successor; its token goes to standard output, this once",
    .flags = roll_flags,
    .notes =
        "The successor has the same name, scopes, limits and budgets. Services that verify the old token are told\n"
        "who replaces it and until when.\n"
        "  TOKEN=$(postern roll key_0123456789abcde --grace 2d)",
    .run = run_roll,
};

// ----------------------------------------------------------------------------------------------------------- delete

static int run_delete(struct cli *cli)
{
    struct postern_delete_request request = {.key_id = operand_key_id(cli)};
    struct postern_delete_reply *reply = NULL;
    if (request.key_id == NULL || !value_number(cli, "if-version", UINT64_MAX, &request.if_version))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_delete(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        printf("deleted %s (%s) of account %s\n", reply->key.key_id, reply->key.name, reply->key.account);
    postern_reply_free(reply);
    return CLI_DONE;
}

const struct command command_delete = {
    .words = "delete",
    .operands = "KEY_ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "revoke a key and take it out of all lists, for ever",
    .flags = version_flags,
    .run = run_delete,
};
