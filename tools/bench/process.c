// Starts, watches and stops child processes; reads what they use; makes and removes the temporary directory.
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { STOP_TIMEOUT_MS = 30000, END_SIZE = 2000 };

bool process_neighbour(const char *name, char out[PROCESS_PATH_MAX])
{
    const ssize_t size = readlink("/proc/self/exe", out, PROCESS_PATH_MAX - 1);
    if (size < 0) {
        perror("postern-bench: /proc/self/exe");
        return false;
    }
    out[size] = '\0';
    if (name == NULL)
        return true;
    char *slash = strrchr(out, '/');
    const size_t room = (size_t)(out + PROCESS_PATH_MAX - (slash + 1));
    if ((size_t)snprintf(slash + 1, room, "%s", name) >= room || access(out, X_OK) != 0) {
        fprintf(stderr, "postern-bench: there is no %s beside this program; build it or name it with --posternd PATH\n",
                name);
        return false;
    }
    return true;
}

size_t process_spare_cpu(void)
{
    cpu_set_t all;
    CPU_ZERO(&all);
    if (sched_getaffinity(0, sizeof all, &all) != 0 || CPU_COUNT(&all) < 2)
        return 0;
    size_t last = CPU_SETSIZE - 1;
    while (!CPU_ISSET(last, &all))
        last--;
    CPU_CLR(last, &all);
    return sched_setaffinity(0, sizeof all, &all) == 0 ? last + 1 : 0;
}

// A child inherits the place of the thread that starts it.
static int spawn_on(size_t cpu, pid_t *pid, const posix_spawn_file_actions_t *actions, char *const argv[])
{
    cpu_set_t before, wanted;
    CPU_ZERO(&before);
    CPU_ZERO(&wanted);
    if (cpu > 0 && sched_getaffinity(0, sizeof before, &before) == 0) {
        CPU_SET(cpu - 1, &wanted);
        (void)sched_setaffinity(0, sizeof wanted, &wanted);
    }
    const int error = posix_spawnp(pid, argv[0], actions, NULL, argv, environ);
    if (cpu > 0)
        (void)sched_setaffinity(0, sizeof before, &before);
    return error;
}

static int set_streams(posix_spawn_file_actions_t *actions, const char *log_path, struct process_pipes pipes)
{
    int error = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(actions, pipes.out >= 0 ? pipes.out : STDERR_FILENO, STDOUT_FILENO);
    if (error == 0 && pipes.in >= 0)
        error = posix_spawn_file_actions_adddup2(actions, pipes.in, STDIN_FILENO);
    return error;
}

bool process_start_piped(char *const argv[], const char *log_path, struct process_pipes pipes, struct process *out)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        error = set_streams(&actions, log_path, pipes);
        if (error == 0)
            error = spawn_on(out->cpu, &out->pid, &actions, argv);
        posix_spawn_file_actions_destroy(&actions);
    }
    if (error != 0) {
        out->pid = 0;
        fprintf(stderr, "postern-bench: cannot start %s: %s\n", argv[0], strerror(error));
    }
    return error == 0;
}

bool process_start(char *const argv[], const char *log_path, struct process *out)
{
    return process_start_piped(argv, log_path, (struct process_pipes){-1, -1}, out);
}

static bool wait_for(struct process *process, int flags, int *status)
{
    pid_t pid = 0;
    do
        pid = waitpid(process->pid, status, flags);
    while (pid < 0 && errno == EINTR);
    if (pid == 0)
        return false;
    process->pid = 0;
    return true;
}

bool process_runs(struct process *process)
{
    int status = 0;
    return process->pid != 0 && !wait_for(process, WNOHANG, &status);
}

bool process_stop(struct process *process)
{
    int status = 0;
    if (process->pid == 0)
        return true;
    kill(process->pid, SIGTERM);
    for (int waited_ms = 0; waited_ms < STOP_TIMEOUT_MS; waited_ms++) {
        if (wait_for(process, WNOHANG, &status))
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    process_kill(process);
    return false;
}

void process_kill(struct process *process)
{
    int status = 0;
    if (process->pid == 0)
        return;
    kill(process->pid, SIGKILL);
    wait_for(process, 0, &status);
}

uint64_t process_rss_anon_kib(pid_t pid)
{
    char path[64];
    char line[256];
    unsigned long long kib = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)(pid != 0 ? pid : getpid()));
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "RssAnon: %llu", &kib) != 1)
        continue;
    fclose(file);
    return kib;
}

double process_cpu_s(pid_t pid)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

bool process_make_dir(const char *parent, char *out, size_t size)
{
    const char *temporary = getenv("TMPDIR");
    if (parent == NULL)
        parent = temporary != NULL && *temporary != '\0' ? temporary : "/tmp";
    if ((size_t)snprintf(out, size, "%s/postern-bench.XXXXXX", parent) >= size) {
        fprintf(stderr, "postern-bench: %s: the path is too long for a socket; choose another with --dir\n", parent);
        return false;
    }
    if (mkdtemp(out) != NULL)
        return true;
    fprintf(stderr, "postern-bench: cannot make %s: %s; choose another place with --dir\n", out, strerror(errno));
    return false;
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *place)
{
    (void)facts;
    (void)type;
    (void)place;
    remove(path); // what cannot be removed stays in the temporary directory
    return 0;
}

void process_remove_dir(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void process_print_end(const char *log_path)
{
    char text[END_SIZE + 1];
    FILE *file = fopen(log_path, "r");
    if (file == NULL)
        return;
    const bool cut = fseek(file, -(long)END_SIZE, SEEK_END) == 0; // fails where it is shorter
    if (!cut)
        rewind(file);
    const size_t size = fread(text, 1, END_SIZE, file);
    fclose(file);
    text[size] = '\0';
    const char *line = cut ? strchr(text, '\n') : NULL;
    if (size > 0)
        fprintf(stderr, "postern-bench: the servers' last words:\n%s", line != NULL ? line + 1 : text);
}

void *process_need(size_t count, size_t size_bytes)
{
    void *memory = calloc(count, size_bytes);
    if (memory != NULL)
        return memory;
    fprintf(stderr, "postern-bench: memory is out\n");
    exit(1);
}

uint64_t process_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
