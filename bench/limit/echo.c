/* The limit: a WebSocket echo server in one process on epoll, as little as RFC 6455 allows and no checks.
 *
 * It reads once for an event, unmasks the whole frames, writes them back in one call, and keeps the rest.
 * A frame is echoed in place: its reply is shorter than it by the masking key. */
#define _GNU_SOURCE
#include "kernels.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 1 << 18, EVENTS = 256, FIN = 0x80, CLOSE = 8, PING = 9, PONG = 10, KEY = 24 };

typedef struct {
    int fd, open;
    size_t held;
    uint8_t data[ROOM + 1];
} connection;

static wsf_kernel kernel;

static int write_all(int fd, const uint8_t *data, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return 0;
        data += sent;
        n -= (size_t)sent;
    }
    return 1;
}

/* RFC 6455, section 4.2.2. */
static int handshake(connection *c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char name[] = "Sec-WebSocket-Key: ", guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[KEY + sizeof guid - 1], digest[21] = {0};
    char accept[29], reply[256];
    c->data[c->held] = 0;
    if (!strstr((char *)c->data, "\r\n\r\n"))
        return 1;
    char *key = strcasestr((char *)c->data, name);
    if (!key)
        return 0;
    memcpy(text, key + sizeof name - 1, KEY);
    memcpy(text + KEY, guid, sizeof guid - 1);
    kernel.sha1(digest, text, sizeof text);
    for (int i = 0, o = 0; i < 21; i += 3, o += 4) {
        unsigned bits = (unsigned)digest[i] << 16 | (unsigned)digest[i + 1] << 8 | digest[i + 2];
        for (int k = 0; k < 4; k++)
            accept[o + k] = digits[bits >> (18 - 6 * k) & 63];
    }
    memcpy(accept + 27, "=", 2);
    int n = sprintf(reply, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
    c->held = 0;
    c->open = 1;
    return write_all(c->fd, (uint8_t *)reply, (size_t)n);
}

/* RFC 6455, section 5.2. */
static int echo(connection *c)
{
    uint8_t *at = c->data, *end = c->data + c->held, *reply = c->data;
    int going_on = 1;
    while (going_on && end - at >= 2) {
        size_t length = at[1] & 127, extended = length < 126 ? 0 : length == 126 ? 2 : 8, header = 2 + extended;
        if ((size_t)(end - at) < header + 4)
            break;
        for (size_t i = 0; i < extended; i++)
            length = (i ? length << 8 : 0) | at[2 + i];
        if ((size_t)(end - at) - header - 4 < length)
            break;
        uint8_t key[4], opcode = at[0] & 15;
        memcpy(key, at + header, 4);
        reply[0] = opcode == PING ? FIN | PONG : at[0];
        reply[1] = at[1] & 127;
        memmove(reply + 2, at + 2, extended);
        kernel.xor_(at + header + 4, at + header + 4, length, key);
        memmove(reply + header, at + header + 4, length);
        reply += header + length;
        at += header + 4 + length;
        going_on = opcode != CLOSE;
    }
    if (reply != c->data && !write_all(c->fd, c->data, (size_t)(reply - c->data)))
        return 0;
    c->held = (size_t)(end - at);
    memmove(c->data, at, c->held);
    return going_on;
}

static int readable(connection *c)
{
    ssize_t n = recv(c->fd, c->data + c->held, ROOM - c->held, 0);
    if (n <= 0)
        return 0;
    c->held += (size_t)n;
    return c->open ? echo(c) : handshake(c);
}

int main(void)
{
    size_t count;
    kernel = wsf_kernels(&count)[0];
    kernel = wsf_kernels(&count)[count - 1];
    int one = 1, poll = epoll_create1(0), listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1024) ||
        getsockname(listener, (struct sockaddr *)&address, &size) || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event))
        return perror("echo"), 1;
    printf("listening on port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            connection *c = events[i].data.ptr;
            if (c && !readable(c)) {
                close(c->fd);
                free(c);
            } else if (!c && (c = calloc(1, sizeof *c))) {
                c->fd = accept(listener, NULL, NULL);
                setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event.data.ptr = c;
                epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event);
            }
        }
    }
}
