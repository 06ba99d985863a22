/* A flag that one thread at a time can raise: the GIL does it where there is one. */
#ifndef WSF_GUARD_H
#define WSF_GUARD_H

#include <Python.h>

#if !defined(Py_GIL_DISABLED)
static inline int wsf_enter(char *busy)
{
    int was = *busy;
    *busy = 1;
    return !was;
}
static inline void wsf_leave(char *busy) { *busy = 0; }
#elif defined(_MSC_VER)
#include <intrin.h>
static inline int wsf_enter(char *busy) { return !_InterlockedExchange8(busy, 1); }
static inline void wsf_leave(char *busy) { _InterlockedExchange8(busy, 0); }
#else
static inline int wsf_enter(char *busy) { return !__atomic_exchange_n(busy, 1, __ATOMIC_ACQUIRE); }
static inline void wsf_leave(char *busy) { __atomic_store_n(busy, 0, __ATOMIC_RELEASE); }
#endif

#endif
