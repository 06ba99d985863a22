/* The coalescer without Python: threads that play event loops, sockets that are full, and forks.

   Each loop writes numbered bytes to its sockets: some at once, some pending, some flushed, and sometimes it
   sleeps so long that only the flusher can send them.  A reader sees that each stream arrives whole, once and
   in order, and how late.  Built with -fsanitize=thread, and run with a number of rounds. */
#define _GNU_SOURCE
#include "coalescer.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>

#define LOOPS 3
#define SOCKETS 4
#define CHECK(condition) \
    do \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
    while (0)

typedef struct {
    int ours, theirs;
    uint8_t next;    /* to be written */
    uint64_t total;  /* written */
    atomic_int ends; /* the reader is to stop at the end of the stream */
    uint8_t *left;   /* what the socket did not take: a transport has such a buffer */
    size_t left_size;
    wsf_pending *pending;
} end_t;

typedef struct {
    unsigned seed;
    int rounds;
    end_t ends[SOCKETS];
} loop_t;

static unsigned roll(unsigned *seed, unsigned sides) { return (unsigned)rand_r(seed) % sides; }

static void nap(unsigned us)
{
    struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    nanosleep(&time, NULL);
}

/* A transport: it sends what is left before anything else. */
static void drain(end_t *end, int wait)
{
    while (end->left_size) {
        ptrdiff_t sent = wsf_send(end->ours, end->left, end->left_size);
        if (sent > 0) {
            end->left_size -= (size_t)sent;
            memmove(end->left, end->left + sent, end->left_size);
        } else if (!wait) {
            return;
        } else {
            nap(200);
        }
    }
}

static void keep(end_t *end, const uint8_t *data, size_t size)
{
    end->left = realloc(end->left, end->left_size + size);
    CHECK(end->left);
    memcpy(end->left + end->left_size, data, size);
    end->left_size += size;
}

static void flush(end_t *end)
{
    size_t left = wsf_pending_flush(end->pending, end->left_size == 0);
    if (left) {
        keep(end, end->pending->data + end->pending->start, left);
        wsf_pending_clear(end->pending);
    }
}

static size_t numbered(end_t *end, uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = end->next++;
    end->total += size;
    return size;
}

static void *read_all(void *argument)
{
    end_t *end = argument;
    unsigned seed = (unsigned)end->theirs;
    uint8_t data[4096], next = 0;
    uint64_t total = 0;
    ptrdiff_t size;
    while ((size = read(end->theirs, data, 1 + roll(&seed, sizeof data))) > 0) {
        for (ptrdiff_t i = 0; i < size; i++)
            CHECK(data[i] == next++);
        total += (uint64_t)size;
        if (roll(&seed, 50) == 0)
            nap(roll(&seed, 4000)); /* the socket fills */
    }
    CHECK(size == 0 && total == end->total);
    return NULL;
}

static void *run_loop(void *argument)
{
    loop_t *loop = argument;
    wsf_group *group = wsf_group_new();
    pthread_t readers[SOCKETS];
    uint8_t data[3000];
    for (int i = 0; i < SOCKETS; i++) {
        end_t *end = &loop->ends[i];
        int pair[2], room = 4096;
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        end->ours = pair[0], end->theirs = pair[1];
        end->pending = wsf_pending_new(group);
        wsf_pending_use(end->pending, end->ours);
        CHECK(pthread_create(&readers[i], NULL, read_all, end) == 0);
    }
    wsf_group_free(group); /* those that are pending share it */
    for (int round = 0; round < loop->rounds; round++) {
        for (unsigned n = roll(&loop->seed, 8); n--;) {
            end_t *end = &loop->ends[roll(&loop->seed, SOCKETS)];
            size_t size = numbered(end, data, 1 + roll(&loop->seed, sizeof data));
            drain(end, 0);
            if (end->left_size) {
                flush(end);
                keep(end, data, size);
            } else if (wsf_pending_append(end->pending, data, size, 1) == 0) {
                flush(end); /* no flusher: a fork is under way */
            }
        }
        if (roll(&loop->seed, 20) == 0)
            nap(roll(&loop->seed, 5000)); /* code that blocks */
        for (int i = 0; i < SOCKETS; i++)
            if (roll(&loop->seed, 4))
                flush(&loop->ends[i]);
        if (roll(&loop->seed, 100) == 0) { /* the connection is replaced, with what is pending */
            end_t *end = &loop->ends[roll(&loop->seed, SOCKETS)];
            flush(end);
            wsf_pending *other = wsf_pending_new(end->pending->group);
            wsf_pending_use(end->pending, -1);
            wsf_pending_free(end->pending);
            wsf_pending_use(end->pending = other, end->ours);
        }
        if (roll(&loop->seed, 400) == 0)
            nap(30000); /* so long that the flusher sleeps */
    }
    for (int i = 0; i < SOCKETS; i++) {
        end_t *end = &loop->ends[i];
        flush(end);
        drain(end, 1);
        shutdown(end->ours, SHUT_WR);
        pthread_join(readers[i], NULL);
        wsf_pending_use(end->pending, -1);
        close(end->ours), close(end->theirs);
        wsf_pending_free(end->pending);
        free(end->left);
    }
    return NULL;
}

static int readable(int fd, int ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, ms) == 1;
}

/* A child has nothing pending, no thread, and can start anew. */
static void check_forks(void)
{
    int pair[2], status;
    uint8_t data[10];
    wsf_group *group = wsf_group_new();
    wsf_pending *pending = wsf_pending_new(group);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    wsf_pending_use(pending, pair[0]);
    CHECK(wsf_pending_append(pending, "a", 1, 1) == 1);
    pid_t child = fork(); /* what is pending leaves before, once */
    if (child == 0) {
        CHECK(!wsf_flusher.running);
        CHECK(wsf_pending_flush(pending, 1) == 0);
        if (wsf_pending_append(pending, "b", 1, 1) != 1) /* left to the thread of the child */
            _exit(2);
        nap(200000);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(readable(pair[1], 0) && read(pair[1], data, 10) == 2 && data[0] == 'a' && data[1] == 'b');
    wsf_flusher_stop();
    CHECK(!wsf_flusher.running && wsf_pending_append(pending, "c", 1, 1) == 0);
    CHECK(wsf_pending_flush(pending, 1) == 0);
    wsf_flusher_allow();
    CHECK(wsf_flusher.running);
    CHECK(wsf_pending_append(pending, "d", 1, 1) == 1 && readable(pair[1], 5000));
    wsf_pending_free(pending);
    wsf_group_free(group);
    close(pair[0]), close(pair[1]);
}

/* A descriptor that now is another socket, or none, gets nothing; a broken one keeps what it was given. */
static void check_descriptors(void)
{
    int pair[2], other[2];
    wsf_group *group = wsf_group_new();
    wsf_pending *pending = wsf_pending_new(group);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, other) == 0);
    wsf_pending_use(pending, pair[0]);
    CHECK(wsf_pending_append(pending, "a", 1, 1) == 1);
    CHECK(dup2(other[0], pair[0]) == pair[0]);
    CHECK(!readable(other[1], 50) && wsf_pending_flush(pending, 0) == 1);
    wsf_pending_clear(pending);
    wsf_pending_use(pending, other[0]);
    close(other[1]), close(pair[1]);
    CHECK(wsf_pending_append(pending, "a", 1, 1) == 1); /* EPIPE, and no SIGPIPE */
    nap(20000);
    CHECK(wsf_pending_append(pending, "b", 1, 1) == 2);
    nap(20000);
    CHECK(wsf_pending_flush(pending, 1) == 2 && memcmp(pending->data + pending->start, "ab", 2) == 0);
    wsf_pending_clear(pending);
    wsf_pending_use(pending, -1);
    CHECK(wsf_pending_append(pending, "a", 1, 1) == 0 && wsf_pending_append(pending, "b", 1, 0) == 2);
    wsf_pending_free(pending);
    wsf_group_free(group);
    close(pair[0]), close(other[0]);
}

int main(int count, char **words)
{
    pthread_t threads[LOOPS];
    static loop_t loops[LOOPS];
    check_forks();
    check_descriptors();
    for (int i = 0; i < LOOPS; i++) {
        loops[i].seed = (unsigned)i + 1;
        loops[i].rounds = count > 1 ? atoi(words[1]) : 2000;
        CHECK(pthread_create(&threads[i], NULL, run_loop, &loops[i]) == 0);
    }
    for (int i = 0; i < 10; i++) { /* amid the traffic, as os.fork() does it */
        int status;
        nap(20000);
        wsf_flusher_stop();
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        wsf_flusher_allow();
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    for (int i = 0; i < LOOPS; i++)
        pthread_join(threads[i], NULL);
    wsf_flusher_stop();
    CHECK(!wsf_flusher.groups);
    puts("ok");
    return 0;
}
