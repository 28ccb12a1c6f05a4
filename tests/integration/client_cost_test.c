// What a call costs in system calls, and that the library starts no thread. The calls are made in a child process,
// which is traced: each system call of it is seen with what it returned, also those of a library.
#include "postern/postern.h"
#include "support/tls_peer.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { LONG_MS = 60000, CALLS = 50, WARM = 3 };

static char directory[] = "/tmp/postern-cost-XXXXXX";
static char path[64], authority[96];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/socket", directory);
    snprintf(authority, sizeof authority, "%s/authority.crt", directory);
    signal(SIGPIPE, SIG_IGN); // for the server, whose library writes without MSG_NOSIGNAL
    tls_make_authority(directory, "authority");
    tls_make(directory, "server", "authority", "IP:127.0.0.1", TLS_GOOD_NOW);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", directory);
    return system(command);
}

static bool is_answered(struct postern *client)
{
    struct postern_verify_reply *reply = NULL;
    const struct postern_verify_request request = {.account = "acme"};
    bool good = postern_verify(client, &request, &reply, NULL) == POSTERN_OK && strcmp(reply->account, "acme") == 0;
    postern_reply_free(reply);
    return good;
}

// ------------------------------------------------------------------------------------------------------- system calls

// Those that came to something: one that waited in vain (EAGAIN, EINTR), as on a busy machine, is made again.
struct cost {
    unsigned sends, receives, others; // others: any else that moves bytes, waits for descriptors or starts a thread
};

static void note(struct cost *cost, uint64_t number)
{
    static const long others[] = {SYS_read,         SYS_readv,         SYS_recvmsg,  SYS_recvmmsg, SYS_write,
                                  SYS_writev,       SYS_sendmsg,       SYS_sendmmsg, SYS_ppoll,    SYS_pselect6,
                                  SYS_clone,        SYS_clone3,        SYS_connect,  SYS_socket,
#ifdef SYS_poll
                                  SYS_poll,         SYS_select,
#endif
                                  SYS_rt_sigaction, SYS_rt_sigprocmask};
    cost->sends += number == SYS_sendto ? 1 : 0;
    cost->receives += number == SYS_recvfrom ? 1 : 0;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cost->others += number == (uint64_t)others[i] ? 1 : 0;
}

// In the child, which is to be traced from its SIGSTOP on.
static void call_traced(const char *url)
{
    struct postern *client = NULL;
    const struct postern_options options = {.url = url, .timeout_ms = LONG_MS, .tls_ca_file = authority};
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(77);
    bool good = postern_open(&options, &client, NULL) == POSTERN_OK;
    for (int i = 0; good && i < WARM; i++)
        good = is_answered(client);
    raise(SIGSTOP);
    for (int i = 0; good && i < CALLS; i++)
        good = is_answered(client);
    _exit(good ? 0 : 1);
}

// Until the child ends; returns how.
static int trace(pid_t child, struct cost *cost)
{
    uint64_t number = 0;
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status))
        return status;
    assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    assert_int_equal(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
    for (;;) {
        struct __ptrace_syscall_info info;
        assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFSTOPPED(status))
            return status;
        if (WSTOPSIG(status) != (SIGTRAP | 0x80))
            continue;
        assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) > 0);
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
            number = info.entry.nr;
        else if (info.exit.rval >= 0)
            note(cost, number);
    }
}

static void assert_one_send_and_one_receive(const char *url)
{
    struct cost cost = {.sends = 0};
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        call_traced(url);
    int status = trace(child, &cost);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("# skip: processes may not be traced here\n");
        skip();
    }
    assert_int_equal(status, 0);
    assert_int_equal(cost.sends, CALLS);
    assert_int_equal(cost.receives, CALLS);
    assert_int_equal(cost.others, 0);
}

static void answer_all(struct sp_peer *peer, int fd, unsigned nth)
{
    (void)peer;
    (void)nth;
    if (sp_greet(fd))
        sp_answer_on(fd);
}

static void a_call_alone_costs_one_send_and_one_receive(void **state)
{
    (void)state;
    struct sp_peer peer;
    char url[80];
    snprintf(url, sizeof url, "ipc://%s", path);
    sp_start(&peer, sp_listen_ipc(path), answer_all, NULL);
    assert_one_send_and_one_receive(url);
    sp_stop(&peer);
}

static void talk_tls(struct sp_peer *peer, int fd, unsigned nth)
{
    (void)nth;
    tls_answer_on(peer->context, fd);
}

static void over_tls_it_costs_no_more(void **state)
{
    (void)state;
    struct sp_peer peer;
    char url[64];
    int port = 0, listener = sp_listen_tcp(&port);
    SSL_CTX *context = tls_server(directory, "server", NULL);
    snprintf(url, sizeof url, "tls+tcp://127.0.0.1:%d", port);
    sp_start(&peer, listener, talk_tls, context);
    assert_one_send_and_one_receive(url);
    sp_stop(&peer);
    SSL_CTX_free(context);
}

// ------------------------------------------------------------------------------------------------------------ threads

static unsigned threads_of_this_process(void)
{
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        count += entry->d_name[0] != '.' ? 1 : 0;
    closedir(tasks);
    return count;
}

static void on_verify(void *context, struct postern_verify_reply *reply, const struct postern_error *error)
{
    (void)error;
    *(bool *)context = true;
    postern_reply_free(reply);
}

static void no_thread_is_started(void **state)
{
    (void)state;
    struct sp_peer peer;
    char url[80];
    snprintf(url, sizeof url, "ipc://%s", path);
    unlink(path);
    sp_start(&peer, sp_listen_ipc(path), answer_all, NULL);
    const unsigned before = threads_of_this_process();
    struct postern *client = NULL;
    const struct postern_options waiting = {.url = url, .timeout_ms = LONG_MS};
    assert_int_equal(postern_open(&waiting, &client, NULL), POSTERN_OK);
    assert_int_equal(threads_of_this_process(), before);
    for (int i = 0; i < CALLS; i++)
        assert_true(is_answered(client));
    assert_int_equal(threads_of_this_process(), before);
    postern_close(client);
    const struct postern_options looping = {.url = url, .timeout_ms = LONG_MS, .event_loop = true};
    const struct postern_verify_request request = {.account = "acme"};
    bool over = false;
    assert_int_equal(postern_open(&looping, &client, NULL), POSTERN_OK);
    assert_int_equal(postern_verify_start(client, &request, on_verify, &over, NULL), POSTERN_OK);
    while (!over) {
        postern_process(client);
        assert_int_equal(threads_of_this_process(), before);
    }
    postern_close(client);
    assert_int_equal(threads_of_this_process(), before);
    sp_stop(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_alone_costs_one_send_and_one_receive),
        cmocka_unit_test(over_tls_it_costs_no_more),
        cmocka_unit_test(no_thread_is_started),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
