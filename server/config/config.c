// Reads the command line twice: once to learn which flags are given and which file they name, and again, behind the
// file, to let the flags override it. Then defaults that depend on other settings are filled in.
#include "config/config.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "config/setting.h"

// Flags that are not settings. Their numbers in getopt's answers follow the indexes of the settings.
enum {
    FLAG_BASE = 1000,
    FLAG_CONFIG = FLAG_BASE + SETTING_COUNT,
    FLAG_FSCK,
    FLAG_RESET_CLOCK,
    FLAG_HELP,
    FLAG_VERSION
};
enum { FLAG_NAME_SIZE = 32 };

struct flags {
    char names[SETTING_COUNT][FLAG_NAME_SIZE]; // "utc-offset"
    struct option options[SETTING_COUNT + 6];
    bool given[SETTING_COUNT];
    const char *file;
};

static void make_flags(struct flags *flags)
{
    memset(flags, 0, sizeof *flags);
    for (int i = 0; i < SETTING_COUNT; i++) {
        char *name = flags->names[i];
        for (size_t at = 0; at + 1 < FLAG_NAME_SIZE && setting_table[i].name[at] != '\0'; at++)
            name[at] = setting_table[i].name[at] == '_' ? '-' : setting_table[i].name[at];
        int argument = setting_table[i].argument != NULL ? required_argument : no_argument;
        flags->options[i] = (struct option){name, argument, NULL, FLAG_BASE + i};
    }
    flags->options[SETTING_COUNT] = (struct option){"config", required_argument, NULL, FLAG_CONFIG};
    flags->options[SETTING_COUNT + 1] = (struct option){"check", required_argument, NULL, FLAG_FSCK};
    flags->options[SETTING_COUNT + 2] = (struct option){"clear-clock", no_argument, NULL, FLAG_RESET_CLOCK};
    flags->options[SETTING_COUNT + 3] = (struct option){"help", no_argument, NULL, FLAG_HELP};
    flags->options[SETTING_COUNT + 4] = (struct option){"version", no_argument, NULL, FLAG_VERSION};
}

static void print_help(const struct flags *flags)
{
    printf("posternd %s: answers \"may this key do this, now?\"\n\n"
           "usage: posternd --data DIR --listen URL[;max=WHO] ... [--config FILE] [flags]\n"
           "       posternd --check DIR     inspect a data directory or backup offline\n"
           "       posternd --clear-clock --data DIR    take the daemon's time back to the wall clock's, offline\n\n"
           "Each flag is also an option of the file (utc_offset: +02:00); flags win.\n\n",
           POSTERN_VERSION);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char head[64];
        const char *argument = setting_table[i].argument != NULL ? setting_table[i].argument : "";
        int size = snprintf(head, sizeof head, "--%s %s", flags->names[i], argument);
        printf("  %-30s %s%s\n", size > 0 ? head : "", setting_table[i].help,
               setting_table[i].list ? " (may be repeated)" : "");
    }
    printf("  %-30s %s\n  %-30s %s\n  %-30s %s\n", "--config FILE", "read options from FILE", "--help", "print this",
           "--version", "print the version");
}

static enum config_action misused(void)
{
    fprintf(stderr, "Try 'posternd --help'.\n");
    return CONFIG_MISUSED;
}

// Which of two values would be meant?
static bool is_repeated(const struct flags *flags, int index)
{
    bool repeated = flags->given[index] && !setting_table[index].list;
    if (repeated)
        fprintf(stderr, "posternd: --%s is given more than once\n", flags->names[index]);
    return repeated;
}

// First pass: notes which flags are given, because those settings of the file are overridden.
static enum config_action scan(int argc, char *const argv[], struct flags *flags, struct config *out)
{
    optind = 0; // glibc: start anew
    for (int flag; (flag = getopt_long(argc, argv, "", flags->options, NULL)) != -1;) {
        if (flag >= FLAG_BASE && flag < FLAG_BASE + SETTING_COUNT) {
            if (is_repeated(flags, flag - FLAG_BASE))
                return misused();
            flags->given[flag - FLAG_BASE] = true;
        } else if (flag == FLAG_CONFIG && flags->file != NULL) {
            fputs("posternd: --config is given more than once\n", stderr);
            return misused();
        } else if (flag == FLAG_CONFIG) {
            flags->file = optarg;
        } else if (flag == FLAG_FSCK) {
            out->inspect = true;
        } else if (flag == FLAG_RESET_CLOCK) {
            out->reset_clock = true;
        } else if (flag == FLAG_HELP) {
            print_help(flags);
            return CONFIG_EXIT_OK;
        } else if (flag == FLAG_VERSION) {
            printf("posternd %s\n", POSTERN_VERSION);
            return CONFIG_EXIT_OK;
        } else {
            return misused(); // getopt_long has said what is wrong
        }
    }
    if (optind < argc) {
        fprintf(stderr, "posternd: unexpected argument '%s'\n", argv[optind]);
        return misused();
    }
    return CONFIG_RUN;
}

static bool apply_flags(int argc, char *const argv[], const struct flags *flags, struct config *out)
{
    optind = 0;
    for (int flag; (flag = getopt_long(argc, argv, "", flags->options, NULL)) != -1;) {
        const struct setting *setting = NULL;
        if (flag == FLAG_FSCK)
            setting = setting_find("data");
        else if (flag >= FLAG_BASE && flag < FLAG_BASE + SETTING_COUNT)
            setting = &setting_table[flag - FLAG_BASE];
        if (setting == NULL)
            continue;
        struct status_failure failure = {0};
        if (setting->set(out, optarg != NULL ? optarg : "true", &failure) != STATUS_OK) {
            fprintf(stderr, "posternd: --%s: %s\n", flag == FLAG_FSCK ? "check" : flags->names[flag - FLAG_BASE],
                    failure.message);
            return false;
        }
    }
    return true;
}

static bool complete(struct config *config)
{
    if (config->data[0] == '\0') {
        fprintf(stderr, "posternd: no data directory: give --data DIR (or data: DIR in the file)\n");
        return false;
    }
    if (config->listener_count == 0 && !config->inspect && !config->reset_clock) {
        fprintf(stderr, "posternd: no address to listen on: give --listen ipc:///run/postern/postern.sock "
                        "(or listen: ipc://... in the file)\n");
        return false;
    }
    for (size_t i = 1; i < config->listener_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(config->listeners[i].url, config->listeners[j].url) == 0) {
                fprintf(stderr, "posternd: --listen %s is given twice\n", config->listeners[i].url);
                return false;
            }
    if (config->has_utc_offset && config->time_zone[0] != '\0') {
        fprintf(stderr, "posternd: give --time-zone NAME or --utc-offset +HH:MM, not both\n");
        return false;
    }
    if ((config->tls_certificate[0] == '\0') != (config->tls_key[0] == '\0')) {
        fprintf(stderr, "posternd: TLS needs both, --tls-certificate FILE and --tls-key FILE\n");
        return false;
    }
    if (config->tls_client_ca[0] == '\0' && (config->tls_client_required || config->tls_peer_count > 0)) {
        fprintf(stderr, "posternd: clients' certificates are checked only with --tls-client-ca FILE\n");
        return false;
    }
    if (config->secrets[0] != '\0')
        return true;
    int size = snprintf(config->secrets, sizeof config->secrets, "%s/secrets/keyring", config->data);
    if (size < 0 || (size_t)size >= sizeof config->secrets) {
        fprintf(stderr, "posternd: the data directory's path is longer than %zu bytes: choose a shorter one\n",
                sizeof config->secrets - sizeof "/secrets/keyring");
        return false;
    }
    return true;
}

enum config_action config_load(int argc, char *const argv[], struct config *out)
{
    static const struct config defaults = {
        .default_prefix = "postern",
        .registry_map_bytes = UINT64_C(16) << 30,
        .meters_map_bytes = UINT64_C(16) << 30,
        .usage_retention_days = 90,
        .idempotency_retention_minutes = 15,
        .max_resident_meters = 200000,
        .max_custom_meters = 1000000,
        .max_connections = 4096,
        .max_calls = 4096,
        .connection_memory_bytes = UINT64_C(256) << 20,
        .socket_mode = 0660,
        .log_level = LOG_LEVEL_INFO,
    };
    memcpy(out, &defaults, sizeof *out); // with what lies between the members, so that two can be compared
    struct flags flags;
    make_flags(&flags);
    enum config_action action = scan(argc, argv, &flags, out);
    if (action != CONFIG_RUN)
        return action;
    if (flags.file != NULL && !setting_read_file(flags.file, flags.given, out))
        return CONFIG_MISUSED;
    if (!apply_flags(argc, argv, &flags, out) || !complete(out))
        return misused();
    return CONFIG_RUN;
}

bool config_needs_restart(const struct config *used, const struct config *fresh)
{
    struct config same = *fresh;
    same.log_level = used->log_level;
    same.log_format = used->log_format;
    same.access_log = used->access_log;
    same.operator_uid_count = used->operator_uid_count;
    memcpy(same.operator_uids, used->operator_uids, sizeof same.operator_uids);
    return memcmp(&same, used, sizeof same) != 0;
}
