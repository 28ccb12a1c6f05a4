// Clients that die in the middle of their calls, one after the other.
//
//   cut_calls SOCKET ROUNDS    each round: a process with 64 calls outstanding and a large one half sent, killed
//
// What it has sent is still there to be read when it is gone, while the replies to it can no longer be sent: a server
// then closes the connection in the very moment in which a message arrives on it.
#include "support/raw_peer.h"

#include <signal.h>
#include <sys/wait.h>

enum { OUTSTANDING = 64, LARGE_SIZE = 60000, LARGE_SENT = 20000 };

static void send_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t part = send(fd, bytes, size, MSG_NOSIGNAL);
        raw_peer_demand(part > 0);
        bytes += part;
        size -= (size_t)part;
    }
}

static void begin_large(int fd)
{
    static uint8_t frame[RAW_PEER_HEADER_SIZE + LARGE_SENT];
    raw_peer_write_header(frame, LARGE_SIZE);
    send_all(fd, frame, sizeof frame);
}

// The calls of one burst leave in one piece, and death follows at once, so that the server has most of them still to
// read. Reading one reply first lets the rounds differ in how far it has come.
static _Noreturn void die_calling(const char *path, int round)
{
    uint8_t burst[OUTSTANDING * (RAW_PEER_HEADER_SIZE + RAW_PEER_ID_SIZE + sizeof raw_peer_health)];
    uint8_t *to = burst;
    for (int i = 0; i < OUTSTANDING; i++) {
        raw_peer_write_header(to, RAW_PEER_ID_SIZE + sizeof raw_peer_health);
        to += RAW_PEER_HEADER_SIZE;
        memcpy(to, (const uint8_t[RAW_PEER_ID_SIZE]){0x80, 0, 0, (uint8_t)i}, RAW_PEER_ID_SIZE);
        memcpy(to + RAW_PEER_ID_SIZE, raw_peer_health, sizeof raw_peer_health);
        to += RAW_PEER_ID_SIZE + sizeof raw_peer_health;
    }
    int fd = raw_peer_open(path);
    send_all(fd, burst, sizeof burst);
    begin_large(fd);
    if (round % 2 == 1)
        raw_peer_demand(raw_peer_receive(fd, RAW_PEER_WAIT_MS) > 0);
    kill(getpid(), SIGKILL);
    abort();
}

static bool run_round(const char *path, int round)
{
    int status = 0;
    pid_t child = fork();
    raw_peer_demand(child >= 0);
    if (child == 0)
        die_calling(path, round);
    raw_peer_demand(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: cut_calls SOCKET ROUNDS\n", stderr);
        return 2;
    }
    int rounds = (int)strtol(argv[2], NULL, 10);
    for (int round = 0; round < rounds; round++)
        if (!run_round(argv[1], round))
            return 1;
    return 0;
}
