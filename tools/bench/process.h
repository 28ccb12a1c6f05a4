// Child processes and the temporary directory they work in.
//
// Threads: one. Children are started with posix_spawn: after fork any nng call would abort.
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESS_PATH_MAX = 4096 };

struct process {
    pid_t pid;  // 0: not running
    size_t cpu; // for process_start: 1 + the processor that it has to stay on, 0 = any
};

struct process_pipes {
    int in, out; // -1: as without
};

// Keeps this process off one processor, for servers that are measured: 1 + its number, 0 when there is only one. Before
// the first thread is started.
size_t process_spare_cpu(void);

// Path of a program in this program's own directory; NULL name: of this program itself. False: printed on stderr.
bool process_neighbour(const char *name, char out[PROCESS_PATH_MAX]);
// Starts argv[0], found by PATH when it has no slash. stdout and stderr are appended to `log_path`; with `pipes` stdin
// and stdout are those descriptors instead. False: printed on stderr.
bool process_start(char *const argv[], const char *log_path, struct process *out);
bool process_start_piped(char *const argv[], const char *log_path, struct process_pipes pipes, struct process *out);
bool process_runs(struct process *process); // false also when it has just ended
// SIGTERM, then SIGKILL after 30 s. True when it ended by itself with exit status 0. Nothing to do: true.
bool process_stop(struct process *process);
void process_kill(struct process *process);
// RssAnon of /proc/PID/status; pid 0 = this process. 0 when it cannot be read.
uint64_t process_rss_anon_kib(pid_t pid);
// Processor time that it has used, all threads; 0 when it cannot be read.
double process_cpu_s(pid_t pid);

// A fresh directory below `parent` (NULL: $TMPDIR or /tmp), short enough for sockets. False: printed on stderr.
bool process_make_dir(const char *parent, char *out, size_t size);
void process_remove_dir(const char *path); // with everything in it
// The last lines of a log, on stderr.
void process_print_end(const char *log_path);

uint64_t process_now_ns(void); // CLOCK_MONOTONIC
// Zeroed memory; without it the program ends.
void *process_need(size_t count, size_t size_bytes);

#endif
