// The protocol is nanomsg's REQ over a unix socket: a greeting of 8 bytes, then frames of a byte 01, the length (64
// bits, big endian), the call's id (32 bits, big endian, high bit set; counted in the length), and the packed message.
#include "pipeline.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { ID_SIZE = 4, HEADER_SIZE = 9 + ID_SIZE, INPUT_SIZE = 65536, TIMEOUT_S = 60, GREETING_SIZE = 8 };

static const uint8_t greeting[GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
static const uint8_t expected[GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};

struct pipeline {
    const struct pipeline_plan *plan;
    struct load_result *result;
    int fd;
    unsigned flying;
    uint64_t asked_ns[PIPELINE_MAX]; // by id
    size_t output_size, input_size;
    uint8_t output[PIPELINE_MAX * (HEADER_SIZE + SAMPLE_MAX)];
    uint8_t input[INPUT_SIZE];
};

static bool fail(struct pipeline *pipeline, const char *text)
{
    pipeline->result->failed++;
    snprintf(pipeline->result->failure, WIRE_TEXT_MAX, "%s", text);
    return false;
}

static const char *explain(int error)
{
    return error == EAGAIN ? "nothing within 10 s" : strerror(error);
}

static bool send_output(struct pipeline *pipeline)
{
    for (size_t sent = 0; sent < pipeline->output_size;) {
        const ssize_t size = send(pipeline->fd, pipeline->output + sent, pipeline->output_size - sent, MSG_NOSIGNAL);
        if (size < 0 && errno != EINTR)
            return fail(pipeline, explain(errno));
        sent += size > 0 ? (size_t)size : 0;
    }
    pipeline->output_size = 0;
    return true;
}

static bool receive_input(struct pipeline *pipeline)
{
    ssize_t size;
    do
        size = recv(pipeline->fd, pipeline->input + pipeline->input_size, INPUT_SIZE - pipeline->input_size, 0);
    while (size < 0 && errno == EINTR);
    if (size <= 0)
        return fail(pipeline, size == 0 ? "posternd closed the connection" : explain(errno));
    pipeline->input_size += (size_t)size;
    return true;
}

// --- calls

static void ask(struct pipeline *pipeline, uint32_t id, uint64_t now_ns)
{
    const struct sample *verify = pipeline->plan->verify;
    uint8_t *out = pipeline->output + pipeline->output_size;
    const uint64_t length = htobe64(ID_SIZE + verify->size);
    const uint32_t marked = htobe32(id | 0x80000000);
    out[0] = 1;
    memcpy(out + 1, &length, sizeof length);
    memcpy(out + 9, &marked, sizeof marked);
    sample_copy(verify, out + HEADER_SIZE);
    pipeline->output_size += HEADER_SIZE + verify->size;
    pipeline->asked_ns[id] = now_ns;
    pipeline->flying++;
}

static bool take_answer(struct pipeline *pipeline, const uint8_t *frame, size_t size, uint64_t now_ns, bool more)
{
    uint32_t marked;
    memcpy(&marked, frame + 9, sizeof marked);
    const uint32_t id = be32toh(marked) & 0x7fffffff;
    if (id >= pipeline->plan->outstanding)
        return fail(pipeline, "an answer to nothing that was asked");
    if (!wire_is_allowed(frame + HEADER_SIZE, size - HEADER_SIZE)) {
        wire_describe(frame + HEADER_SIZE, size - HEADER_SIZE, pipeline->result->failure);
        pipeline->result->failed++;
        return false;
    }
    pipeline->result->answered++;
    pipeline->flying--;
    histogram_note(&pipeline->result->latency, now_ns - pipeline->asked_ns[id]);
    if (more)
        ask(pipeline, id, now_ns);
    return true;
}

// Every whole frame that has come; each is followed by the next question where there is time for `more`.
static bool take_answers(struct pipeline *pipeline, uint64_t now_ns, bool more)
{
    size_t at = 0;
    while (pipeline->input_size - at >= HEADER_SIZE) {
        const uint8_t *frame = pipeline->input + at;
        uint64_t length;
        memcpy(&length, frame + 1, sizeof length);
        length = be64toh(length);
        if (frame[0] != 1 || length < ID_SIZE || length > INPUT_SIZE - HEADER_SIZE)
            return fail(pipeline, "not a frame of the protocol");
        const size_t size = HEADER_SIZE - ID_SIZE + (size_t)length;
        if (pipeline->input_size - at < size)
            break;
        if (!take_answer(pipeline, frame, size, now_ns, more))
            return false;
        at += size;
    }
    pipeline->input_size -= at;
    memmove(pipeline->input, pipeline->input + at, pipeline->input_size);
    return true;
}

static void call_all(struct pipeline *pipeline)
{
    const uint64_t began_ns = process_now_ns();
    const uint64_t deadline_ns = began_ns + (uint64_t)(pipeline->plan->seconds * 1e9);
    uint64_t now_ns = began_ns;
    for (uint32_t id = 0; id < pipeline->plan->outstanding; id++)
        ask(pipeline, id, now_ns);
    while (send_output(pipeline) && pipeline->flying > 0 && receive_input(pipeline)) {
        now_ns = process_now_ns();
        if (!take_answers(pipeline, now_ns, now_ns < deadline_ns))
            break;
    }
    pipeline->result->seconds = (double)(now_ns - began_ns) / 1e9;
}

// --- the connection

static int open_connection(const char *url)
{
    static const char scheme[] = "ipc://";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    uint8_t answer[GREETING_SIZE];
    errno = EPROTO; // where the system has nothing to complain about
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", url + strlen(scheme));
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
        connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, greeting, sizeof greeting, MSG_NOSIGNAL) == (ssize_t)sizeof greeting &&
        recv(fd, answer, sizeof answer, MSG_WAITALL) == (ssize_t)sizeof answer &&
        memcmp(answer, expected, sizeof answer) == 0)
        return fd;
    fprintf(stderr, "postern-bench: %s: no connection: %s\n", url, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

bool pipeline_run(const struct pipeline_plan *plan, struct load_result *result)
{
    struct pipeline *pipeline = process_need(1, sizeof *pipeline);
    *result = (struct load_result){0};
    pipeline->plan = plan;
    pipeline->result = result;
    pipeline->fd = open_connection(plan->url);
    const bool connected = pipeline->fd >= 0;
    if (connected) {
        call_all(pipeline);
        close(pipeline->fd);
    }
    free(pipeline);
    return connected;
}
