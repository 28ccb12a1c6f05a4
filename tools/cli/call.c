// The connection, and what is said when a call fails.
#include "cli.h"

#include <stdlib.h>

static uint32_t read_timeout(struct cli *cli)
{
    const char *text = argument_text(cli, "timeout");
    uint64_t span = POSTERN_TIMEOUT_MS_DEFAULT;
    if (text != NULL && (!value_span(text, &span) || span == 0 || span > UINT32_MAX))
        misuse(cli, "--timeout \"%s\" is no time: write 500ms, 10s or 2min", text);
    return (uint32_t)span;
}

bool call_open(struct cli *cli)
{
    const struct postern_options options = {.url = argument_text(cli, "url"),
                                            .tls_ca_file = argument_text(cli, "tls-ca"),
                                            .tls_certificate_file = argument_text(cli, "tls-cert"),
                                            .tls_key_file = argument_text(cli, "tls-key"),
                                            .tls_server_name = argument_text(cli, "tls-server-name"),
                                            .timeout_ms = read_timeout(cli)};
    if (!cli_good(cli))
        return false;
    enum postern_status status = postern_open(&options, &cli->client, &cli->error);
    bool done = call_done(cli, status);
    if (status == POSTERN_INVALID_ARGUMENT)
        cli->status = CLI_MISUSED;
    return done;
}

// What to do about a status, where the message may not say it.
static const char *advice(enum postern_status status)
{
    if (status == POSTERN_PERMISSION_DENIED)
        return "use the credential of a key that may (POSTERN_API_KEY), or ask as an operator's user over ipc";
    if (status == POSTERN_UNAUTHENTICATED)
        return getenv("POSTERN_API_KEY") != NULL
                   ? "POSTERN_API_KEY holds no valid secret key: unset it, or set it to one"
                   : "set POSTERN_API_KEY to the token of a secret key that may, or ask over ipc";
    return status == POSTERN_INTERNAL || status == POSTERN_DATA_LOSS ? "the log of posternd has more" : NULL;
}

static void say_failure(const struct cli *cli)
{
    const struct postern_error *error = &cli->error;
    bool has_field = error->field[0] != '\0';
    const char *next = error->answered ? advice(error->status) : NULL;
    fprintf(stderr, "%s: %s: %s%s%s%s\n", cli->name, postern_status_name(error->status), error->message,
            has_field ? " (" : "", error->field, has_field ? ")" : "");
    if (next != NULL)
        fprintf(stderr, "What to do: %s.\n", next);
}

bool call_done(struct cli *cli, enum postern_status status)
{
    if (status == POSTERN_OK)
        return true;
    cli->status = CLI_FAILED;
    if (cli->json)
        output_json_error(&cli->error);
    else
        say_failure(cli);
    return false;
}

bool call_in_words(const struct cli *cli, const void *reply)
{
    if (cli->json)
        output_json(reply, NULL, NULL);
    return !cli->json;
}
