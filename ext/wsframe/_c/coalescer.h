/* The bytes that connections have pending, and the thread that sends them when the event loop cannot.

   A `wsf_pending` holds what was written to one socket and not yet sent; those of one event loop share a
   `wsf_group`, whose lock guards them all.  The loop's thread appends and flushes.  What it has not flushed
   after WSF_AGE to WSF_TICK + WSF_AGE (its code blocks) is sent by the flusher: a thread of the process that never
   touches a Python object, blocks all signals, and sleeps on a condition variable while nothing is pending.

   1. The flusher touches a `wsf_pending` only while it is listed, and lists are read and changed only under
      the lock of their group: freeing or detaching one under the lock takes it away from the flusher.
   2. The flusher never waits for a socket.  What a full or broken one does not take stays, is unlisted, and
      is left to the loop's thread, which gives it to the transport: that gets the same error and reports it.
   3. A descriptor is used only while it is the same socket (`fstat`): the system uses numbers again.
   4. Before a fork everything is sent as far as possible; a child starts with nothing pending and no thread.
   5. Locks are taken in the order flusher, group. */
#ifndef WSF_COALESCER_H
#define WSF_COALESCER_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "socket.h"

#define WSF_TICK 2000000 /* ns between two checks, each about 20 us of CPU, most for switching threads */
#define WSF_AGE 500000   /* ns: younger bytes are left to the loop */
#define WSF_LINGER 10    /* checks without work before the flusher sleeps */
#define WSF_STACK 262144 /* bytes */
#define WSF_SMALL 1024   /* bytes: the first size of a buffer */

typedef struct wsf_group wsf_group;
typedef struct wsf_pending wsf_pending;

struct wsf_pending {
    wsf_group *group;
    wsf_pending *next, *previous; /* in the list of the group */
    uint8_t *data;
    size_t start, end, room; /* data[start:end] is pending */
    uint64_t device, inode;  /* of the socket */
    uint64_t since;          /* ns: when it was listed */
    int fd;                  /* -1: bytes are only kept */
    int listed;
};

#ifdef _WIN32

struct wsf_group {
    int uses;
    uint8_t *spare;
    size_t spare_room;
};

static inline void wsf_lock(wsf_group *group) { (void)group; }
static inline void wsf_unlock(wsf_group *group) { (void)group; }
static inline wsf_group *wsf_group_new(void) { return calloc(1, sizeof(wsf_group)); }
static inline wsf_group *wsf_group_share(wsf_group *group) { return group->uses++, group; }
static inline void wsf_group_free(wsf_group *group)
{
    if (!group->uses--)
        free(group->spare), free(group);
}
static inline void wsf_unlist(wsf_pending *pending) { (void)pending; }
static inline int wsf_list(wsf_pending *pending) { return (void)pending, 0; }
static inline void wsf_set_socket(wsf_pending *pending, int fd) { (void)fd, pending->fd = -1; }
static inline void wsf_flusher_start(void) {}
static inline void wsf_flusher_stop(void) {}
static inline void wsf_flusher_allow(void) {}

#else

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

struct wsf_group {
    pthread_mutex_t lock;
    wsf_pending *first;            /* listed */
    wsf_group *next, *previous;    /* of the process */
    atomic_int uses;
    unsigned changes; /* how often something was listed */
    unsigned seen;    /* by the flusher */
    uint8_t *spare;   /* a buffer that nobody uses now */
    size_t spare_room;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work;
    wsf_group *groups;
    pthread_t thread;
    long id; /* of the thread, for the system */
    int running, stop, forbidden, again, hooked;
    atomic_int ready; /* the thread runs and checks, so it need not be notified */
} wsf_flusher = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER};

static inline void wsf_lock(wsf_group *group) { pthread_mutex_lock(&group->lock); }
static inline void wsf_unlock(wsf_group *group) { pthread_mutex_unlock(&group->lock); }

static inline void wsf_unlist(wsf_pending *pending)
{
    if (!pending->listed)
        return;
    pending->listed = 0;
    if (pending->previous)
        pending->previous->next = pending->next;
    else
        pending->group->first = pending->next;
    if (pending->next)
        pending->next->previous = pending->previous;
}

static inline int wsf_is_same_socket(const wsf_pending *pending)
{
    struct stat now;
    return fstat(pending->fd, &now) == 0 && S_ISSOCK(now.st_mode) && (uint64_t)now.st_dev == pending->device &&
           (uint64_t)now.st_ino == pending->inode;
}

/* Send what is pending, under the lock, and unlist it: what the socket did not take is for the loop. */
static void wsf_send_listed(wsf_pending *pending)
{
    ptrdiff_t sent = -1;
    if (wsf_is_same_socket(pending))
        sent = wsf_send(pending->fd, pending->data + pending->start, pending->end - pending->start);
    if (sent > 0)
        pending->start += (size_t)sent;
    wsf_unlist(pending);
}

static inline uint64_t wsf_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Send what has been pending for so many ns; tell whether there was any work. */
static int wsf_send_late(uint64_t age)
{
    const uint64_t now = wsf_now();
    int busy = 0;
    for (wsf_group *group = wsf_flusher.groups; group; group = group->next) {
        wsf_lock(group);
        for (wsf_pending *one = group->first, *next; one; one = next) {
            next = one->next;
            if (age == 0 || (int64_t)(now - one->since) >= (int64_t)age)
                wsf_send_listed(one);
        }
        busy |= group->first != NULL || group->seen != group->changes;
        group->seen = group->changes;
        wsf_unlock(group);
    }
    return busy;
}

static void *wsf_flusher_run(void *unused)
{
    struct timespec pause = {0};
    int idle = WSF_LINGER + 1;
    (void)unused;
    pthread_mutex_lock(&wsf_flusher.lock);
#ifdef __linux__
    prctl(PR_SET_NAME, "wsframe-flusher", 0, 0, 0);
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0); /* ns; by default it is 50 us late */
    wsf_flusher.id = syscall(SYS_gettid);
#endif
    /* It may have been notified before it ran. */
    if (atomic_load(&wsf_flusher.ready))
        idle = 0;
    while (!wsf_flusher.stop) {
        pause.tv_nsec = WSF_TICK;
        if (idle > WSF_LINGER) {
            /* From here on, listing something notifies the flusher; what was listed before is found by this
               check of all groups.  The locks of the groups order both. */
            atomic_store(&wsf_flusher.ready, 0);
            if (!wsf_send_late(WSF_AGE))
                while (!wsf_flusher.stop && !atomic_load(&wsf_flusher.ready))
                    pthread_cond_wait(&wsf_flusher.work, &wsf_flusher.lock);
            atomic_store(&wsf_flusher.ready, 1);
            pause.tv_nsec = WSF_TICK / 2; /* the switch of threads took time */
        }
        pthread_mutex_unlock(&wsf_flusher.lock);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&wsf_flusher.lock);
        idle = wsf_send_late(WSF_AGE) ? 0 : idle + 1;
    }
    atomic_store(&wsf_flusher.ready, 0);
    pthread_mutex_unlock(&wsf_flusher.lock);
    return NULL;
}

static void wsf_before_fork(void)
{
    pthread_mutex_lock(&wsf_flusher.lock);
    wsf_send_late(0);
    for (wsf_group *group = wsf_flusher.groups; group; group = group->next)
        wsf_lock(group);
}

static void wsf_after_fork_in_parent(void)
{
    for (wsf_group *group = wsf_flusher.groups; group; group = group->next)
        wsf_unlock(group);
    pthread_mutex_unlock(&wsf_flusher.lock);
}

static void wsf_after_fork_in_child(void)
{
    for (wsf_group *group = wsf_flusher.groups; group; group = group->next) {
        while (group->first)
            wsf_unlist(group->first);
        pthread_mutex_init(&group->lock, NULL);
    }
    pthread_mutex_init(&wsf_flusher.lock, NULL);
    pthread_cond_init(&wsf_flusher.work, NULL);
    wsf_flusher.running = wsf_flusher.stop = wsf_flusher.forbidden = wsf_flusher.again = 0;
    atomic_store(&wsf_flusher.ready, 0);
}

/* Start the flusher, under its lock, if it does not run; nonzero when it cannot. */
static int wsf_flusher_run_locked(void)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int failed = 0;
    if (wsf_flusher.running)
        return 0;
    if (wsf_flusher.forbidden)
        return 1;
    if (!wsf_flusher.hooked)
        failed = pthread_atfork(wsf_before_fork, wsf_after_fork_in_parent, wsf_after_fork_in_child);
    wsf_flusher.hooked |= !failed;
    if (failed || pthread_attr_init(&attributes))
        return 1;
    pthread_attr_setstacksize(&attributes, WSF_STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread inherits it */
    failed = pthread_create(&wsf_flusher.thread, &attributes, wsf_flusher_run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    wsf_flusher.running = !failed;
    return failed;
}

/* Start the flusher early: a thread that was just made is late when the machine is busy. */
static inline void wsf_flusher_start(void)
{
    pthread_mutex_lock(&wsf_flusher.lock);
    wsf_flusher_run_locked();
    pthread_mutex_unlock(&wsf_flusher.lock);
}

/* Notify the flusher; nonzero when it does not run. */
static int wsf_flusher_notify(void)
{
    int failed;
    pthread_mutex_lock(&wsf_flusher.lock);
    failed = wsf_flusher_run_locked();
    atomic_store(&wsf_flusher.ready, !failed);
    pthread_cond_signal(&wsf_flusher.work);
    pthread_mutex_unlock(&wsf_flusher.lock);
    return failed;
}

/* End the thread, and have it not start again until wsf_flusher_allow(): os.fork() warns of threads. */
static inline void wsf_flusher_stop(void)
{
    pthread_mutex_lock(&wsf_flusher.lock);
    wsf_flusher.forbidden = wsf_flusher.stop = 1;
    int running = wsf_flusher.running;
    pthread_cond_signal(&wsf_flusher.work);
    pthread_mutex_unlock(&wsf_flusher.lock);
    if (!running)
        return;
    pthread_join(wsf_flusher.thread, NULL);
#ifdef __linux__
    /* The system counts a thread a moment longer than pthread_join() does. */
    for (int i = 0; i < 1000 && syscall(SYS_tgkill, getpid(), wsf_flusher.id, 0) == 0; i++)
        sched_yield();
#endif
    pthread_mutex_lock(&wsf_flusher.lock);
    wsf_flusher.running = wsf_flusher.stop = 0;
    wsf_flusher.again = 1;
    pthread_mutex_unlock(&wsf_flusher.lock);
}

static inline void wsf_flusher_allow(void)
{
    pthread_mutex_lock(&wsf_flusher.lock);
    wsf_flusher.forbidden = wsf_flusher.stop = 0;
    if (wsf_flusher.again)
        wsf_flusher_run_locked();
    wsf_flusher.again = 0;
    pthread_mutex_unlock(&wsf_flusher.lock);
}

static inline wsf_group *wsf_group_new(void)
{
    wsf_group *group = calloc(1, sizeof(wsf_group));
    if (!group)
        return NULL;
    pthread_mutex_init(&group->lock, NULL);
    atomic_init(&group->uses, 1);
    pthread_mutex_lock(&wsf_flusher.lock);
    group->next = wsf_flusher.groups;
    if (group->next)
        group->next->previous = group;
    wsf_flusher.groups = group;
    pthread_mutex_unlock(&wsf_flusher.lock);
    return group;
}

static inline wsf_group *wsf_group_share(wsf_group *group)
{
    atomic_fetch_add(&group->uses, 1);
    return group;
}

static inline void wsf_group_free(wsf_group *group)
{
    if (atomic_fetch_sub(&group->uses, 1) > 1)
        return;
    pthread_mutex_lock(&wsf_flusher.lock);
    if (group->previous)
        group->previous->next = group->next;
    else
        wsf_flusher.groups = group->next;
    if (group->next)
        group->next->previous = group->previous;
    pthread_mutex_unlock(&wsf_flusher.lock);
    pthread_mutex_destroy(&group->lock);
    free(group->spare);
    free(group);
}

/* List it for the flusher, under the lock; nonzero when the flusher must be notified. */
static inline int wsf_list(wsf_pending *pending)
{
    wsf_group *group = pending->group;
    if (pending->listed)
        return 0;
    pending->since = wsf_now();
    pending->previous = NULL;
    pending->next = group->first;
    if (pending->next)
        pending->next->previous = pending;
    group->first = pending;
    group->changes++;
    pending->listed = 1;
    return !atomic_load(&wsf_flusher.ready);
}

static inline void wsf_set_socket(wsf_pending *pending, int fd)
{
    struct stat now;
    pending->fd = -1;
    if (fd >= 0 && fstat(fd, &now) == 0 && S_ISSOCK(now.st_mode)) {
        pending->fd = fd;
        pending->device = (uint64_t)now.st_dev;
        pending->inode = (uint64_t)now.st_ino;
    }
}

#endif

static inline wsf_pending *wsf_pending_new(wsf_group *group)
{
    wsf_pending *pending = calloc(1, sizeof(wsf_pending));
    if (pending) {
        pending->group = wsf_group_share(group);
        pending->fd = -1;
    }
    return pending;
}

static inline void wsf_pending_free(wsf_pending *pending)
{
    wsf_group *group = pending->group;
    wsf_lock(group);
    wsf_unlist(pending);
    wsf_unlock(group);
    wsf_group_free(group);
    free(pending->data);
    free(pending);
}

/* Set the socket that the flusher may send to; -1 for none. */
static inline void wsf_pending_use(wsf_pending *pending, int fd)
{
    wsf_lock(pending->group);
    wsf_unlist(pending);
    wsf_set_socket(pending, fd);
    wsf_unlock(pending->group);
}

static inline int wsf_make_room(wsf_pending *pending, size_t size)
{
    size_t used = pending->end - pending->start, room = pending->room ? pending->room : WSF_SMALL;
    if (!pending->data && pending->group->spare) {
        pending->data = pending->group->spare;
        room = pending->room = pending->group->spare_room;
        pending->group->spare = NULL;
    }
    if (!used)
        pending->start = pending->end = 0;
    if (pending->room - pending->end >= size)
        return 0;
    if (pending->start) {
        memmove(pending->data, pending->data + pending->start, used);
        pending->start = 0;
        pending->end = used;
    }
    while (room - used < size)
        room *= 2;
    if (room > pending->room) {
        uint8_t *data = realloc(pending->data, room);
        if (!data)
            return -1;
        pending->data = data;
        pending->room = room;
    }
    return 0;
}

/* Discard what is pending, under the lock: an idle connection keeps no buffer. */
static inline void wsf_drop(wsf_pending *pending)
{
    pending->start = pending->end = 0;
    if (pending->group->spare) {
        free(pending->data);
    } else {
        pending->group->spare = pending->data;
        pending->group->spare_room = pending->room;
    }
    pending->data = NULL;
    pending->room = 0;
}

/* Append bytes, for the flusher to send in time if `watched`.  Returns how many are pending now, -1 when there
   is no memory for them, and 0 when they are pending but no flusher will run. */
static inline ptrdiff_t wsf_pending_append(wsf_pending *pending, const void *bytes, size_t size, int watched)
{
    ptrdiff_t result = -1;
    int notify = 0;
    wsf_lock(pending->group);
    if (!size || wsf_make_room(pending, size) == 0) {
        if (size) /* else there may be no buffer */
            memcpy(pending->data + pending->end, bytes, size);
        pending->end += size;
        result = (ptrdiff_t)(pending->end - pending->start);
        if (watched && pending->fd < 0)
            result = 0;
        else if (watched)
            notify = wsf_list(pending);
    }
    wsf_unlock(pending->group);
#ifndef _WIN32
    if (notify && wsf_flusher_notify())
        result = 0;
#endif
    return result;
}

/* Take what is pending away from the flusher, and send it here if `now`; 2 where the transport may
   have closed its socket without notice.  Returns how many bytes are left, at
   `pending->data + pending->start`, until wsf_pending_clear(). */
static inline size_t wsf_pending_flush(wsf_pending *pending, int now)
{
    ptrdiff_t sent;
    size_t left;
    wsf_lock(pending->group);
    wsf_unlist(pending);
#ifndef _WIN32
    if (now == 2 && !wsf_is_same_socket(pending))
        now = 0;
#endif
    if (now && pending->fd >= 0 && pending->end > pending->start) {
        sent = wsf_send(pending->fd, pending->data + pending->start, pending->end - pending->start);
        if (sent > 0)
            pending->start += (size_t)sent;
    }
    left = pending->end - pending->start;
    if (!left)
        wsf_drop(pending);
    wsf_unlock(pending->group);
    return left;
}

/* Discard what is pending. */
static inline void wsf_pending_clear(wsf_pending *pending)
{
    wsf_lock(pending->group);
    wsf_unlist(pending);
    wsf_drop(pending);
    wsf_unlock(pending->group);
}

#endif
