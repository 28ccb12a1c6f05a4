// A small daemon with a thread per connection: whoever connects to its socket sends tokens, one a line, and is told for
// each whether it may. All threads share one handle, and so one connection to posternd.
//
//     threads SOCKET        POSTERN_URL says where posternd is
//
//     > acme_live_0123…     < allowed acme
//     > nonsense            < refused INVALID_API_KEY
//     > (posternd is gone)  < failed UNAVAILABLE
#include <postern/postern.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 300 };

struct visit {
    struct postern *client;
    int fd;
};

// False when the visitor has gone, which must not end the whole daemon by SIGPIPE.
static bool answer(struct postern *client, const char *token, int fd)
{
    const struct postern_verify_request request = {.api_key = token};
    struct postern_verify_reply *reply = NULL;
    struct postern_error error;
    char text[LINE_MAX_BYTES];
    if (postern_verify(client, &request, &reply, &error) != POSTERN_OK)
        snprintf(text, sizeof text, "failed %s\n", postern_status_name(error.status)); // nobody decided
    else if (reply->allowed)
        snprintf(text, sizeof text, "allowed %s\n", reply->account);
    else
        snprintf(text, sizeof text, "refused %s\n", postern_reason_name(reply->reason));
    postern_reply_free(reply);
    return send(fd, text, strlen(text), MSG_NOSIGNAL) >= 0;
}

static void *serve(void *context)
{
    struct visit *visit = context;
    char line[LINE_MAX_BYTES];
    FILE *in = fdopen(visit->fd, "r");
    while (in != NULL && fgets(line, sizeof line, in) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (!answer(visit->client, line, visit->fd))
            break;
    }
    if (in != NULL)
        fclose(in);
    free(visit);
    return NULL;
}

static int listen_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    if (bind(listener, (const struct sockaddr *)&at, sizeof at) != 0 || listen(listener, SOMAXCONN) != 0) {
        perror(path);
        exit(1);
    }
    return listener;
}

int main(int argc, char **argv)
{
    struct postern *client = NULL;
    struct postern_error error;
    if (argc != 2)
        return fprintf(stderr, "usage: threads SOCKET\n"), 2;
    if (postern_open(NULL, &client, &error) != POSTERN_OK)
        return fprintf(stderr, "threads: %s\n", error.message), 1;
    int listener = listen_at(argv[1]);
    for (;;) {
        struct visit *visit = malloc(sizeof *visit);
        pthread_t thread;
        if (visit == NULL)
            return 1;
        *visit = (struct visit){.client = client, .fd = accept(listener, NULL, NULL)};
        if (visit->fd < 0 || pthread_create(&thread, NULL, serve, visit) != 0) {
            free(visit);
            continue;
        }
        pthread_detach(thread);
    }
}
