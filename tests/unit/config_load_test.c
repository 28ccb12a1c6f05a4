#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "support/tempdir.h"

enum { ARGUMENTS_MAX = 64, OUTPUT_SIZE = 8192 };

struct run {
    struct config config;
    enum config_action action;
    char output[OUTPUT_SIZE]; // stdout and stderr
};

static int redirect(int fd, int to)
{
    int saved = dup(fd);
    assert_int_equal(dup2(to, fd), fd);
    return saved;
}

static void restore(int fd, int saved)
{
    assert_int_equal(dup2(saved, fd), fd);
    close(saved);
}

// Loads the configuration of a command line, given as words in one string.
static void load(struct run *run, const char *words)
{
    char line[4096] = "posternd ";
    char *arguments[ARGUMENTS_MAX + 1] = {NULL};
    int count = 0;
    strncat(line, words, sizeof line - strlen(line) - 1);
    for (char *word = strtok(line, " "); word != NULL && count < ARGUMENTS_MAX; word = strtok(NULL, " "))
        arguments[count++] = word;
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stdout);
    int out = redirect(STDOUT_FILENO, fileno(file));
    int err = redirect(STDERR_FILENO, fileno(file));
    run->action = config_load(count, arguments, &run->config);
    fflush(stdout);
    restore(STDOUT_FILENO, out);
    restore(STDERR_FILENO, err);
    rewind(file);
    run->output[fread(run->output, 1, sizeof run->output - 1, file)] = '\0';
    fclose(file);
}

// Loads with a file of this content; the file's path ends in ".conf".
static void load_file(struct run *run, const char *words, const char *content)
{
    struct tempdir directory = tempdir_make();
    char path[PATH_MAX];
    char line[2 * PATH_MAX];
    tempdir_join(&directory, "postern.conf", path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    (void)snprintf(line, sizeof line, "--config %s %s", path, words);
    load(run, line);
    tempdir_remove(&directory);
}

static void assert_says(const struct run *run, const char *text)
{
    if (strstr(run->output, text) == NULL)
        fail_msg("\"%s\" is not in: %s", text, run->output);
}

static void only_directory_and_address_are_needed(void **state)
{
    (void)state;
    struct run run;
    load(&run, "--data /d --listen ipc:///s");
    assert_int_equal(run.action, CONFIG_RUN);
    assert_string_equal(run.config.data, "/d");
    assert_string_equal(run.config.secrets, "/d/secrets/keyring");
    assert_int_equal(run.config.listener_count, 1);
    assert_string_equal(run.config.listeners[0].url, "ipc:///s");
    assert_int_equal(run.config.listeners[0].ceiling, CONFIG_MAX_OPERATOR);
    assert_int_equal(run.config.max_connections, 4096);
    assert_int_equal(run.config.max_calls, 4096);
    assert_int_equal(run.config.connection_memory_bytes, 256 << 20);
    assert_string_equal(run.config.tls_certificate, "");
    assert_string_equal(run.config.socket_group, "");
    assert_int_equal(run.config.max_resident_meters, 200000);
    assert_int_equal(run.config.max_custom_meters, 1000000);
    assert_int_equal(run.config.usage_retention_days, 90);
    assert_int_equal(run.config.key_retention_days, 0);
    assert_int_equal(run.config.idempotency_retention_minutes, 15);
    assert_int_equal(run.config.socket_mode, 0660);
    assert_int_equal(run.config.registry_map_bytes, UINT64_C(16) << 30);
    assert_string_equal(run.config.default_prefix, "postern");
    assert_int_equal(run.config.log_level, LOG_LEVEL_INFO);
    assert_int_equal(run.config.log_format, LOG_FORMAT_TEXT);
    assert_int_equal(run.config.access_log, CONFIG_ACCESS_OFF);
    assert_string_equal(run.config.metrics_file, "");
    assert_false(run.config.relaxed_durability);
    assert_false(run.config.relaxed_on_store_failure);
    assert_false(run.config.inspect);
}

static void a_time_zone_takes_the_place_of_the_offset(void **state)
{
    (void)state;
    struct run run;
    load(&run, "--data /d --listen ipc:///s --time-zone America/Argentina/Buenos_Aires");
    assert_int_equal(run.action, CONFIG_RUN);
    assert_string_equal(run.config.time_zone, "America/Argentina/Buenos_Aires");
    load_file(&run, "--listen ipc:///s", "data: /d\ntime_zone: Europe/Berlin\n");
    assert_int_equal(run.action, CONFIG_RUN);
    assert_string_equal(run.config.time_zone, "Europe/Berlin");
    load_file(&run, "--listen ipc:///s --time-zone Europe/Berlin", "data: /d\nutc_offset: +01:00\n");
    assert_int_equal(run.action, CONFIG_MISUSED);
    assert_says(&run, "not both");
}

static void every_flag_is_understood(void **state)
{
    (void)state;
    struct run run;
    load(&run, "--data d --secrets /k --listen ipc://a;max=verifier --listen tcp://127.0.0.1:1 --durability relaxed "
               "--utc-offset -03:30 --operator-uid 7 --operator-uid 8 --prefix acme --allow-plain-tcp "
               "--registry-map-size 32MiB --meters-map-size 1GiB --max-calls 8 --max-connections 9 --socket-mode 0600 "
               "--log-level debug --usage-retention-days 7 --key-retention-days 400 --replay-retention-minutes 1440 "
               "--max-resident-meters 10000 --max-custom-meters 0 --on-store-failure relaxed "
               "--listen tls+tcp://0.0.0.0:2 --connection-memory-size 64MiB --socket-group postern --tls-certificate c "
               "--tls-key k --tls-client-ca a --tls-clients required "
               "--log-format json --access-log refusals --metrics-file /m.prom");
    assert_int_equal(run.action, CONFIG_RUN);
    assert_int_equal(run.config.log_format, LOG_FORMAT_JSON);
    assert_int_equal(run.config.access_log, CONFIG_ACCESS_REFUSALS);
    assert_string_equal(run.config.metrics_file, "/m.prom");
    assert_int_equal(run.config.usage_retention_days, 7);
    assert_int_equal(run.config.key_retention_days, 400);
    assert_int_equal(run.config.idempotency_retention_minutes, 1440);
    assert_string_equal(run.config.secrets, "/k");
    assert_int_equal(run.config.listener_count, 3);
    assert_string_equal(run.config.listeners[0].url, "ipc://a");
    assert_string_equal(run.config.listeners[2].url, "tls+tcp://0.0.0.0:2");
    assert_int_equal(run.config.connection_memory_bytes, 64 << 20);
    assert_string_equal(run.config.socket_group, "postern");
    assert_string_equal(run.config.tls_certificate, "c");
    assert_string_equal(run.config.tls_key, "k");
    assert_string_equal(run.config.tls_client_ca, "a");
    assert_true(run.config.tls_client_required);
    assert_int_equal(run.config.listeners[0].ceiling, CONFIG_MAX_VERIFIER);
    assert_true(run.config.relaxed_durability);
    assert_true(run.config.relaxed_on_store_failure);
    assert_int_equal(run.config.utc_offset_s, -(3 * 3600 + 30 * 60));
    assert_int_equal(run.config.operator_uid_count, 2);
    assert_int_equal(run.config.operator_uids[1], 8);
    assert_string_equal(run.config.default_prefix, "acme");
    assert_true(run.config.allow_plain_tcp);
    assert_int_equal(run.config.registry_map_bytes, 32 << 20);
    assert_int_equal(run.config.meters_map_bytes, 1 << 30);
    assert_int_equal(run.config.max_calls, 8);
    assert_int_equal(run.config.max_resident_meters, 10000);
    assert_int_equal(run.config.max_custom_meters, 0);
    assert_int_equal(run.config.max_connections, 9);
    assert_int_equal(run.config.socket_mode, 0600);
    assert_int_equal(run.config.log_level, LOG_LEVEL_DEBUG);
}

static void access_log_is_a_word_or_a_number(void **state)
{
    (void)state;
    struct run run;
    static const struct {
        const char *word;
        uint32_t every;
    } words[] = {
        {"off", CONFIG_ACCESS_OFF}, {"all", 1}, {"1", 1}, {"1000", 1000}, {"refusals", CONFIG_ACCESS_REFUSALS}};
    static const char *const wrong[] = {"0", "some", "1000001", "-1", "refusal"};
    char file[64];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        (void)snprintf(file, sizeof file, "data: /d\naccess_log: %s\n", words[i].word);
        load_file(&run, "--listen ipc:///s", file);
        assert_int_equal(run.action, CONFIG_RUN);
        assert_int_equal(run.config.access_log, words[i].every);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        (void)snprintf(file, sizeof file, "data: /d\naccess_log: \"%s\"\n", wrong[i]);
        load_file(&run, "--listen ipc:///s", file);
        assert_int_equal(run.action, CONFIG_MISUSED);
        assert_says(&run, "write off, refusals, all");
    }
}

static void file_gives_what_flags_do_not(void **state)
{
    (void)state;
    struct run run;
    load_file(&run, "--prefix flag --listen ipc:///flag",
              "# installation\n"
              "data: /from/file\n"
              "prefix: \"file\"\n"
              "listen: [\"ipc:///one\", ipc:///two;max=verifier]\n"
              "operator_uid:\n"
              "  - 10\n"
              "  - 11 # the other one\n"
              "max_calls: 010\n"
              "socket_mode: 0600\n"
              "utc_offset: +02:00\n"
              "allow_plain_tcp: true\n");
    assert_int_equal(run.action, CONFIG_RUN);
    assert_string_equal(run.config.data, "/from/file");
    assert_string_equal(run.config.default_prefix, "flag");
    assert_int_equal(run.config.listener_count, 1);
    assert_string_equal(run.config.listeners[0].url, "ipc:///flag");
    assert_int_equal(run.config.operator_uid_count, 2);
    assert_int_equal(run.config.max_calls, 10); // not octal
    assert_int_equal(run.config.socket_mode, 0600);
    assert_int_equal(run.config.utc_offset_s, 7200);
    assert_true(run.config.allow_plain_tcp);
}

static void certificates_are_bound_to_authorities(void **state)
{
    (void)state;
    struct run run;
    load_file(&run, "--data /d --listen ipc:///s",
              "tls_client_ca: /ca\ntls_peer: [CN=billing verifier, \"CN=ops,O=Acme Ltd operator\"]\n");
    assert_int_equal(run.action, CONFIG_RUN);
    assert_int_equal(run.config.tls_peer_count, 2);
    assert_string_equal(run.config.tls_peers[0].subject, "CN=billing");
    assert_int_equal(run.config.tls_peers[0].authority, CONFIG_MAX_VERIFIER);
    assert_string_equal(run.config.tls_peers[1].subject, "CN=ops,O=Acme Ltd");
    assert_int_equal(run.config.tls_peers[1].authority, CONFIG_MAX_OPERATOR);
    load_file(&run, "--data /d --listen ipc:///s", "tls_client_ca: /ca\ntls_peer:\n- CN=a operator\n- CN=a verifier\n");
    assert_says(&run, "\"CN=a\" is given twice");
    load_file(&run, "--data /d --listen ipc:///s", "tls_client_ca: /ca\ntls_peer: billing verifier\n");
    assert_says(&run, "\"CN=billing\"");
    load_file(&run, "--data /d --listen ipc:///s", "tls_client_ca: /ca\ntls_peer: [CN=a account-admin]\n");
    assert_int_equal(run.action, CONFIG_MISUSED);
    assert_says(&run, "postern.conf:2: tls_peer");
}

static void error_in_file_names_file_and_line(void **state)
{
    (void)state;
    struct run run;
    load_file(&run, "--listen ipc:///s", "data: /d\n\nutc_offset: 2 hours\n");
    assert_int_equal(run.action, CONFIG_MISUSED);
    assert_says(&run, "postern.conf:3: utc_offset: \"2 hours\" is not an offset from UTC");
    load_file(&run, "--listen ipc:///s", "data: /d\nfrobnicate: 1\n");
    assert_int_equal(run.action, CONFIG_MISUSED);
    assert_says(&run, "postern.conf:2: frobnicate: there is no such option");
}

static void what_is_wrong_in_a_file_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *content, *says;
    } cases[] = {
        {"# one\n# two\ndata: /d # three\nmax_calls: 0\n", "postern.conf:4: max_calls"},
        {"data: \"/d # no comment\"\n# \"one\nmax_calls: 0\n", "postern.conf:3: max_calls"},
        {"data: '/* no // comment'\n#\n\nmax_calls: 0", "postern.conf:4: max_calls"},
        {"data: \"/d\n", "postern.conf:2: found unexpected end of stream"},
        {"data = /d\n", "postern.conf:1: lines of the form"},
        {"- data\n", "postern.conf:1: lines of the form"},
        {"data: /d\nmax_calls: 5\ndata: /e\n", "postern.conf:3: data: is given twice"},
        {"listen: ipc:///a\nlisten: ipc:///b\n", "postern.conf:2: listen: is given twice: write one list"},
        {"data:\n- /d\n- /e\n", "data: takes one value, not a list"},
        {"data:\n  directory: /d\n", "data: a plain value is meant"},
        {"listen:\n- a: b\n", "listen: a list of plain values"},
        {"data: /d\n\tmax_calls: 5\n", "postern.conf:2: "},
        {"max_calls:\n", "max_calls: "},
        {"max_calls: yes\n", "max_calls: "},
        {"data: \"a\\0b\"\n", "postern.conf:1: data: there is a NUL"},
        {"data: /d\nmax_calls: 5\n---\ndata: /e\n", "postern.conf:4: data: is given twice"},
        {"data: *nowhere\n", "data: a plain value is meant"},
        {"data: \xff\n", "postern.conf:1: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run run;
        load_file(&run, "--listen ipc:///s", cases[i].content);
        if (run.action != CONFIG_MISUSED)
            fail_msg("was accepted: %s", cases[i].content);
        assert_says(&run, cases[i].says);
    }
}

static void empty_file_is_a_configuration(void **state)
{
    (void)state;
    static const char *const contents[] = {"", "\n", "# nothing\n", "---\n", "{}\n"};
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct run run;
        load_file(&run, "--data /d --listen ipc:///s", contents[i]);
        assert_int_equal(run.action, CONFIG_RUN);
    }
}

static void directory_is_no_configuration(void **state)
{
    (void)state;
    struct run run;
    load(&run, "--data /d --listen ipc:///s --config /tmp");
    assert_int_equal(run.action, CONFIG_MISUSED);
    assert_says(&run, "cannot read the configuration /tmp: Is a directory");
}

// A value that a flag overrides is still checked: the file is wrong, and someone will start without that flag.
static void overridden_value_is_checked(void **state)
{
    (void)state;
    struct run run;
    load_file(&run, "--data /d --listen ipc:///s --max-calls 5", "max_calls: 0\n");
    assert_int_equal(run.action, CONFIG_MISUSED);
    assert_says(&run, "postern.conf:1: max_calls");
}

static void missing_file_is_an_error(void **state)
{
    (void)state;
    struct run run;
    load(&run, "--data /d --listen ipc:///s --config /nonexistent/postern.conf");
    assert_int_equal(run.action, CONFIG_MISUSED);
    assert_says(&run, "/nonexistent/postern.conf: No such file");
}

static void wrong_values_are_refused_with_a_hint(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        const char *says;
    } cases[] = {
        {"--listen ipc:///s", "no data directory"},
        {"--data /d", "no address to listen on"},
        {"--data /d --listen nonsense", "is not an address"},
        {"--data /d --listen http://localhost:80", "is not an address"},
        {"--data /d --listen ipc://", "is not an address"},
        {"--data /d --listen ;max=verifier", "is not an address"},
        {"--data /d --listen tcp://127.0.0.1", "is not an address"},
        {"--data /d --listen tcp://127.0.0.1:", "is not an address"},
        {"--data /d --listen tcp://127.0.0.1:65536", "is not an address"},
        {"--data /d --listen tcp://127.0.0.1:1234567890", "is not an address"},
        {"--data /d --listen tcp://:80", "is not an address"},
        {"--data /d --listen ipc:///s;max=root", ";max=anyone, ;max=verifier"},
        {"--data /d --listen ipc:///s;min=1", ";max=anyone, ;max=verifier"},
        {"--data /d --listen ipc:///s --utc-offset 2", "+HH:MM"},
        {"--data /d --listen ipc:///s --utc-offset +14:01", "+HH:MM"},
        {"--data /d --listen ipc:///s --utc-offset +02:60", "+HH:MM"},
        {"--data /d --listen ipc:///s --utc-offset +2:000", "+HH:MM"},
        {"--data /d --listen ipc:///s --time-zone ../etc/passwd", "is not the name of a time zone"},
        {"--data /d --listen ipc:///s --time-zone +02:00", "is not the name of a time zone"},
        {"--data /d --listen ipc:///s --time-zone Europe/Berlin --utc-offset +01:00", "not both"},
        {"--data /d --listen ipc:///s --durability none", "strict or relaxed"},
        {"--data /d --listen ipc:///s --on-store-failure=open", "unavailable or relaxed"},
        {"--data /d --listen ipc:///s --log-level loud", "error, warning, info or debug"},
        {"--data /d --listen ipc:///s --operator-uid alice", "id -u NAME"},
        {"--data /d --listen ipc:///s --operator-uid 4294967295", "is not a user id"},
        {"--data /d --listen ipc:///s --operator-uid -1", "is not a user id"},
        {"--data /d --listen ipc:///s --prefix pub", "is not a prefix"},
        {"--data /d --listen ipc:///s --prefix Acme", "is not a prefix"},
        {"--data /d --listen ipc:///s --prefix a", "is not a prefix"},
        {"--data /d --listen ipc:///s --prefix abcdefghijklmnopqrstu", "is not a prefix"},
        {"--data /d --listen ipc:///s --max-calls 0", "from 1 to 16384"},
        {"--data /d --listen ipc:///s --max-calls 16385", "from 1 to 16384"},
        {"--data /d --listen ipc:///s --max-calls 12x", "from 1 to 16384"},
        {"--data /d --listen tls+tcp://:443", "is not an address"},
        {"--data /d --listen tls+tcp://h:1 --tls-certificate c", "TLS needs both"},
        {"--data /d --listen ipc:///s --tls-clients always", "optional or required"},
        {"--data /d --listen ipc:///s --tls-clients required", "only with --tls-client-ca"},
        {"--data /d --listen ipc:///s --tls-peer CN=a", "CN=billing verifier"},
        {"--data /d --listen ipc:///s --max-resident-meters 9999", "from 10000 to 100000000"},
        {"--data /d --listen ipc:///s --max-custom-meters -1", "from 0 to 1000000000"},
        {"--data /d --listen ipc:///s --socket-mode 0068", "is not a socket's mode"},
        {"--data /d --listen ipc:///s --socket-mode 0066", "is not a socket's mode"},
        {"--data /d --listen ipc:///s --socket-mode 1777", "is not a socket's mode"},
        {"--data /d --listen ipc:///s --registry-map-size 16", "is not a size"},
        {"--data /d --listen ipc:///s --registry-map-size 16GB", "is not a size"},
        {"--data /d --listen ipc:///s --registry-map-size 65TiB", "is not a size"},
        {"--data /d --listen ipc:///s --registry-map-size 99999999999999999999", "is not a size"},
        {"--data /d --listen ipc:///s --frobnicate", "--frobnicate"},
        {"--data /d --listen ipc:///s --data", "--data"},
        {"--data /d --listen ipc:///s stray", "unexpected argument 'stray'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run run;
        load(&run, cases[i].words);
        if (run.action != CONFIG_MISUSED)
            fail_msg("was accepted: %s", cases[i].words);
        assert_says(&run, cases[i].says);
        assert_says(&run, "Try 'posternd --help'");
    }
}

static void too_many_addresses_are_refused(void **state)
{
    (void)state;
    char words[1024] = "--data /d";
    for (int i = 0; i <= CONFIG_LISTENERS_MAX; i++)
        strncat(words, " --listen ipc:///s", sizeof words - strlen(words) - 1);
    struct run run;
    load(&run, words);
    assert_int_equal(run.action, CONFIG_MISUSED);
    assert_says(&run, "more than 8 addresses");
}

static void too_long_directory_is_refused(void **state)
{
    (void)state;
    struct run run;
    char words[600];
    char directory[250];
    memset(directory, 'd', sizeof directory - 1);
    directory[sizeof directory - 1] = '\0';
    (void)snprintf(words, sizeof words, "--listen ipc:///s --data %s", directory);
    load(&run, words);
    assert_int_equal(run.action, CONFIG_MISUSED);
    assert_says(&run, "choose a shorter one");
    (void)snprintf(words, sizeof words, "--listen ipc:///s --data /%s/%s", directory, directory);
    load(&run, words);
    assert_int_equal(run.action, CONFIG_MISUSED);
    assert_says(&run, "longer than 255 bytes");
}

static void check_takes_a_directory_and_no_address(void **state)
{
    (void)state;
    struct run run;
    load(&run, "--check /backup");
    assert_int_equal(run.action, CONFIG_RUN);
    assert_true(run.config.inspect);
    assert_string_equal(run.config.data, "/backup");
    assert_string_equal(run.config.secrets, "/backup/secrets/keyring");
    load(&run, "--check /backup --secrets /k");
    assert_string_equal(run.config.secrets, "/k");
}

static void help_and_version_are_answers(void **state)
{
    (void)state;
    struct run run;
    load(&run, "--help");
    assert_int_equal(run.action, CONFIG_EXIT_OK);
    assert_says(&run, "--utc-offset +HH:MM");
    load(&run, "--version");
    assert_int_equal(run.action, CONFIG_EXIT_OK);
    assert_says(&run, "posternd " POSTERN_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_directory_and_address_are_needed),
        cmocka_unit_test(a_time_zone_takes_the_place_of_the_offset),
        cmocka_unit_test(every_flag_is_understood),
        cmocka_unit_test(access_log_is_a_word_or_a_number),
        cmocka_unit_test(file_gives_what_flags_do_not),
        cmocka_unit_test(certificates_are_bound_to_authorities),
        cmocka_unit_test(error_in_file_names_file_and_line),
        cmocka_unit_test(what_is_wrong_in_a_file_is_named_with_its_line),
        cmocka_unit_test(empty_file_is_a_configuration),
        cmocka_unit_test(directory_is_no_configuration),
        cmocka_unit_test(overridden_value_is_checked),
        cmocka_unit_test(missing_file_is_an_error),
        cmocka_unit_test(wrong_values_are_refused_with_a_hint),
        cmocka_unit_test(too_many_addresses_are_refused),
        cmocka_unit_test(too_long_directory_is_refused),
        cmocka_unit_test(check_takes_a_directory_and_no_address),
        cmocka_unit_test(help_and_version_are_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
