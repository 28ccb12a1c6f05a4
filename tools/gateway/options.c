// Reads the command line with glibc's argp, whose options are the table of settings.
#include "file.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BASE = 256, KEY_CONFIG = KEY_BASE + SETTING_COUNT, EXIT_MISUSED = 2 };

struct given {
    const char *file;
    bool settings[SETTING_COUNT];
    struct options *options; // NULL in the first pass, which only notes what is given
};

static error_t take(int key, char *text, struct argp_state *state)
{
    struct given *given = state->input;
    if (key == KEY_CONFIG) {
        given->file = text;
        return 0;
    }
    if (key < KEY_BASE || key >= KEY_CONFIG)
        return ARGP_ERR_UNKNOWN;
    const struct setting *setting = &setting_table[key - KEY_BASE];
    bool *is_given = &given->settings[key - KEY_BASE];
    if (given->options == NULL && *is_given && !setting->is_list)
        argp_error(state, "--%s is given more than once", setting->name);
    *is_given = true;
    const char *why = given->options != NULL ? setting->set(given->options, text != NULL ? text : "true") : NULL;
    if (why != NULL)
        argp_error(state, "--%s: \"%s\" %s", setting->name, text != NULL ? text : "", why);
    return 0;
}

static void print_version(FILE *stream, struct argp_state *state)
{
    (void)state;
    fputs("postern-gateway " POSTERN_VERSION "\n", stream);
}

static void make_options(struct argp_option options[SETTING_COUNT + 2])
{
    for (int i = 0; i < SETTING_COUNT; i++)
        options[i] = (struct argp_option){.name = setting_table[i].name,
                                          .key = KEY_BASE + i,
                                          .arg = setting_table[i].argument,
                                          .doc = setting_table[i].help};
    options[SETTING_COUNT] =
        (struct argp_option){.name = "config", .key = KEY_CONFIG, .arg = "FILE", .doc = "read options from FILE"};
    options[SETTING_COUNT + 1] = (struct argp_option){0};
}

static const char *const loopback[] = {"127.0.0.0/8", "::1"};

enum options_action options_read(int argc, char **argv, struct options *options)
{
    struct argp_option table[SETTING_COUNT + 2];
    struct argp argp = {.options = table,
                        .parser = take,
                        .doc = "The HTTP door of Postern: answers proxies whether a request may pass.\v"
                               "POSTERN_API_KEY is the gateway's own credential; over ipc it needs none."};
    struct given given = {0};
    argp_err_exit_status = EXIT_MISUSED;
    argp_program_version_hook = print_version;
    make_options(table);
    *options = (struct options){.threads = 2,
                                .workers = 16,
                                .connections = 4096,
                                .timeout_ms = 2000,
                                .idle_s = 60,
                                .log_level = LOG_LEVEL_INFO,
                                .key_header = "Authorization",
                                .address_header = "X-Forwarded-For",
                                .error_body = OPTIONS_BODY_OBJECT,
                                .memory = malloc(sizeof *options->memory)};
    if (options->memory == NULL)
        return OPTIONS_MISUSED;
    pool_init(options->memory);
    (void)setting_table[setting_find("listen")].set(options, "127.0.0.1:8099");
    if (argp_parse(&argp, argc, argv, 0, NULL, &given) != 0 ||
        (given.file != NULL && !file_read(given.file, given.settings, options)))
        return OPTIONS_MISUSED;
    given.options = options;
    if (argp_parse(&argp, argc, argv, 0, NULL, &given) != 0)
        return OPTIONS_MISUSED;
    for (size_t i = 0; options->trusted_count == 0 && i < sizeof loopback / sizeof *loopback; i++)
        (void)setting_table[setting_find("trusted_proxy")].set(options, loopback[i]);
    return OPTIONS_RUN;
}

void options_wipe(struct options *options)
{
    if (options->memory != NULL)
        pool_wipe(options->memory);
    free(options->memory);
}
