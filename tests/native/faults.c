/* Before the system's send(2): what it may do to those who call it, as FAULTS says, a letter a call and again.

   n: as always.  i: EINTR.  a: EAGAIN.  1: takes one byte.  h: takes half.  p: EPIPE.  r: ECONNRESET.
   Only calls that send to a socket connected over TCP with MSG_DONTWAIT count; COUNTED is a file to which each of
   them adds its size. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    static ssize_t (*original)(int, const void *, size_t, int);
    static unsigned calls;
    const char *faults = getenv("FAULTS"), *counted = getenv("COUNTED");
    if (!original)
        original = (ssize_t(*)(int, const void *, size_t, int))dlsym(RTLD_NEXT, "send");
    if (!(flags & MSG_DONTWAIT))
        return original(fd, data, size, flags);
    if (counted) {
        char line[32];
        int file = open(counted, O_WRONLY | O_APPEND | O_CREAT, 0600);
        if (write(file, line, (size_t)snprintf(line, sizeof line, "%zu\n", size)) < 0)
            abort();
        close(file);
    }
    switch (faults && *faults ? faults[__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED) % strlen(faults)] : 'n') {
    case 'i':
        return errno = EINTR, -1;
    case 'a':
        return errno = EAGAIN, -1;
    case 'p':
        return errno = EPIPE, -1;
    case 'r':
        return errno = ECONNRESET, -1;
    case '1':
        return original(fd, data, size ? 1 : 0, flags);
    case 'h':
        return original(fd, data, (size + 1) / 2, flags);
    default:
        return original(fd, data, size, flags);
    }
}
