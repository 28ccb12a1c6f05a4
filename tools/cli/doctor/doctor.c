// doctor: asks posternd how it is, and looks at the files around it.
#include "doctor/doctor.h"

#include "doctor/certificate.h"
#include "doctor/place.h"
#include "doctor/process.h"
#include "doctor/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

enum { CLOCK_APART_MS_MAX = 10000, STORE_PERCENT_MAX = 80 };

// ------------------------------------------------------------------------------------------------------------- clock

static uint64_t wall_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Looks at posternd's clock and this machine's, which may be another one's. The answer took until now to come.
static void check_clock(struct report *report, const struct postern_health_reply *reply)
{
    char span[OUTPUT_TIME_SIZE];
    uint64_t here_ms = wall_clock_ms(), there_ms = reply->base.server_time_ms;
    uint64_t apart_ms = here_ms > there_ms ? here_ms - there_ms : there_ms - here_ms;
    bool is_ahead = reply->clock_ahead_ms > CLOCK_APART_MS_MAX;
    if (is_ahead)
        report_add(report, REPORT_WRONG, "clock",
                   "set the wall clock right, or let it catch up; if posternd's is wrong, stop it and run: posternd "
                   "--clear-clock --data DIR",
                   "posternd's clock is %s ahead of its wall clock",
                   output_span((uint64_t)reply->clock_ahead_ms, span));
    else if (apart_ms > CLOCK_APART_MS_MAX)
        report_add(report, REPORT_WRONG, "clock", "synchronise the clocks of both machines (chrony, systemd-timesyncd)",
                   "this machine's clock and posternd's are %s apart", output_span(apart_ms, span));
    else
        report_add(report, REPORT_OK, "clock", NULL, "posternd's clock and this machine's agree");
    if (reply->clock_jumps > 0)
        report_add(report, REPORT_NOTE, "clock", "look at time synchronisation if it comes often",
                   "the wall clock jumped %u times since posternd started", reply->clock_jumps);
}

static void check_synchronisation(struct report *report)
{
    struct timex clock = {0};
    int state = adjtimex(&clock);
    if (state == TIME_ERROR)
        report_add(report, REPORT_NOTE, "clock", "let chrony or systemd-timesyncd run, here or on the host",
                   "nothing synchronises this machine's clock, says the kernel");
}

// ---------------------------------------------------------------------------------------------------------- posternd

static void check_version(struct report *report, const char *daemon)
{
    bool is_same = strcmp(daemon, POSTERN_VERSION) == 0;
    report_add(report, is_same ? REPORT_OK : REPORT_NOTE, "version",
               is_same ? NULL : "after an upgrade restart posternd; else install the same version on both sides",
               "postern %s, posternd %s", POSTERN_VERSION, daemon);
}

static void check_health(struct report *report, const struct postern_health_reply *reply)
{
    char span[OUTPUT_TIME_SIZE];
    bool is_known = reply->version[0] != '\0'; // operators are told more
    report_add(report, reply->serving ? REPORT_OK : REPORT_WRONG, "posternd",
               reply->serving ? NULL : "look at its log: it begins or ends, or its disk fails", "%s%s%s",
               reply->serving ? "serving" : "not serving", is_known ? ", up " : "",
               is_known ? output_span(reply->uptime_ms, span) : "");
    check_clock(report, reply);
    if (!is_known) {
        report_add(report, REPORT_NOTE, "version", "ask as an operator: as root, or with POSTERN_API_KEY",
                   "posternd tells operators alone its version and the state of its stores");
        return;
    }
    check_version(report, reply->version);
    if (strcmp(reply->store, "ok") != 0)
        report_add(report, REPORT_WRONG, "store", "look at its log and at the disk", "%s", reply->store);
}

static void check_stores(struct report *report)
{
    struct cli *cli = report->cli;
    const struct postern_stats_request request = {.top = 0};
    struct postern_stats_reply *reply = NULL;
    struct postern_error error;
    enum postern_status status = postern_stats(cli->client, &request, &reply, &error);
    for (size_t i = 0; status == POSTERN_OK && i < reply->store_count; i++) {
        const struct postern_store_stats *store = &reply->stores[i];
        uint64_t percent = store->used_bytes / (store->size_bytes / 100 + 1);
        bool is_full = percent > STORE_PERCENT_MAX;
        report_add(report, is_full ? REPORT_WRONG : REPORT_OK, "store",
                   is_full ? cli_format(cli, "restart posternd with a larger --%s-map-size", store->name) : NULL,
                   "%s: %llu %% of its map are in use", store->name, (unsigned long long)percent);
    }
    postern_reply_free(reply);
}

static void ask_daemon(struct report *report)
{
    struct cli *cli = report->cli;
    struct postern_health_reply *reply = NULL;
    char text[OUTPUT_LIST_SIZE];
    enum postern_status status = postern_health(cli->client, NULL, &reply, &cli->error);
    if (status == POSTERN_OK) {
        check_health(report, reply);
        if (reply->version[0] != '\0')
            check_stores(report);
    } else {
        cli->status = call_exit_status(status);
        wording_name_options(&cli->error);
        report_add(report, REPORT_WRONG, "posternd", NULL, "%s: %s", postern_status_name(status),
                   wording_of(cli, &cli->error, text));
    }
    postern_reply_free(reply);
}

// ----------------------------------------------------------------------------------------------------------- command

static const char *setting_of(struct cli *cli, const char *option, const char *variable)
{
    const char *text = argument_text(cli, option);
    return text != NULL ? text : getenv(variable);
}

static void check_certificates(struct report *report, const struct process_files *files, const char *url)
{
    struct cli *cli = report->cli;
    const struct {
        const char *what, *path;
    } rows[] = {{"posternd's", files->tls_certificate},
                {"this client's", setting_of(cli, "tls-cert", "POSTERN_TLS_CERT")},
                {"the authority's", setting_of(cli, "tls-ca", "POSTERN_TLS_CA")}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].path != NULL)
            certificate_check_file(report, rows[i].what, rows[i].path);
    if (strncmp(url, "tls+tcp://", 10) == 0) // also when it could not be asked: that may be why
        certificate_check_url(report, url);
}

static void run_doctor(struct cli *cli)
{
    struct report report = {.cli = cli, .checks = json_array()};
    struct process_files files = {.data = argument_text(cli, "data"),
                                  .secrets = argument_text(cli, "secrets"),
                                  .config = argument_text(cli, "config"),
                                  .tls_certificate = argument_text(cli, "tls-certificate")};
    const char *url = postern_url(cli->client);
    const char *socket_path = strncmp(url, "ipc://", 6) == 0 ? url + 6 : NULL;
    bool is_here = socket_path != NULL || files.data != NULL || files.config != NULL;
    ask_daemon(&report);
    if (socket_path != NULL)
        place_check_socket(&report, socket_path);
    process_find_files(cli, socket_path, &files);
    if (is_here)
        place_check_files(&report, &files);
    check_certificates(&report, &files, url);
    check_synchronisation(&report);
    report_end(&report);
}

static const struct flag doctor_flags[] = {
    {"data", "DIR", "posternd's data directory (default: as the running one was started)"},
    {"config", "FILE", "its configuration file (likewise)"},
    {"secrets", "FILE", "its keyring (likewise, or DIR/secrets/keyring)"},
    {"tls-certificate", "FILE", "its certificate (likewise)"},
    {0},
};

const struct command doctor_commands[] = {
    {"doctor", "", "look at a running installation, and say what to do", doctor_flags, run_doctor,
     .help =
         "Looks at: whether posternd serves, its clock and stores; the socket and who may open it; who may open the\n"
         "data directory, the keyring and the configuration; the disk; when certificates run out; the versions.\n"
         "On the machine of posternd, as root, it sees most. Exit status: 0 all is well (notes do not count), 1\n"
         "something is wrong, 3 posternd could not be asked.\n"
         "  sudo postern doctor\n"
         "  postern doctor --json | jq '.checks[] | select(.state == \"WRONG\")'"},
    {0},
};
