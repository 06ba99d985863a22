/* What differs between machines and compilers, and words through memcpy. */
#ifndef WSF_TARGET_H
#define WSF_TARGET_H

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) || (defined(_M_X64) && !defined(_M_ARM64EC))
#define WSF_X86_64 1
/* Not with GCC for Windows, which may put a vector of 32 bytes on the stack unaligned (its bug
 * 54412), nor with clang-cl, whose <immintrin.h> hides what the whole file is not compiled for. */
#if !(defined(_WIN32) && defined(__GNUC__) && !defined(__clang__)) && \
    !(defined(_MSC_VER) && defined(__clang__))
#define WSF_AVX 1
#endif
#elif defined(__AARCH64EL__) || (defined(_M_ARM64) && !defined(_M_ARM64EC))
#define WSF_ARM64 1
#endif

#if defined(__GNUC__) || defined(__clang__)
#define WSF_TARGET(isa) __attribute__((target(isa)))
#define WSF_INLINE static inline __attribute__((always_inline, unused))
#define WSF_NOINLINE __attribute__((noinline))
#define WSF_UNROLL4 _Pragma("GCC unroll 4")
#define WSF_OPAQUE(pointer) __asm__("" : "+r"(pointer))
#else
#define WSF_TARGET(isa)
#define WSF_INLINE static __forceinline
#define WSF_NOINLINE __declspec(noinline)
#define WSF_UNROLL4
#define WSF_OPAQUE(pointer) ((void)0)
#endif

WSF_INLINE uint32_t wsf_load32(const uint8_t *p)
{
    uint32_t w;
    memcpy(&w, p, 4);
    return w;
}

WSF_INLINE uint64_t wsf_load64(const uint8_t *p)
{
    uint64_t w;
    memcpy(&w, p, 8);
    return w;
}

WSF_INLINE void wsf_store32(uint8_t *p, uint32_t w) { memcpy(p, &w, 4); }
WSF_INLINE void wsf_store64(uint8_t *p, uint64_t w) { memcpy(p, &w, 8); }

#endif
