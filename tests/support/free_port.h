// A port of TCP on this machine that nobody uses.
//
// Threads: none.
#ifndef SUPPORT_FREE_PORT_H
#define SUPPORT_FREE_PORT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

// None of those that the kernel gives to whoever connects, and seldom one that another test looks at now.
static inline uint16_t free_port(void)
{
    enum { FIRST = 20000, COUNT = 12000, STEP = 7919 };
    static unsigned calls;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    unsigned begin = (unsigned)getpid() * STEP + calls++;
    bool is_free = false;
    for (unsigned i = 0; i < COUNT && !is_free; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        address.sin_port = htons((uint16_t)(FIRST + (begin + i) % COUNT));
        is_free = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
        close(fd);
    }
    if (!is_free)
        abort();
    return ntohs(address.sin_port);
}

#endif
