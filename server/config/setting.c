// The table of all settings: how each is named, explained, read from text and checked.
#include "config/setting.h"
#include "config/value.h"

#include <stdio.h>
#include <string.h>

static enum status set_data(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_text(config->data, sizeof config->data, text, failure);
}

static enum status set_secrets(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_text(config->secrets, sizeof config->secrets, text, failure);
}

static bool parse_ceiling(const char *text, enum config_ceiling *out)
{
    static const char *const names[] = {"anyone", "verifier", "account-admin", "operator"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum config_ceiling)i;
            return true;
        }
    return false;
}

// What posternd could not listen on, wherever it runs; rpc looks closer, at this machine.
static bool is_address(const char *text, size_t size)
{
    if (size > 6 && strncmp(text, "ipc://", 6) == 0)
        return true;
    const size_t scheme = size > 4 && strncmp(text, "tls+", 4) == 0 ? 10 : 6; // of tls+tcp:// and tcp://
    const char *colon = memrchr(text, ':', size);
    char port[8] = {0};
    uint64_t number = 0;
    if (size < scheme || strncmp(text + scheme - 6, "tcp://", 6) != 0 || colon <= text + scheme ||
        (size_t)(text + size - colon) > sizeof port)
        return false;
    memcpy(port, colon + 1, (size_t)(text + size - colon) - 1);
    return value_read_number(port, 1, 65535, NULL, &number);
}

static enum status set_listen(struct config *config, const char *text, struct status_failure *failure)
{
    if (config->listener_count == CONFIG_LISTENERS_MAX)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "more than %d addresses", CONFIG_LISTENERS_MAX);
    struct config_listener listener = {.ceiling = CONFIG_MAX_OPERATOR};
    const char *option = strchr(text, ';');
    if (option != NULL && (strncmp(option, ";max=", 5) != 0 || !parse_ceiling(option + 5, &listener.ceiling)))
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "\"%s\": behind an address comes ;max=anyone, ;max=verifier, ;max=account-admin or "
                           ";max=operator",
                           text);
    size_t size = option != NULL ? (size_t)(option - text) : strlen(text);
    if (size >= sizeof listener.url || !is_address(text, size))
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "\"%s\" is not an address; write for example ipc:///run/postern/postern.sock or "
                           "tcp://127.0.0.1:7117",
                           text);
    memcpy(listener.url, text, size);
    config->listeners[config->listener_count++] = listener;
    return STATUS_OK;
}

static enum status set_operator_uid(struct config *config, const char *text, struct status_failure *failure)
{
    uint64_t uid = 0;
    if (!value_read_number(text, 0, UINT32_MAX - 1, NULL, &uid))
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "\"%s\" is not a user id; write its number (id -u NAME)", text);
    if (config->operator_uid_count == CONFIG_OPERATORS_MAX)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "more than %d operators", CONFIG_OPERATORS_MAX);
    config->operator_uids[config->operator_uid_count++] = (uint32_t)uid;
    return STATUS_OK;
}

static bool prefix_is_valid(const char *text)
{
    size_t size = strlen(text);
    bool valid = size >= 2 && size <= 20 && text[0] >= 'a' && text[0] <= 'z' && strcmp(text, "pub") != 0;
    for (size_t i = 1; valid && i < size; i++)
        valid = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9');
    return valid;
}

static enum status set_prefix(struct config *config, const char *text, struct status_failure *failure)
{
    if (!prefix_is_valid(text))
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "\"%s\" is not a prefix: a small letter, then 1 to 19 small letters and digits, and not "
                           "\"pub\"; for example acme",
                           text);
    return value_set_text(config->default_prefix, sizeof config->default_prefix, text, failure);
}

static enum status set_utc_offset(struct config *config, const char *text, struct status_failure *failure)
{
    uint64_t hours = 0, minutes = 0;
    bool shape = strlen(text) == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':';
    const char *end = NULL;
    if (!shape || !value_read_number(text + 1, 0, 14, &end, &hours) || end != text + 3 ||
        !value_read_number(text + 4, 0, hours == 14 ? 0 : 59, NULL, &minutes))
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "\"%s\" is not an offset from UTC; write +HH:MM or -HH:MM, for example +02:00", text);
    int32_t offset_s = (int32_t)(hours * 3600 + minutes * 60);
    config->utc_offset_s = text[0] == '-' ? -offset_s : offset_s;
    config->has_utc_offset = true;
    return STATUS_OK;
}

// Whether there is one of that name is seen when tzdata is read.
static enum status set_time_zone(struct config *config, const char *text, struct status_failure *failure)
{
    if (!zone_name_is_valid(slice_text(text)))
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "\"%s\" is not the name of a time zone; write for example Europe/Berlin", text);
    return value_set_text(config->time_zone, sizeof config->time_zone, text, failure);
}

static enum status set_durability(struct config *config, const char *text, struct status_failure *failure)
{
    bool relaxed = strcmp(text, "relaxed") == 0;
    if (!relaxed && strcmp(text, "strict") != 0)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "\"%s\": write strict or relaxed", text);
    config->relaxed_durability = relaxed;
    return STATUS_OK;
}

static enum status set_on_store_failure(struct config *config, const char *text, struct status_failure *failure)
{
    bool relaxed = strcmp(text, "relaxed") == 0;
    if (!relaxed && strcmp(text, "unavailable") != 0)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "\"%s\": write unavailable or relaxed", text);
    config->relaxed_on_store_failure = relaxed;
    return STATUS_OK;
}

static enum status set_allow_plain_tcp(struct config *config, const char *text, struct status_failure *failure)
{
    bool yes = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0;
    if (!yes && strcmp(text, "false") != 0 && strcmp(text, "no") != 0)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "\"%s\": write true or false", text);
    config->allow_plain_tcp = yes;
    return STATUS_OK;
}

static enum status set_registry_map(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_size(&config->registry_map_bytes, text, failure);
}

static enum status set_meters_map(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_size(&config->meters_map_bytes, text, failure);
}

static enum status set_usage_retention(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_number(&config->usage_retention_days, text, 1, 3650, failure);
}

static enum status set_key_retention(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_number(&config->key_retention_days, text, 0, 36500, failure);
}

// Clients rely on the 15 minutes.
static enum status set_idempotency_retention(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_number(&config->idempotency_retention_minutes, text, 15, 24 * 60, failure);
}

// Enough in each shard of the table for the largest call; at most about 30 GB.
static enum status set_max_resident_meters(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_number(&config->max_resident_meters, text, 10000, 100000000, failure);
}

static enum status set_max_custom_meters(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_number(&config->max_custom_meters, text, 0, 1000000000, failure);
}

static enum status set_max_connections(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_number(&config->max_connections, text, 1, 65536, failure);
}

// Each holds a reader of both stores, and an arena.
static enum status set_max_calls(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_number(&config->max_calls, text, 1, 16384, failure);
}

static enum status set_connection_memory(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_size(&config->connection_memory_bytes, text, failure);
}

static enum status set_socket_group(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_text(config->socket_group, sizeof config->socket_group, text, failure);
}

static enum status set_tls_certificate(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_text(config->tls_certificate, sizeof config->tls_certificate, text, failure);
}

static enum status set_tls_key(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_text(config->tls_key, sizeof config->tls_key, text, failure);
}

static enum status set_tls_client_ca(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_text(config->tls_client_ca, sizeof config->tls_client_ca, text, failure);
}

static enum status set_tls_clients(struct config *config, const char *text, struct status_failure *failure)
{
    bool required = strcmp(text, "required") == 0;
    if (!required && strcmp(text, "optional") != 0)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "\"%s\": write optional or required", text);
    config->tls_client_required = required;
    return STATUS_OK;
}

// The last word is the authority: a subject may have blanks.
static enum status set_tls_peer(struct config *config, const char *text, struct status_failure *failure)
{
    const char *blank = strrchr(text, ' ');
    if (config->tls_peer_count == CONFIG_TLS_PEERS_MAX)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "more than %d certificates", CONFIG_TLS_PEERS_MAX);
    struct config_tls_peer *peer = &config->tls_peers[config->tls_peer_count];
    if (blank == NULL || blank == text || (size_t)(blank - text) > CONFIG_SUBJECT_MAX ||
        !parse_ceiling(blank + 1, &peer->authority) ||
        (peer->authority != CONFIG_MAX_VERIFIER && peer->authority != CONFIG_MAX_OPERATOR))
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "\"%s\" is not a certificate's subject of at most %d bytes and verifier or operator, for "
                           "example \"CN=billing verifier\"",
                           text, CONFIG_SUBJECT_MAX);
    memcpy(peer->subject, text, (size_t)(blank - text));
    if (strchr(peer->subject, '=') == NULL)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "\"%s\" is not the whole subject of a certificate: write it as openssl x509 -noout -subject "
                           "-nameopt RFC2253 does, for example \"CN=%s\"",
                           peer->subject, peer->subject);
    for (size_t i = 0; i < config->tls_peer_count; i++)
        if (strcmp(config->tls_peers[i].subject, peer->subject) == 0)
            return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "\"%s\" is given twice", peer->subject);
    config->tls_peer_count++;
    return STATUS_OK;
}

static enum status set_socket_mode(struct config *config, const char *text, struct status_failure *failure)
{
    uint64_t mode = 0;
    const char *digit = text;
    for (; *digit >= '0' && *digit <= '7' && mode <= 0777; digit++)
        mode = mode * 8 + (uint64_t)(*digit - '0');
    if (*digit != '\0' || mode > 0777 || (mode & 0600) != 0600)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "\"%s\" is not a socket's mode: octal, 0600 to 0777, for example 0660", text);
    config->socket_mode = (uint32_t)mode;
    return STATUS_OK;
}

static enum status set_log_level(struct config *config, const char *text, struct status_failure *failure)
{
    int level = log_level_parse(text);
    if (level < 0)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "\"%s\": write error, warning, info or debug", text);
    config->log_level = (enum log_level)level;
    return STATUS_OK;
}

static enum status set_log_format(struct config *config, const char *text, struct status_failure *failure)
{
    int format = log_format_parse(text);
    if (format < 0)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "\"%s\": write text, logfmt or json", text);
    config->log_format = (enum log_format)format;
    return STATUS_OK;
}

static enum status set_access_log(struct config *config, const char *text, struct status_failure *failure)
{
    static const struct {
        const char *word;
        uint32_t every;
    } words[] = {{"off", CONFIG_ACCESS_OFF}, {"refusals", CONFIG_ACCESS_REFUSALS}, {"all", 1}};
    uint64_t every = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i].word) == 0)
            every = config->access_log = words[i].every;
    if (strcmp(text, words[0].word) == 0 || every != 0)
        return STATUS_OK;
    if (!value_read_number(text, 1, 1000000, NULL, &every))
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "\"%s\": write off, refusals, all, or for one of so many allowed calls a number from 1 to "
                           "1000000",
                           text);
    config->access_log = (uint32_t)every;
    return STATUS_OK;
}

static enum status set_metrics_file(struct config *config, const char *text, struct status_failure *failure)
{
    return value_set_text(config->metrics_file, sizeof config->metrics_file, text, failure);
}

const struct setting setting_table[SETTING_COUNT] = {
    {"data", "DIR", false, "data directory; made if it is missing", set_data},
    {"listen", "URL[;max=WHO]", true,
     "address, e.g. ipc:///run/postern/postern.sock; WHO is the most that its peers may be: anyone, verifier, "
     "account-admin, operator",
     set_listen},
    {"secrets", "FILE", false, "keyring (default DIR/secrets/keyring)", set_secrets},
    {"durability", "WORD", false,
     "strict (default), or relaxed: charges do not wait for the disk, a crash may then admit them again",
     set_durability},
    {"on_store_failure", "WORD", false,
     "when charges cannot be written: unavailable (default), or relaxed: they go on, and a crash may admit them again",
     set_on_store_failure},
    {"time_zone", "NAME", false,
     "where days and other calendar periods of limits begin, for accounts and tiers without a zone of their own, e.g. "
     "Europe/Berlin",
     set_time_zone},
    {"utc_offset", "+HH:MM", false, "the same without a name, for a clock that is never put forward (default +00:00)",
     set_utc_offset},
    {"operator_uid", "UID", true, "a user who is an operator, beside root and the daemon's own", set_operator_uid},
    {"prefix", "TEXT", false, "first part of new tokens (default postern)", set_prefix},
    {"allow_plain_tcp", NULL, false, "offer tcp:// beyond this machine, unencrypted", set_allow_plain_tcp},
    {"registry_map_size", "SIZE", false, "most that accounts and keys may take (default 16GiB)", set_registry_map},
    {"meters_map_size", "SIZE", false, "most that meters may take (default 16GiB)", set_meters_map},
    {"usage_retention_days", "N", false, "how long hourly usage is kept (default 90)", set_usage_retention},
    {"key_retention_days", "N", false,
     "when keys that were revoked or have expired are emptied of all but what refuses them (default 0: never)",
     set_key_retention},
    {"replay_retention_minutes", "N", false,
     "how long the replies to changes are kept for retries, 15 to 1440 (default 15)", set_idempotency_retention},
    {"max_resident_meters", "N", false,
     "limits' meters kept in memory, about 300 bytes each; the others wait on disk (default 200000)",
     set_max_resident_meters},
    {"max_custom_meters", "N", false,
     "meters of custom subjects kept until they have recovered (default 1000000; 0: no custom subjects)",
     set_max_custom_meters},
    {"max_connections", "N", false, "connections in all (default 4096)", set_max_connections},
    {"max_calls", "N", false, "calls in flight in all; those beyond are refused (default 4096)", set_max_calls},
    {"connection_memory_size", "SIZE", false, "most that the buffers of all connections may take (default 256MiB)",
     set_connection_memory},
    {"socket_mode", "MODE", false, "permissions of ipc sockets (default 0660)", set_socket_mode},
    {"socket_group", "NAME", false, "group of ipc sockets, and of a directory made for them", set_socket_group},
    {"tls_certificate", "FILE", false, "PEM, with its chain: what tls+tcp:// shows", set_tls_certificate},
    {"tls_key", "FILE", false, "PEM, readable by the daemon's user alone", set_tls_key},
    {"tls_client_ca", "FILE", false, "PEM: clients may show certificates of these authorities", set_tls_client_ca},
    {"tls_clients", "WORD", false, "with tls_client_ca: optional (default), or required: no certificate, no connection",
     set_tls_clients},
    {"tls_peer", "SUBJECT WHO", true,
     "a client's certificate and what it makes him, verifier or operator, e.g. \"CN=billing verifier\"", set_tls_peer},
    {"metrics_file", "FILE", false,
     "write all figures here every five seconds, in the text format of Prometheus, for node_exporter's textfile "
     "collector",
     set_metrics_file},
    {"log_level", "LEVEL", false, "error, warning, info (default) or debug", set_log_level},
    {"log_format", "WORD", false, "of log lines: text (default), logfmt or json", set_log_format},
    {"access_log", "WHAT", false,
     "log decisions: off (default), refusals, all, or a number N: refusals and one of N that are allowed",
     set_access_log},
};

const struct setting *setting_find(const char *name)
{
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (strcmp(setting_table[i].name, name) == 0)
            return &setting_table[i];
    return NULL;
}
