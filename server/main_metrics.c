// Writes the metrics to a file, for node_exporter's textfile collector. It has a clockwork of its own, so that a slow
// directory there delays none of the daemon's tasks.
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { METRICS_MS = 5000, METRICS_MODE = 0644 };

struct main_metrics {
    struct daemon *daemon;
    struct scheduler *scheduler;
    int failed; // errno of the last try, said once
    char fresh[MAIN_PATH_SIZE];
    char text[RPC_METRICS_MAX];
};

// Whoever reads the file sees all of it, of one moment. It is not synced: after a crash it is written again.
static int write_file(struct main_metrics *metrics, size_t size)
{
    (void)unlink(metrics->fresh); // what a crash has left
    int fd = open(metrics->fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, METRICS_MODE);
    if (fd < 0)
        return errno;
    bool done = fchmod(fd, METRICS_MODE) == 0 && file_write_all(fd, metrics->text, size);
    int code = done ? 0 : errno;
    if (close(fd) != 0 && code == 0)
        code = errno;
    if (code == 0 && rename(metrics->fresh, metrics->daemon->config.metrics_file) != 0)
        code = errno;
    if (code != 0)
        (void)unlink(metrics->fresh);
    return code;
}

static void write_metrics(void *context)
{
    struct main_metrics *metrics = context;
    const struct daemon *daemon = metrics->daemon;
    const int code = write_file(metrics, rpc_metrics(daemon->rpc, metrics->text));
    if (code != metrics->failed && code != 0)
        log_line(&daemon->log, LOG_LEVEL_WARNING,
                 "cannot write the metrics to %s: %s; posternd's user must be able to make files in that directory, "
                 "and there must be room",
                 daemon->config.metrics_file, strerror(code));
    else if (code != metrics->failed)
        log_line(&daemon->log, LOG_LEVEL_INFO, "the metrics are written to %s again", daemon->config.metrics_file);
    metrics->failed = code;
}

bool main_open_metrics(struct daemon *daemon)
{
    if (daemon->config.metrics_file[0] == '\0')
        return true;
    struct main_metrics *metrics = calloc(1, sizeof *metrics);
    daemon->metrics = metrics;
    if (metrics != NULL) {
        const struct scheduler_task task = {
            .name = "metrics", .interval_ms = METRICS_MS, .run = write_metrics, .context = metrics};
        metrics->daemon = daemon;
        (void)snprintf(metrics->fresh, sizeof metrics->fresh, "%s.new", daemon->config.metrics_file);
        write_metrics(metrics);
        if (scheduler_open(&task, 1, &daemon->log, &metrics->scheduler) == STATUS_OK)
            return true;
    }
    log_line(&daemon->log, LOG_LEVEL_ERROR, "cannot write metrics: no memory or no thread");
    return false;
}

// Nobody shall take the last figures for those of a daemon that runs.
void main_close_metrics(struct daemon *daemon)
{
    if (daemon->metrics == NULL)
        return;
    scheduler_close(daemon->metrics->scheduler);
    (void)unlink(daemon->config.metrics_file);
    free(daemon->metrics);
}
