// Puts three defects of nng 1.5.2 right. Linked only with that version, by --wrap (server/CMakeLists.txt); it knows the
// insides of that library, so it is linked with the archive.
//
// Reads that never end. When a transport has read the header of a message it asks for the body. If the connection was
// closed in that moment, nni_aio_begin refuses, and the stream drops the read without a word. The protocol's receive
// then never ends, and nng's one reaper thread waits for it, for ever and for the whole process: from there on no
// connection is freed (each that ends costs a descriptor) and nng_close does not return. One client that is killed with
// calls outstanding is enough: its replies cannot be sent, which closes the connection while its requests still come.
// nng's issue 616, "Race condition closing between header & body"; for TCP put right in 1.6.0 (its pull request 1636).
//
// Listeners that die. A peer that has gone before the greeting could be sent (EPIPE) is told to the listener as
// "closed", which it takes for its own end: it accepts nobody any more. Put right in 1.6.0.
//
// Replies that are never freed. A reply that is handed to a connection just while that is being closed is refused in
// the same way, without a word, and nobody frees its message: each client that is killed at a bad moment costs one.
//
// 1.10.1 has neither of the first two over TCP nor ipc: measured, as tests/system/leak.bats and hostile.bats do it.
#include <errno.h>
#include <nng/nng.h>
#include <stddef.h>

#include "rpc/listener_write.h"

// The linker's names: calls come to __wrap_, the library's own functions are __real_.
int __real_nni_aio_begin(nng_aio *aio);
void __real_nng_stream_recv(nng_stream *stream, nng_aio *aio);
void __real_nng_stream_send(nng_stream *stream, nng_aio *aio);
void __real_nni_pipe_send(void *pipe, nng_aio *aio);
int __real_nni_plat_errno(int code);
void nni_aio_finish_error(nng_aio *aio, int code);
uint32_t nni_pipe_id(void *pipe);

int __wrap_nni_aio_begin(nng_aio *aio);
void __wrap_nng_stream_recv(nng_stream *stream, nng_aio *aio);
void __wrap_nng_stream_send(nng_stream *stream, nng_aio *aio);
void __wrap_nni_pipe_send(void *pipe, nng_aio *aio);
int __wrap_nni_plat_errno(int code);

// What nni_aio_begin refused this thread last. Lives for one call: from there to the stream's call around it, which
// nothing else can tell. Outside of streams a refusal has to stay silent: there, who asks frees the operation.
static nng_aio **refused(void)
{
    static _Thread_local nng_aio *aio;
    return &aio;
}

int __wrap_nni_aio_begin(nng_aio *aio)
{
    int code = __real_nni_aio_begin(aio);
    if (code != 0)
        *refused() = aio;
    return code;
}

// Still there: whoever waits for the connection's end waits for this operation, too.
static void finish_refused(nng_aio *aio)
{
    if (*refused() != aio)
        return;
    *refused() = NULL;
    nni_aio_finish_error(aio, NNG_ECLOSED);
}

void __wrap_nng_stream_recv(nng_stream *stream, nng_aio *aio)
{
    *refused() = NULL;
    __real_nng_stream_recv(stream, aio);
    finish_refused(aio);
}

void __wrap_nng_stream_send(nng_stream *stream, nng_aio *aio)
{
    *refused() = NULL;
    __real_nng_stream_send(stream, aio);
    finish_refused(aio);
}

// Called by the protocol under its lock. A refused send has no callback, so that the message is nobody's from here on.
void __wrap_nni_pipe_send(void *pipe, nng_aio *aio)
{
    *refused() = NULL;
    listener_write_for(nni_pipe_id(pipe));
    __real_nni_pipe_send(pipe, aio);
    listener_write_for(0);
    if (*refused() != aio)
        return;
    *refused() = NULL;
    nng_msg *msg = nng_aio_get_msg(aio);
    nng_aio_set_msg(aio, NULL);
    nng_msg_free(msg);
}

// Of the system's errors. This one is the peer's doing, and no reason to stop.
int __wrap_nni_plat_errno(int code)
{
    return code == EPIPE ? NNG_ECONNRESET : __real_nni_plat_errno(code);
}
