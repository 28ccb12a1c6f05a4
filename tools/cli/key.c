// Keys: create, get, update, disable, enable, roll, revoke, delete.
#include "change.h"
#include "confirm.h"
#include "list.h"

#include <string.h>

static void say_done(const char *what, const struct postern_key *key)
{
    printf("%s %s (%s) of account %s\n", what, key->key_id, key->name, key->account);
}

// Writes "works from ..., " of a key that works only later, or nothing.
static const char *works_from(struct cli *cli, const struct postern_key *key, uint64_t now_ms)
{
    char at[OUTPUT_TIME_SIZE];
    return key->not_before_ms > now_ms ? cli_format(cli, "works from %s, ", output_time(key->not_before_ms, "", at))
                                       : "";
}

static void print_create(struct cli *cli, const struct postern_create_reply *reply)
{
    const struct postern_key *key = &reply->key;
    char expires[OUTPUT_TIME_SIZE];
    puts(reply->api_key);
    fprintf(stderr, "Created %s (%s) for account %s: %s, %s, %sexpires %s.%s\n", key->key_id, key->name, key->account,
            value_word_text(&value_environments, key->environment), value_word_text(&value_key_types, key->type),
            works_from(cli, key, reply->base.server_time_ms), output_time(key->expires_at_ms, "never", expires),
            key->type == POSTERN_KEY_TYPE_PUBLIC ? "" : " Keep the token: it is shown this once.");
}

static void run_create(struct cli *cli)
{
    struct postern_create_request request = {.prefix = argument_text(cli, "prefix")};
    struct postern_create_reply *reply = NULL;
    schema_read(cli, &key_schema, &request);
    if (request.account == NULL || request.name == NULL)
        misuse(cli, "a key needs an account and a name that tells what it is for: --account acme --name prod-ingest");
    if (cli_good(cli) && call_done(cli, postern_create(cli->client, &request, &reply, &cli->error)) &&
        call_in_words(cli, reply))
        print_create(cli, reply);
    postern_reply_free(reply);
}

// Says of a successor that does not work what it is: nobody should be sent to it.
static const char *name_successor(struct cli *cli, const char *key_id)
{
    const struct postern_get_request request = {.key_id = key_id};
    struct postern_get_reply *reply = NULL;
    struct postern_error error;
    const char *state = NULL;
    enum postern_status status = postern_get(cli->client, &request, &reply, &error);
    if (status == POSTERN_NOT_FOUND)
        state = "deleted";
    else if (status == POSTERN_OK && reply->key.state != POSTERN_KEY_STATE_ACTIVE &&
             reply->key.state != POSTERN_KEY_STATE_ROLLING)
        state = value_word_text(&value_key_states, reply->key.state);
    const char *name = state != NULL ? cli_format(cli, "%s (%s)", key_id, state) : key_id;
    postern_reply_free(reply);
    return name;
}

static void show_key(struct cli *cli, const struct postern_key *shown, uint64_t now_ms)
{
    struct postern_key key = *shown;
    if (key.successor_key_id[0] != '\0')
        key.successor_key_id = name_successor(cli, key.successor_key_id);
    schema_print(&key_schema, &key, now_ms);
}

static void run_get(struct cli *cli)
{
    const char *token = argument_text(cli, "token");
    struct postern_get_request request = {0};
    if ((token != NULL) == (cli->operand_count > 0))
        misuse(cli, "say which key: its KEY_ID, or --token - and its token by standard input");
    else if (token == NULL)
        request.key_id = operand_key_id(cli);
    else if (token_check_dash(cli, token))
        request.api_key = token_read_one(cli);
    if (cli_good(cli) && request.api_key != NULL && request.api_key[0] == '\0')
        misuse(cli, "no token came by standard input: printf %%s \"$TOKEN\" | postern get --token -");
    struct postern_get_reply *reply = NULL;
    if (cli_good(cli) && call_done(cli, postern_get(cli->client, &request, &reply, &cli->error)) &&
        call_in_words(cli, reply))
        show_key(cli, &reply->key, reply->base.server_time_ms);
    postern_reply_free(reply);
}

static enum postern_status read_key(struct cli *cli, struct change *change)
{
    const struct postern_get_request request = {.key_id = cli->operands[0]};
    struct postern_get_reply *reply = NULL;
    enum postern_status status = postern_get(cli->client, &request, &reply, &cli->error);
    change->found = reply;
    change->before = reply != NULL ? &reply->key : NULL;
    return status;
}

static enum postern_status write_key(struct cli *cli, struct change *change)
{
    struct postern_update_request *request = change->request;
    struct postern_update_reply *reply = NULL;
    request->key_id = cli->operands[0];
    enum postern_status status = postern_update(cli->client, request, &reply, &cli->error);
    change->reply = reply;
    change->after = reply != NULL ? &reply->key : NULL;
    return status;
}

static void print_key(struct cli *cli, const struct change *change)
{
    const struct postern_update_reply *reply = change->reply;
    show_key(cli, &reply->key, reply->base.server_time_ms);
}

static void run_update(struct cli *cli)
{
    static const struct change_kind key = {.schema = &key_schema,
                                           .example = "--name prod-ingest or --expires 90d",
                                           .version_at = offsetof(struct postern_key, version),
                                           .request_size = sizeof(struct postern_update_request),
                                           .if_version_at = offsetof(struct postern_update_request, if_version),
                                           .bits_at = offsetof(struct postern_update_request, fields),
                                           .read = read_key,
                                           .write = write_key,
                                           .print = print_key};
    if (operand_key_id(cli) != NULL)
        change_run(cli, &key);
}

static void run_enable_or_disable(struct cli *cli)
{
    const struct postern_update_request request = {.key_id = operand_key_id(cli),
                                                   .if_version = value_version(cli),
                                                   .fields = POSTERN_UPDATE_ENABLED,
                                                   .enabled = cli->command->on};
    struct postern_update_reply *reply = NULL;
    if (cli_good(cli) && call_done(cli, postern_update(cli->client, &request, &reply, &cli->error)) &&
        call_in_words(cli, reply))
        say_done(request.enabled ? "enabled" : "disabled", &reply->key);
    postern_reply_free(reply);
}

// Says until when the old token works, which may be before it would have begun to.
static void print_end_of_old(const struct postern_key *old, uint64_t now)
{
    char from[OUTPUT_TIME_SIZE], at[OUTPUT_TIME_SIZE], when[OUTPUT_TIME_SIZE];
    uint64_t until = old->expires_at_ms, begin = old->not_before_ms;
    output_time(begin, "", from);
    output_time(until, "", at);
    if (begin > now && begin >= until)
        fprintf(stderr, " The old token will not work: it would have from %s.", from);
    else if (begin > now)
        fprintf(stderr, " The old token works from %s until %s (%s).", from, at, output_when(until, now, "", when));
    else if (until > now)
        fprintf(stderr, " The old token works until %s (%s).", at, output_when(until, now, "", when));
    else
        fputs(" The old token has expired.", stderr);
}

static void print_roll(struct cli *cli, const struct postern_roll_reply *reply)
{
    char expires[OUTPUT_TIME_SIZE];
    puts(reply->api_key);
    fprintf(stderr, "Rolled %s (%s) of account %s: its successor is %s, %sexpires %s.", reply->predecessor.key_id,
            reply->predecessor.name, reply->predecessor.account, reply->key.key_id,
            works_from(cli, &reply->key, reply->base.server_time_ms),
            output_time(reply->key.expires_at_ms, "never", expires));
    print_end_of_old(&reply->predecessor, reply->base.server_time_ms);
    fputs(reply->key.type == POSTERN_KEY_TYPE_PUBLIC ? "\n" : " Keep the new one: it is shown this once.\n", stderr);
}

static void run_roll(struct cli *cli)
{
    const char *grace = argument_text(cli, "grace");
    struct postern_roll_request request = {
        .key_id = operand_key_id(cli),
        .has_grace = grace != NULL,
        .if_version = value_version(cli),
        .has_expiry = argument_has(cli, "expires"),
        .expires_at_ms = moment_flag_or_never(cli, "expires"),
    };
    struct postern_roll_reply *reply = NULL;
    if (grace != NULL && strcmp(grace, "0") != 0 && !value_span(grace, &request.grace_ms))
        misuse(cli, "--grace \"%s\" is no span of time: write 30min, 12h, 2w or 0", grace);
    bool ends_at_once = grace != NULL && request.grace_ms == 0;
    if (ends_at_once && !confirm(cli, "Roll %s, so that its present token stops working at once?", request.key_id))
        return;
    if (cli_good(cli) && call_done(cli, postern_roll(cli->client, &request, &reply, &cli->error)) &&
        call_in_words(cli, reply))
        print_roll(cli, reply);
    postern_reply_free(reply);
}

static void revoke(struct cli *cli, const struct postern_revoke_request *request)
{
    struct postern_revoke_reply *reply = NULL;
    if (call_done(cli, postern_revoke(cli->client, request, &reply, &cli->error)) && call_in_words(cli, reply))
        say_done("revoked", &reply->key);
    postern_reply_free(reply);
}

// Prints the outcome of one of many on a line of standard output, whatever it is. False: posternd cannot be asked.
static bool revoke_one_of_many(struct cli *cli, const struct postern_revoke_request *request, size_t number)
{
    struct postern_revoke_reply *reply = NULL;
    char text[OUTPUT_LIST_SIZE];
    enum postern_status status = postern_revoke(cli->client, request, &reply, &cli->error);
    if (status != POSTERN_OK && (cli->json || !cli->error.answered)) {
        call_done(cli, status);
    } else if (status != POSTERN_OK) {
        printf("token %zu: %s: %s\n", number, postern_status_name(status), wording_of(cli, &cli->error, text));
        cli->status = call_exit_status(status);
    } else if (call_in_words(cli, reply)) {
        say_done("revoked", &reply->key);
    }
    postern_reply_free(reply);
    return status == POSTERN_OK || cli->error.answered;
}

// Revokes each one by itself: a token that cannot be revoked does not keep the others alive.
static void revoke_many(struct cli *cli, struct postern_revoke_request *request, const char *const *tokens,
                        size_t count)
{
    bool reachable = true;
    size_t done = 0;
    for (; done < count && reachable; done++) {
        request->api_key = tokens[done];
        reachable = revoke_one_of_many(cli, request, done + 1);
    }
    if (!reachable && done < count)
        fprintf(stderr, "%s: stopped here: tokens %zu to %zu were not revoked\n", cli->name, done + 1, count);
}

static void revoke_tokens(struct cli *cli, struct postern_revoke_request *request)
{
    size_t count = 0;
    const char *const *tokens = token_read_lines(cli, &count);
    if (count > 1 && argument_has(cli, "if-version"))
        misuse(cli, "%zu tokens came by standard input, and --if-version is of one key", count);
    if (!confirm(cli, "Revoke the key of this token, at once and for ever?"))
        return;
    request->api_key = tokens[0];
    if (count == 1)
        revoke(cli, request);
    else
        revoke_many(cli, request, tokens, count);
}

static void run_revoke(struct cli *cli)
{
    const char *token = argument_text(cli, "token");
    struct postern_revoke_request request = {.reason = argument_text(cli, "reason"), .if_version = value_version(cli)};
    if ((token != NULL) == (cli->operand_count > 0))
        misuse(cli, "say which key: KEY_ID, or --token - with its token by standard input");
    else if (token == NULL)
        request.key_id = operand_key_id(cli);
    else
        token_check_dash(cli, token);
    if (cli_good(cli) && token != NULL)
        revoke_tokens(cli, &request);
    else if (confirm(cli, "Revoke %s, at once and for ever?", request.key_id))
        revoke(cli, &request);
}

static void run_delete(struct cli *cli)
{
    const struct postern_delete_request request = {.key_id = operand_key_id(cli), .if_version = value_version(cli)};
    struct postern_delete_reply *reply = NULL;
    if (confirm(cli, "Revoke %s, and take it out of all lists?", request.key_id) &&
        call_done(cli, postern_delete(cli->client, &request, &reply, &cli->error)) && call_in_words(cli, reply))
        say_done("deleted", &reply->key);
    postern_reply_free(reply);
}

static const struct flag create_flags[] = {{"prefix", "PREFIX", "how the token begins"}, {0}};

static const struct flag get_flags[] = {{"token", "-", "the key whose token comes by standard input"}, {0}};

static const struct flag roll_flags[] = {
    {"grace", "TIME", "how long the old token works on: 30min, 7d, at most 30d, or 0 (default 12h)"},
    {"expires", "TIME",
     "when the new key expires: 90d, 2w, 2027-01-31, 2027-01-31T12:00:00Z, Unix milliseconds or never (default: when "
     "the old one would have)"},
    {IF_VERSION_FLAG},
    {"yes", NULL, "with --grace 0: do it without asking, as it is done where no terminal is"},
    {0},
};

static const struct flag revoke_flags[] = {
    {"token", "-", "the keys whose tokens come by standard input, one on each line"},
    {"reason", "TEXT", "why; kept with the key"},
    {IF_VERSION_FLAG},
    {YES_FLAG},
    {0},
};

static const struct flag version_flags[] = {{IF_VERSION_FLAG}, {0}};
static const struct flag delete_flags[] = {{IF_VERSION_FLAG}, {YES_FLAG}, {0}};

const struct command key_commands[] = {
    {"create", "", "make a key; its token goes to standard output, this once", create_flags, run_create,
     .help = LIMIT_HELP "  TOKEN=$(postern create --account acme --name prod-ingest --env live --expires 90d)",
     .schema = &key_schema, .makes = true},
    {"get", "[KEY_ID]", "show a key's record", get_flags, run_get,
     .help = "Whose is this token? Nothing is charged:\n"
             "  printf %s \"$TOKEN\" | postern get --token -",
     .token_way = "get --token -"},
    {"update", "KEY_ID", "change a key; what is not given stays", version_flags, run_update,
     .help =
         LIMIT_HELP "A list that is given replaces what was there as a whole; --add- and --remove- change one entry:\n"
                    "  postern update key_0123456789abcde --scope jobs:run --scope jobs:read --expires 90d\n"
                    "  postern update key_0123456789abcde --add-address 192.0.2.0/24 --unset-metadata contact",
     .schema = &key_schema, .updates = true},
    {"roll", "KEY_ID", "make a key's successor; its token goes to standard output, this once", roll_flags, run_roll,
     .help = "The successor has the same name, scopes, limits, budgets and, without --expires, expiry. Services that\n"
             "verify the old token are told who replaces it and until when.\n"
             "  TOKEN=$(postern roll key_0123456789abcde --grace 2d --expires 90d)"},
    {"revoke", "[KEY_ID]", "revoke a key, at once and for ever", revoke_flags, run_revoke,
     .help = "  postern revoke key_0123456789abcde --reason \"found in a public repository\"\n"
             "  printf %s \"$TOKEN\" | postern revoke --token -    if it is a secret key's, with no other authority",
     .token_way = "revoke --token -"},
    {"disable", "KEY_ID", "switch a key off, until it is enabled", version_flags, run_enable_or_disable, .on = false},
    {"enable", "KEY_ID", "switch a disabled key on again", version_flags, run_enable_or_disable, .on = true},
    {"delete", "KEY_ID", "revoke a key and take it out of all lists, for ever", delete_flags, run_delete, .help = NULL},
    {0},
};
