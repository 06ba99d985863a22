/* Masking keys (RFC 6455, 5.3): entropy for many keys at a time, one pool a thread, emptied in
 * a forked child.  An empty pool is filled from the system's generator. */
#ifndef WSF_KEY_POOL_H
#define WSF_KEY_POOL_H

#include <stdint.h>
#include <string.h>

#define WSF_KEY_POOL 4096

#if defined(_MSC_VER)
#define WSF_THREAD_LOCAL __declspec(thread)
#else
#define WSF_THREAD_LOCAL _Thread_local
#endif

static WSF_THREAD_LOCAL struct {
    uint32_t left;
    uint32_t generation;
    uint8_t entropy[WSF_KEY_POOL];
} wsf_pool;

/* Counts forks; a pool of another generation is the parent's. */
static uint32_t wsf_generation;

#if !defined(_WIN32)
#include <pthread.h>

static void wsf_forked(void) { wsf_generation++; }

static int wsf_watch_forks(void) { return pthread_atfork(NULL, NULL, wsf_forked); }
#else
static int wsf_watch_forks(void) { return 0; }
#endif

static inline int wsf_take_key(uint8_t key[4])
{
    if (wsf_pool.left < 4 || wsf_pool.generation != wsf_generation)
        return 0;
    wsf_pool.left -= 4;
    memcpy(key, wsf_pool.entropy + wsf_pool.left, 4);
    return 1;
}

static inline void wsf_fill_pool(const uint8_t *entropy)
{
    memcpy(wsf_pool.entropy, entropy, WSF_KEY_POOL);
    wsf_pool.generation = wsf_generation;
    wsf_pool.left = WSF_KEY_POOL;
}

#endif
