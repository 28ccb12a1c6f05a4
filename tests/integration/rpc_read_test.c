// How the listeners read what clients write: requests of all sizes, one behind another, cut anywhere; and nothing of
// one connection in the next. The random numbers come from a seed that is printed; POSTERN_TEST_SEED=N repeats a run.
#include "support/rpc_asks.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>

#include "support/raw_peer.h"

enum {
    REQUESTS = 300,
    OUTSTANDING = 24, // unanswered at a time: one that has too many is closed
    LARGEST = 65536,  // with the protocol's own id
    FRAME_MAX = RAW_PEER_HEADER_SIZE + LARGEST
};

struct scene {
    struct rpc_fixture fixture;
    struct rpc_listener listeners[3];
    struct sockaddr_in tcp;
    char tcp_url[64];
    struct slice token; // of a key that may ask about itself
};

static void choose_port(struct scene *scene)
{
    socklen_t length = sizeof scene->tcp;
    scene->tcp = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&scene->tcp, sizeof scene->tcp), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&scene->tcp, &length), 0);
    close(fd);
    (void)snprintf(scene->tcp_url, sizeof scene->tcp_url, "tcp://127.0.0.1:%u", ntohs(scene->tcp.sin_port));
}

static int set_up(void **state)
{
    static struct scene scene;
    memset(&scene, 0, sizeof scene);
    rpc_fixture_open(&scene.fixture);
    choose_port(&scene);
    memcpy(scene.listeners, scene.fixture.listeners, sizeof scene.fixture.listeners);
    scene.listeners[2] = (struct rpc_listener){scene.tcp_url, RPC_OPERATOR};
    scene.fixture.options.listeners = scene.listeners;
    scene.fixture.options.listener_count = 3;
    scene.fixture.options.transport.max_connections = 1024; // those that were closed may not be gone yet
    rpc_fixture_serve(&scene.fixture);
    (void)assert_ok(rpc_fixture_put_tier(&scene.fixture, "free", 1000000));
    put_account(&scene.fixture, "acme");
    scene.token = slice_of(make(&scene.fixture, "acme", (const char *const[3]){"postern:verify"})->api_key);
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    rpc_fixture_close(&scene->fixture);
    return 0;
}

// Over tcp a message has no type byte before its length.
struct peer {
    int fd;
    size_t header_size;
};

static struct peer open_ipc(const struct scene *scene)
{
    return (struct peer){raw_peer_open(scene->fixture.path), RAW_PEER_HEADER_SIZE};
}

static struct peer open_tcp(const struct scene *scene)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&scene->tcp, sizeof scene->tcp), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0); // the cuts stay where they are
    assert_true(raw_peer_shake_hands(fd, RAW_PEER_WAIT_MS));
    return (struct peer){fd, RAW_PEER_HEADER_SIZE - 1};
}

// Its size.
static size_t write_header(const struct peer *peer, uint8_t *out, uint64_t size)
{
    uint8_t header[RAW_PEER_HEADER_SIZE];
    raw_peer_write_header(header, size);
    memcpy(out, header + sizeof header - peer->header_size, peer->header_size);
    return peer->header_size;
}

// --- random numbers

static uint64_t choose_seed(void)
{
    uint64_t seed = 0;
    const char *text = getenv("POSTERN_TEST_SEED");
    random_fill(&seed, sizeof seed);
    seed = text != NULL ? strtoull(text, NULL, 10) : seed;
    print_message("POSTERN_TEST_SEED=%" PRIu64 "\n", seed);
    return seed;
}

// SplitMix64.
static uint64_t next(uint64_t *random)
{
    uint64_t z = *random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static size_t below(uint64_t *random, size_t bound)
{
    return (size_t)(next(random) % bound);
}

// --- requests, one behind another

struct stream {
    const struct scene *scene;
    struct peer peer;
    uint64_t random;
    uint8_t *bytes;
    size_t size;
    size_t begins[REQUESTS + 1];
    bool asks_about_key[REQUESTS];
    bool is_answered[REQUESTS];
    sem_t room; // for requests without an answer
};

// What a request has beside its padding, with its number as request_id.
static size_t pack_core(const struct stream *stream, size_t number, bool about_key, uint8_t *out)
{
    const struct slice token = stream->scene->token;
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    Postern__V1__HealthRequest health = POSTERN__V1__HEALTH_REQUEST__INIT;
    uint8_t id[RPC_FIXTURE_ID_SIZE] = "read-test";
    id[14] = (uint8_t)(number >> 8);
    id[15] = (uint8_t)number;
    request.request_id = (ProtobufCBinaryData){sizeof id, id};
    request.call_case = POSTERN__V1__REQUEST__CALL_HEALTH;
    request.health = &health;
    if (about_key) {
        verify.api_key = (ProtobufCBinaryData){token.size, (uint8_t *)(uintptr_t)token.data};
        verify.peek = true;
        request.credential = verify.api_key;
        request.call_case = POSTERN__V1__REQUEST__CALL_VERIFY;
        request.verify = &verify;
    }
    return postern__v1__request__pack(&request, out);
}

// Tiny, about as large as what is read ahead, anything, and the largest.
static size_t choose_size(uint64_t *random)
{
    switch (below(random, 8)) {
    case 0:
        return LARGEST;
    case 1:
        return below(random, LARGEST);
    case 2:
    case 3:
        return 4096 - 40 + below(random, 80);
    default:
        return below(random, 64);
    }
}

// Field 14 of the envelope, which nobody knows, with so many bytes in all, if that can be: four say what it is.
static size_t write_padding(uint8_t *out, size_t size)
{
    if (size < 4)
        return 0;
    size_t length = size - 4;
    out[0] = 0x72;
    out[1] = (uint8_t)(length & 0x7F) | 0x80;
    out[2] = (uint8_t)(length >> 7 & 0x7F) | 0x80;
    out[3] = (uint8_t)(length >> 14);
    memset(out + 4, 0x72, length);
    return size;
}

// The padding comes first: the end of a request has to be right, too.
static void add_request(struct stream *stream, size_t number)
{
    uint8_t core[1024];
    uint8_t *frame = stream->bytes + stream->size;
    uint8_t *body = frame + stream->peer.header_size + RAW_PEER_ID_SIZE;
    bool about_key = below(&stream->random, 2) == 0;
    size_t size = choose_size(&stream->random);
    size_t core_size = pack_core(stream, number, about_key, core) + RAW_PEER_ID_SIZE;
    size_t padding = size > core_size ? write_padding(body, size - core_size) : 0;
    memcpy(body + padding, core, core_size - RAW_PEER_ID_SIZE);
    size_t header = write_header(&stream->peer, frame, core_size + padding);
    const uint8_t id[RAW_PEER_ID_SIZE] = {0x80, 0, (uint8_t)(number >> 8), (uint8_t)number};
    memcpy(frame + header, id, sizeof id);
    stream->asks_about_key[number] = about_key;
    stream->begins[number] = stream->size;
    stream->size += header + core_size + padding;
}

// --- writing and reading

static size_t choose_chunk(uint64_t *random)
{
    switch (below(random, 4)) {
    case 0:
        return 1 + below(random, 16); // within a header
    case 1:
        return 1 + below(random, 200);
    case 2:
        return 4096 - 16 + below(random, 32);
    default:
        return 1 + below(random, 100000);
    }
}

static bool send_all(int fd, const uint8_t *bytes, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t part = send(fd, bytes + sent, size - sent, MSG_NOSIGNAL);
        if (part <= 0)
            return false;
        sent += (size_t)part;
    }
    return true;
}

// Now and then all that was asked is answered before it goes on: then nothing may be left lying.
static void wait_for_answers(struct stream *stream)
{
    for (size_t i = 0; i < OUTSTANDING; i++)
        sem_wait(&stream->room);
    for (size_t i = 0; i < OUTSTANDING; i++)
        sem_post(&stream->room);
}

static void *write_chunks(void *context)
{
    struct stream *stream = context;
    size_t begun = 0;
    for (size_t at = 0; at < stream->size;) {
        size_t size = choose_chunk(&stream->random);
        size = size < stream->size - at ? size : stream->size - at;
        bool pauses = stream->begins[begun] == at && below(&stream->random, 8) == 0;
        if (pauses)
            wait_for_answers(stream);
        for (size_t first = begun; begun < REQUESTS && stream->begins[begun] < at + size; begun++) {
            // A chunk must not wait for what itself ends or begins to be answered.
            if (begun - first == OUTSTANDING - 1) {
                size = stream->begins[begun] - at;
                break;
            }
            sem_wait(&stream->room);
        }
        if (!send_all(stream->peer.fd, stream->bytes + at, size))
            break; // the reader says so
        at += size;
    }
    return NULL;
}

// Of a message, with its id; 0 when none came.
static size_t read_message(const struct peer *peer, uint8_t *out, size_t room)
{
    uint8_t header[RAW_PEER_HEADER_SIZE];
    uint64_t size = 0;
    if (raw_peer_read(peer->fd, header, peer->header_size, RAW_PEER_WAIT_MS) != peer->header_size)
        return 0;
    for (size_t i = peer->header_size - 8; i < peer->header_size; i++)
        size = size << 8 | header[i];
    assert_in_range(size, RAW_PEER_ID_SIZE + 1, room);
    return raw_peer_read(peer->fd, out, (size_t)size, RAW_PEER_WAIT_MS) == size ? (size_t)size : 0;
}

// The number that the reply is for.
static size_t read_reply(struct stream *stream, struct arena *arena)
{
    static uint8_t bytes[1024 * 1024];
    size_t size = read_message(&stream->peer, bytes, sizeof bytes);
    assert_int_not_equal(size, 0);
    size_t number = (size_t)bytes[2] << 8 | bytes[3];
    assert_in_range(number, 0, REQUESTS - 1);
    ProtobufCAllocator allocator = {rpc_fixture_take, rpc_fixture_leave, arena};
    Postern__V1__Reply *reply =
        postern__v1__reply__unpack(&allocator, size - RAW_PEER_ID_SIZE, bytes + RAW_PEER_ID_SIZE);
    assert_non_null(reply);
    assert_int_equal(reply->status->code, STATUS_OK);
    assert_int_equal(reply->request_id.len, RPC_FIXTURE_ID_SIZE);
    assert_int_equal((size_t)reply->request_id.data[14] << 8 | reply->request_id.data[15], number);
    if (stream->asks_about_key[number])
        assert_true(reply->verify->allowed);
    else
        assert_true(reply->health->serving);
    return number;
}

// One request and its reply, and no reply but that one.
static void expect_served(const struct peer *peer)
{
    uint8_t bytes[4096];
    size_t header = write_header(peer, bytes, RAW_PEER_ID_SIZE + sizeof raw_peer_health);
    memcpy(bytes + header, "\x80\0\x7F\1", RAW_PEER_ID_SIZE);
    memcpy(bytes + header + RAW_PEER_ID_SIZE, raw_peer_health, sizeof raw_peer_health);
    assert_true(send_all(peer->fd, bytes, header + RAW_PEER_ID_SIZE + sizeof raw_peer_health));
    assert_int_not_equal(read_message(peer, bytes, sizeof bytes), 0);
    assert_memory_equal(bytes, "\x80\0\x7F\1", RAW_PEER_ID_SIZE);
    assert_int_equal(recv(peer->fd, bytes, 1, MSG_DONTWAIT), -1);
}

static void read_all_replies(struct stream *stream)
{
    struct arena *arena = arena_new(1024 * 1024);
    for (size_t i = 0; i < REQUESTS; i++) {
        arena_reset(arena);
        size_t number = read_reply(stream, arena);
        assert_false(stream->is_answered[number]);
        stream->is_answered[number] = true;
        sem_post(&stream->room);
    }
    arena_free(arena);
}

static void pipeline(const struct scene *scene, struct peer peer, uint64_t seed)
{
    pthread_t writer;
    struct stream *stream = calloc(1, sizeof *stream);
    assert_non_null(stream);
    *stream = (struct stream){
        .scene = scene, .peer = peer, .random = seed, .bytes = malloc((size_t)REQUESTS * (FRAME_MAX + 1024))};
    assert_non_null(stream->bytes);
    assert_int_equal(sem_init(&stream->room, 0, OUTSTANDING), 0);
    for (size_t i = 0; i < REQUESTS; i++)
        add_request(stream, i);
    stream->begins[REQUESTS] = SIZE_MAX;
    assert_int_equal(pthread_create(&writer, NULL, write_chunks, stream), 0);
    read_all_replies(stream);
    pthread_join(writer, NULL);
    // Nothing more was answered: the next reply is the next request's.
    expect_served(&peer);
    close(peer.fd);
    sem_destroy(&stream->room);
    free(stream->bytes);
    free(stream);
}

static void pipelined_requests_cut_anywhere_are_answered_once_each_over_ipc(void **state)
{
    struct scene *scene = *state;
    uint64_t seed = choose_seed();
    for (size_t i = 0; i < 3; i++)
        pipeline(scene, open_ipc(scene), seed + i);
}

static void pipelined_requests_cut_anywhere_are_answered_once_each_over_tcp(void **state)
{
    struct scene *scene = *state;
    uint64_t seed = choose_seed();
    for (size_t i = 0; i < 3; i++)
        pipeline(scene, open_tcp(scene), seed + i);
}

// --- connections that end

static struct peer open_either(const struct scene *scene, uint64_t *random)
{
    return below(random, 2) == 0 ? open_ipc(scene) : open_tcp(scene);
}

static void connection_closed_within_a_request_leaves_the_others_alone(void **state)
{
    enum { ROUNDS = 300, SIZE = 9000 };
    struct scene *scene = *state;
    uint64_t random = choose_seed();
    struct peer other = open_ipc(scene);
    for (size_t i = 0; i < ROUNDS; i++) {
        static uint8_t frame[RAW_PEER_HEADER_SIZE + SIZE];
        struct peer peer = open_either(scene, &random);
        memset(frame, 0x80, sizeof frame);
        size_t header = write_header(&peer, frame, SIZE);
        if (below(&random, 2) == 0)
            expect_served(&peer);
        assert_true(send_all(peer.fd, frame, 1 + below(&random, header + SIZE - 1)));
        close(peer.fd);
        expect_served(&other);
    }
    close(other.fd);
}

// A message that is too large, a greeting, and requests that nobody makes.
static size_t write_poison(const struct peer *peer, uint8_t out[4096])
{
    static const uint8_t hello[RAW_PEER_HANDSHAKE_SIZE] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    size_t size = write_header(peer, out, UINT64_C(1) << 40);
    memcpy(out + size, hello, sizeof hello);
    size += sizeof hello;
    for (size_t i = 0; i < 100; i++) {
        size += write_header(peer, out + size, RAW_PEER_ID_SIZE + sizeof raw_peer_health);
        memcpy(out + size, "\x80\0\0\2", RAW_PEER_ID_SIZE);
        memcpy(out + size + RAW_PEER_ID_SIZE, raw_peer_health, sizeof raw_peer_health);
        size += RAW_PEER_ID_SIZE + sizeof raw_peer_health;
    }
    return size;
}

// The server closes at the header of a message that is too large. What it has read behind it would do for the greeting
// of the next connection with that descriptor, and for requests.
static void nothing_of_a_connection_is_read_by_the_next_one(void **state)
{
    enum { ROUNDS = 500 };
    struct scene *scene = *state;
    uint64_t random = choose_seed();
    for (size_t i = 0; i < ROUNDS; i++) {
        uint8_t poison[4096];
        struct peer peer = open_either(scene, &random);
        if (below(&random, 2) == 0)
            expect_served(&peer);
        assert_true(send_all(peer.fd, poison, write_poison(&peer, poison)));
        assert_true(raw_peer_is_closed(peer.fd));
        close(peer.fd);
        peer = open_either(scene, &random);
        expect_served(&peer);
        close(peer.fd);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(pipelined_requests_cut_anywhere_are_answered_once_each_over_ipc),
        TEST(pipelined_requests_cut_anywhere_are_answered_once_each_over_tcp),
        TEST(connection_closed_within_a_request_leaves_the_others_alone),
        TEST(nothing_of_a_connection_is_read_by_the_next_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
