// Starts and stops the posternd that is measured, and makes the keys that it is asked about.
#include "daemon.h"

#include <stdio.h>
#include <string.h>

bool daemon_prepare(const struct options *options, struct daemon *out)
{
    *out = (struct daemon){0};
    if (options->posternd != NULL)
        snprintf(out->program, sizeof out->program, "%s", options->posternd);
    else if (!process_neighbour("posternd", out->program))
        return false;
    out->dir = options->dir;
    snprintf(out->data, sizeof out->data, "%s/data", out->dir);
    snprintf(out->url, sizeof out->url, "ipc://%s/socket", out->dir);
    snprintf(out->log, sizeof out->log, "%s/log", out->dir);
    return true;
}

bool daemon_start(struct daemon *daemon)
{
    static char data_flag[] = "--data";
    static char listen_flag[] = "--listen";
    char *argv[] = {daemon->program, data_flag, daemon->data, listen_flag, daemon->url, NULL};
    return process_start(argv, daemon->log, &daemon->process);
}

bool daemon_stop(struct daemon *daemon)
{
    const bool clean = process_stop(&daemon->process);
    if (!clean)
        fprintf(stderr, "postern-bench: posternd did not stop cleanly\n");
    return clean;
}

void daemon_clean_up(struct daemon *daemon, bool succeeded)
{
    process_kill(&daemon->process);
    if (!succeeded)
        process_print_end(daemon->log);
}

bool daemon_must(nng_socket socket, nng_msg *request, const char *what)
{
    nng_msg *reply = load_ask(socket, request);
    if (reply == NULL)
        return false;
    const bool ok = wire_is_ok(nng_msg_body(reply), nng_msg_len(reply));
    if (!ok) {
        char text[WIRE_TEXT_MAX];
        wire_describe(nng_msg_body(reply), nng_msg_len(reply), text);
        fprintf(stderr, "postern-bench: %s: %s\n", what, text);
    }
    nng_msg_free(reply);
    return ok;
}

bool daemon_read_token(const uint8_t *reply, size_t size, char token[DAEMON_TOKEN_MAX + 1])
{
    Postern__V1__Reply *message = postern__v1__reply__unpack(NULL, size, reply);
    bool found = false;
    if (message != NULL && message->result_case == POSTERN__V1__REPLY__RESULT_CREATE) {
        const ProtobufCBinaryData *text = &message->create->api_key;
        found = text->len > 0 && text->len <= DAEMON_TOKEN_MAX;
        if (found) {
            memcpy(token, text->data, text->len);
            token[text->len] = '\0';
        }
    }
    postern__v1__reply__free_unpacked(message, NULL);
    return found;
}

bool daemon_create(nng_socket socket, const char *account, const char *scope, char token[DAEMON_TOKEN_MAX + 1])
{
    nng_msg *reply = load_ask(socket, wire_create(account, "bench", scope));
    if (reply == NULL)
        return false;
    const bool found = daemon_read_token(nng_msg_body(reply), nng_msg_len(reply), token);
    if (!found) {
        char text[WIRE_TEXT_MAX];
        wire_describe(nng_msg_body(reply), nng_msg_len(reply), text);
        fprintf(stderr, "postern-bench: create: %s\n", text);
    }
    nng_msg_free(reply);
    return found;
}
