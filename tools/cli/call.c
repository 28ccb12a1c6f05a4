// The connection, and what is said when a call fails.
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>

static bool read_timeout(const struct cli *cli, uint32_t *timeout_ms)
{
    const char *text = argument_text(cli, "timeout");
    uint64_t span = POSTERN_TIMEOUT_MS_DEFAULT;
    *timeout_ms = POSTERN_TIMEOUT_MS_DEFAULT;
    if (text == NULL)
        return true;
    if (!value_span(text, &span) || span == 0 || span > UINT32_MAX) {
        misuse(cli, "--timeout \"%s\" is no time: write 500ms, 10s or 2min", text);
        return false;
    }
    *timeout_ms = (uint32_t)span;
    return true;
}

int call_open(struct cli *cli)
{
    struct postern_options options = {.url = argument_text(cli, "url"),
                                      .tls_ca_file = argument_text(cli, "tls-ca"),
                                      .tls_certificate_file = argument_text(cli, "tls-cert"),
                                      .tls_key_file = argument_text(cli, "tls-key"),
                                      .tls_server_name = argument_text(cli, "tls-server-name")};
    if (!read_timeout(cli, &options.timeout_ms))
        return CLI_MISUSED;
    enum postern_status status = postern_open(&options, &cli->client, &cli->error);
    if (status == POSTERN_OK)
        return CLI_DONE;
    call_failed(cli);
    return status == POSTERN_INVALID_ARGUMENT ? CLI_MISUSED : CLI_FAILED;
}

// What to do about a status, where the message may not say it.
static const char *advice(enum postern_status status)
{
    switch (status) {
    case POSTERN_PERMISSION_DENIED:
        return "use the credential of a key that may (POSTERN_API_KEY), or ask as an operator's user over ipc";
    case POSTERN_UNAUTHENTICATED:
        return getenv("POSTERN_API_KEY") != NULL
                   ? "POSTERN_API_KEY holds no valid secret key: unset it, or set it to one"
                   : "set POSTERN_API_KEY to the token of a secret key that may, or ask over ipc";
    case POSTERN_INTERNAL:
    case POSTERN_DATA_LOSS:
        return "the log of posternd has more";
    default:
        return NULL;
    }
}

int call_failed(const struct cli *cli)
{
    const struct postern_error *error = &cli->error;
    if (cli->json) {
        output_json_error(error);
        return CLI_FAILED;
    }
    const char *words = cli->command != NULL ? cli->command->words : "";
    fprintf(stderr, "postern %s: %s: %s", words, postern_status_name(error->status), error->message);
    if (error->field[0] != '\0')
        fprintf(stderr, " (%s)", error->field);
    fputc('\n', stderr);
    const char *next = error->answered ? advice(error->status) : NULL;
    if (next != NULL)
        fprintf(stderr, "What to do: %s.\n", next);
    return CLI_FAILED;
}
