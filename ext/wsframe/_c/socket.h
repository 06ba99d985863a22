/* recv(2) and send(2) that do not block; -1 where there are none. */
#ifndef WSF_SOCKET_H
#define WSF_SOCKET_H

#include <stddef.h>

#ifdef _WIN32
static inline ptrdiff_t wsf_recv(int fd, void *data, size_t size)
{
    (void)fd, (void)data, (void)size;
    return -1;
}

static inline ptrdiff_t wsf_send(int fd, const void *data, size_t size)
{
    (void)fd, (void)data, (void)size;
    return -1;
}
#else
#include <errno.h>
#include <sys/socket.h>
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* Python ignores SIGPIPE */
#endif
static inline ptrdiff_t wsf_recv(int fd, void *data, size_t size)
{
    ptrdiff_t received;
    do
        received = recv(fd, data, size, MSG_DONTWAIT);
    while (received < 0 && errno == EINTR);
    return received;
}

static inline ptrdiff_t wsf_send(int fd, const void *data, size_t size)
{
    ptrdiff_t sent;
    do
        sent = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}
#endif

#endif
