// Starts processes that call, has them begin at the same moment, and collects by a pipe what each has measured.
#include "crowd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { TOKEN_MAX = 256, PATIENCE_MS = 60000 };

// What a child says on the pipe that all children share: once when it is ready, once at its end. Written at once.
struct word {
    bool done;
    uint64_t answered, failed;
    double seconds;
    char failure[WIRE_TEXT_MAX];
};

_Static_assert(sizeof(struct word) <= PIPE_BUF, "a word is written in one piece");

// --- a child

static bool say(const struct word *word)
{
    return write(STDOUT_FILENO, word, sizeof *word) == (ssize_t)sizeof *word;
}

// Until the end of stdin.
static void say_ready(void *context)
{
    char byte;
    (void)context;
    if (say(&(struct word){.done = false}))
        while (read(STDIN_FILENO, &byte, 1) > 0)
            continue;
}

int crowd_serve(int argc, char *const argv[])
{
    char token[TOKEN_MAX + 2];
    const struct caller_kind *kind = argc == 4 ? caller_find(argv[0]) : NULL;
    if (kind == NULL || fgets(token, sizeof token, stdin) == NULL) {
        fprintf(stderr, "usage: postern-bench " CROWD_COMMAND " KIND URL SCOPE SECONDS <TOKEN\n");
        return 2;
    }
    struct load_result *result = process_need(1, sizeof *result);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    token[strcspn(token, "\n")] = '\0';
    const struct caller_plan plan = {.kind = kind,
                                     .target = {.url = argv[1], .token = token, .scope = argv[2]},
                                     .threads = 1,
                                     .seconds = strtod(argv[3], NULL),
                                     .ready = say_ready};
    struct word word = {.done = true, .failed = 1, .failure = "a caller could not begin"};
    if (caller_run(&plan, result)) {
        word.answered = result->answered;
        word.failed = result->failed;
        word.seconds = result->seconds;
        memcpy(word.failure, result->failure, sizeof word.failure);
    }
    free(result);
    return say(&word) ? 0 : 1;
}

// --- the parent

struct crowd {
    const struct crowd_plan *plan;
    struct process children[CROWD_MAX];
    int starts[CROWD_MAX]; // write ends of the children's stdin; -1: closed
    int words;             // read end of what they say
    struct load_result *result;
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool send_token(int fd, const char *token)
{
    char line[TOKEN_MAX + 2];
    const int size = snprintf(line, sizeof line, "%s\n", token);
    return size > 0 && (size_t)size < sizeof line && write(fd, line, (size_t)size) == size;
}

static bool start_child(struct crowd *crowd, unsigned index, int words)
{
    static char command[] = CROWD_COMMAND;
    const struct crowd_plan *plan = crowd->plan;
    char program[PROCESS_PATH_MAX];
    char seconds[32];
    char kind[32];
    char url[160];
    char scope[64];
    char *argv[] = {program, command, kind, url, scope, seconds, NULL};
    int ends[2];
    snprintf(kind, sizeof kind, "%s", plan->kind->name);
    snprintf(url, sizeof url, "%s", plan->target.url);
    snprintf(scope, sizeof scope, "%s", plan->target.scope);
    snprintf(seconds, sizeof seconds, "%.9g", plan->seconds);
    if (!process_neighbour(NULL, program))
        return false;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        perror("postern-bench: pipe");
        return false;
    }
    const struct process_pipes pipes = {.in = ends[0], .out = words};
    const bool started = process_start_piped(argv, plan->log_path, pipes, &crowd->children[index]);
    close(ends[0]);
    crowd->starts[index] = ends[1];
    return started && send_token(ends[1], plan->target.token);
}

static bool start_all(struct crowd *crowd)
{
    int ends[2];
    bool started = true;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        perror("postern-bench: pipe");
        return false;
    }
    crowd->words = ends[0];
    for (unsigned i = 0; started && i < crowd->plan->processes; i++)
        started = start_child(crowd, i, ends[1]);
    close(ends[1]); // so that the end of all children is the end of the words
    return started;
}

static bool read_word(const struct crowd *crowd, struct word *out)
{
    struct pollfd wait = {.fd = crowd->words, .events = POLLIN};
    const int patience_ms = PATIENCE_MS + (int)(crowd->plan->seconds * 1000);
    int ready;
    do
        ready = poll(&wait, 1, patience_ms);
    while (ready < 0 && errno == EINTR);
    if (ready > 0 && read(crowd->words, out, sizeof *out) == (ssize_t)sizeof *out)
        return true;
    fprintf(stderr, "postern-bench: %s: a caller has %s\n", crowd->plan->kind->name,
            ready == 0 ? "nothing to say" : "died");
    return false;
}

// A child that fails before the start says only its last word.
static bool wait_until_ready(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->plan->processes; i++) {
        struct word word;
        if (!read_word(crowd, &word))
            return false;
        if (word.done) {
            fprintf(stderr, "postern-bench: %s: %s\n", crowd->plan->kind->name, word.failure);
            return false;
        }
    }
    return true;
}

static bool collect(struct crowd *crowd)
{
    struct load_result *result = crowd->result;
    for (unsigned i = 0; i < crowd->plan->processes; i++) {
        struct word word;
        if (!read_word(crowd, &word))
            return false;
        result->answered += word.answered;
        result->seconds += word.seconds / crowd->plan->processes;
        if (word.failed > 0 && result->failed == 0)
            memcpy(result->failure, word.failure, sizeof result->failure);
        result->failed += word.failed;
    }
    return true;
}

bool crowd_run(const struct crowd_plan *plan, struct load_result *result)
{
    struct crowd crowd = {.plan = plan, .words = -1, .result = result};
    *result = (struct load_result){0};
    for (unsigned i = 0; i < CROWD_MAX; i++)
        crowd.starts[i] = -1;
    bool done = start_all(&crowd) && wait_until_ready(&crowd);
    for (unsigned i = 0; i < plan->processes; i++)
        close_end(&crowd.starts[i]);
    done = done && collect(&crowd);
    for (unsigned i = 0; i < plan->processes; i++)
        process_kill(&crowd.children[i]);
    close_end(&crowd.words);
    return done;
}
