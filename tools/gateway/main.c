// postern-gateway: asks posternd on behalf of HTTP proxies.
#include "gateway.h"
#include "server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_MISUSED = 2 };

static bool open_client(struct gateway *gateway)
{
    struct postern_error error;
    struct postern_options options = gateway_client_options(gateway);
    if (postern_open(&options, &gateway->client, &error) == POSTERN_OK)
        return true;
    log_line(&gateway->log, LOG_LEVEL_ERROR, "cannot ask posternd: %s", error.message);
    return false;
}

static bool serve(struct gateway *gateway, const sigset_t *signals)
{
    unsigned port = 0;
    int number = 0;
    struct server *server = open_client(gateway) ? server_start(gateway, &port) : NULL;
    if (server == NULL)
        return false;
    log_line(&gateway->log, LOG_LEVEL_INFO, "ready: listening on %s, port %u, asking %s", gateway->options.listen, port,
             postern_url(gateway->client));
    bool is_told = sigwait(signals, &number) == 0;
    log_line(&gateway->log, LOG_LEVEL_INFO, "stopping: signal %d", number);
    server_stop(server);
    return is_told;
}

int main(int argc, char **argv)
{
    struct log_limit failures = {0};
    struct gateway gateway = {.log.fd = STDERR_FILENO, .failures = &failures};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); // of all threads to come, so that main alone takes them
    signal(SIGPIPE, SIG_IGN);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0}); // no core file with tokens
    if (options_read(argc, argv, &gateway.options) != OPTIONS_RUN) {
        options_wipe(&gateway.options);
        return EXIT_MISUSED;
    }
    gateway.log.level = gateway.options.log_level;
    bool is_fine = serve(&gateway, &signals);
    postern_close(gateway.client);
    options_wipe(&gateway.options);
    if (is_fine)
        log_line(&gateway.log, LOG_LEVEL_INFO, "stopped");
    return is_fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
