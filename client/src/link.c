// Sends and receives on one connection. The hard part: sending and receiving happen without the handle's lock, while
// other threads add requests or lose the connection.
//
// Sending: requests are added to `out`. Whoever finds that nobody sends takes all of it (begin_send moves it into the
// buffer that is being sent, with TLS encrypted on the way) and marks the link as `writing`; it gives the lock back,
// sends (postern_link_send), takes the lock again and says how much went out (postern_link_sent), which hands it what
// was added meanwhile. So what several threads have ready goes out in one send. While `writing` is set, only the sender
// touches that buffer and the descriptor's number stays taken: a connection that is closed meanwhile leaves the
// descriptor to the sender as `orphan_fd`, who closes it and drops the buffer.
//
// Receiving: one thread at a time reads, straight into the buffer that nobody else touches (postern_link_receive).
// What came is looked at with the lock (postern_link_received: TLS, the greeting), then reply by reply
// (postern_link_next, postern_link_take).
#include "link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    GREETING_SIZE = 8,
    REPLY_MAX = 1024 * 1024,
    RECEIVE_SIZE = 16 * 1024,
    ID_SIZE = 4,
    ID_MARK = 0x80 // of the first byte of an id
};

static const uint8_t their_greeting[GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};

// ----------------------------------------------------------------------------------------------------- sending

static void write_number(uint8_t *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

bool postern_link_add(struct postern_link *link, uint32_t id, uint8_t *frame, size_t size)
{
    frame[0] = 1;
    write_number(frame + 1, size + ID_SIZE, 8);
    write_number(frame + 9, id, ID_SIZE);
    size_t skipped = link->target->scheme == POSTERN_IPC ? 0 : 1; // the type byte
    return postern_buffer_add(&link->out, frame + skipped, POSTERN_FRAME_PREFIX - skipped + size);
}

static void swap(struct postern_buffer *a, struct postern_buffer *b)
{
    struct postern_buffer kept = *a;
    *a = *b;
    *b = kept;
}

bool postern_link_begin_send(struct postern_link *link, struct postern_link_piece *piece)
{
    if (link->writing || link->broken || link->state < POSTERN_LINK_GREETING)
        return false;
    if (link->session != NULL && !postern_tls_session_write(link->session, &link->out, &link->sealed)) {
        postern_link_break(link);
        return false;
    }
    if (postern_buffer_size(&link->sending) == 0)
        swap(&link->sending, link->session != NULL ? &link->sealed : &link->out);
    *piece = (struct postern_link_piece){
        .fd = link->fd, .bytes = link->sending.data + link->sending.begin, .size = postern_buffer_size(&link->sending)};
    link->writing = piece->size > 0;
    return link->writing;
}

ptrdiff_t postern_link_send(const struct postern_link_piece *piece)
{
    ptrdiff_t sent;
    do
        sent = send(piece->fd, piece->bytes, piece->size, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : sent;
}

bool postern_link_sent(struct postern_link *link, ptrdiff_t sent, struct postern_link_piece *piece)
{
    link->writing = false;
    if (link->orphan_fd >= 0) {
        close(link->orphan_fd);
        link->orphan_fd = -1;
        postern_buffer_wipe(&link->sending);
    } else if (sent < 0) {
        postern_link_break(link);
    } else if (sent == 0) {
        return false;
    } else {
        postern_buffer_take(&link->sending, (size_t)sent);
    }
    return postern_link_begin_send(link, piece);
}

void postern_link_break(struct postern_link *link)
{
    link->broken = true;
    if (link->fd >= 0)
        (void)shutdown(link->fd, SHUT_RDWR);
}

// --------------------------------------------------------------------------------------------------- receiving

static struct postern_buffer *received_to(struct postern_link *link)
{
    return link->target->scheme == POSTERN_TLS_TCP ? &link->cipher : &link->in;
}

ptrdiff_t postern_link_receive(struct postern_link *link, bool may_wait)
{
    struct postern_buffer *to = received_to(link);
    if (!postern_buffer_reserve(to, RECEIVE_SIZE)) {
        errno = ENOMEM;
        return -1;
    }
    return recv(link->fd, to->data + to->end, postern_buffer_room(to), may_wait && link->blocks ? 0 : MSG_DONTWAIT);
}

// Does it begin like an alert of TLS (RFC 8446, 5.1 and 6), which is what a server of TLS has to say to our greeting?
static bool is_alert(const struct postern_link *link)
{
    enum { ALERT = 0x15, VERSION_MAJOR = 3 };
    const uint8_t *bytes = link->in.data + link->in.begin;
    size_t size = postern_buffer_size(&link->in);
    return link->target->scheme == POSTERN_TCP && size > 0 && bytes[0] == ALERT &&
           (size == 1 || bytes[1] == VERSION_MAJOR);
}

static bool take_greeting(struct postern_link *link)
{
    size_t there = postern_buffer_size(&link->in);
    size_t size = there < GREETING_SIZE ? there : GREETING_SIZE;
    if (is_alert(link))
        return postern_link_fail(link, POSTERN_UNAVAILABLE, true, "what answers at %s speaks TLS: use tls+%s",
                                 link->target->url, link->target->url);
    if (memcmp(link->in.data + link->in.begin, their_greeting, size) != 0)
        return postern_link_fail_stranger(link);
    if (size == GREETING_SIZE) {
        postern_buffer_take(&link->in, GREETING_SIZE);
        link->state = POSTERN_LINK_UP;
    }
    return true;
}

static bool fail_lost(struct postern_link *link, const char *why)
{
    if (link->state == POSTERN_LINK_UP)
        return postern_link_fail(link, POSTERN_UNAVAILABLE, false,
                                 "the connection to posternd at %s was lost before the answer came: %s",
                                 link->target->url, why);
    return postern_link_fail(link, POSTERN_UNAVAILABLE, false, "posternd at %s closes the connection at once: %s%s",
                             link->target->url, why,
                             link->target->scheme == POSTERN_TCP ? " (does that port speak TLS?)" : "");
}

// Sends TLS's last words, with which the other side can say why the connection ends. As far as that goes at once, and
// not into the middle of what is being sent.
static void send_alert(const struct postern_link *link)
{
    const struct postern_link_piece alert = {
        .fd = link->fd, .bytes = link->sealed.data + link->sealed.begin, .size = postern_buffer_size(&link->sealed)};
    if (alert.size > 0 && !link->writing && postern_buffer_size(&link->sending) == 0)
        (void)postern_link_send(&alert);
}

bool postern_link_received(struct postern_link *link, ptrdiff_t size, int code, uint64_t now_ms)
{
    if (size < 0 && (code == EAGAIN || code == EWOULDBLOCK || code == EINTR))
        return !link->broken || fail_lost(link, "it cannot be written to");
    if (size < 0 && code == ENOMEM)
        return postern_link_fail_memory(link);
    if (size <= 0)
        return fail_lost(link, size == 0 ? "it was closed" : strerror(code));
    received_to(link)->end += (size_t)size;
    link->heard_ms = now_ms;
    if (link->session != NULL && !postern_tls_session_feed(link->session, &link->cipher, &link->in, &link->sealed)) {
        send_alert(link);
        return postern_link_fail_tls(link);
    }
    if (link->state == POSTERN_LINK_GREETING && postern_buffer_size(&link->in) > 0)
        return take_greeting(link);
    return true;
}

static uint64_t read_number(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

enum postern_link_next postern_link_next(struct postern_link *link, struct postern_link_reply *reply)
{
    const bool has_type = link->target->scheme == POSTERN_IPC;
    const size_t header = has_type ? 9 : 8, there = postern_buffer_size(&link->in);
    const uint8_t *bytes = link->in.data + link->in.begin;
    if (link->state != POSTERN_LINK_UP || there < header)
        return POSTERN_NEXT_NONE;
    uint64_t size = read_number(bytes + header - 8, 8);
    if ((has_type && bytes[0] != 1) || size < ID_SIZE || size > REPLY_MAX + ID_SIZE) {
        (void)postern_link_fail_stranger(link);
        return POSTERN_NEXT_BAD;
    }
    if (there - header < size)
        return POSTERN_NEXT_NONE;
    if ((bytes[header] & ID_MARK) == 0) {
        (void)postern_link_fail_stranger(link);
        return POSTERN_NEXT_BAD;
    }
    *reply = (struct postern_link_reply){.id = (uint32_t)read_number(bytes + header, ID_SIZE),
                                         .bytes = bytes + header + ID_SIZE,
                                         .size = (size_t)size - ID_SIZE,
                                         .frame_size = header + (size_t)size};
    return POSTERN_NEXT_REPLY;
}

void postern_link_take(struct postern_link *link, const struct postern_link_reply *reply)
{
    postern_buffer_take(&link->in, reply->frame_size);
}
