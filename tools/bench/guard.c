// The process that waits for the benchmark's process, and cleans up whatever way that one ends.
#include "guard.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

enum { DIR_MAX = 80 }; // so short that a socket in it has a valid address

// SIGPIPE: a server that died is an error to be printed, not an end without a word.
static int work(const struct command *command, struct options options, const char *dir, const sigset_t *mask)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_SETMASK, mask, NULL);
    options.dir = dir;
    return command->run(&options);
}

static int status_of(int ended)
{
    if (WIFEXITED(ended))
        return WEXITSTATUS(ended);
    fprintf(stderr, "postern-bench: ended by signal %d\n", WTERMSIG(ended));
    return 1;
}

static int wait_for_worker(pid_t worker, const sigset_t *signals)
{
    for (;;) {
        int ended = 0;
        int number = 0;
        if (waitpid(worker, &ended, WNOHANG) == worker)
            return status_of(ended);
        if (sigwait(signals, &number) == 0 && number != SIGCHLD)
            return 128 + number;
    }
}

// The group's other members became children of this process when the benchmark ended.
static void end_group(pid_t group)
{
    kill(-group, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        continue;
}

int guard_run(const struct command *command, const struct options *options)
{
    char dir[DIR_MAX];
    sigset_t signals, before;
    if (!process_make_dir(options->dir, dir, sizeof dir))
        return 1;
    sigemptyset(&signals);
    for (const int *number = (const int[]){SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, 0}; *number != 0; number++)
        sigaddset(&signals, *number);
    sigprocmask(SIG_BLOCK, &signals, &before);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t worker = fork();
    if (worker == 0)
        exit(work(command, *options, dir, &before));
    int status = 1;
    if (worker < 0) {
        perror("postern-bench: fork");
    } else {
        setpgid(worker, worker); // whoever of the two comes first
        status = wait_for_worker(worker, &signals);
        end_group(worker);
    }
    process_remove_dir(dir);
    return status;
}
