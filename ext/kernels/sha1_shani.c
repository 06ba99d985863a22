/* SHA-1 with the SHA extensions of x86: four rounds an instruction. */
#include "target.h"

#ifdef WSF_AVX
#include <immintrin.h>

#include "sha1_pad.h"
#include "variants.h"

#define SHANI WSF_TARGET("sha,sse4.1,ssse3")
#define LOAD(p) _mm_loadu_si128((const __m128i *)(const void *)(p))

/* Four rounds with the words m0, which hold w[t..t+3]; m0 then becomes w[t+16..t+19].  `e` carries
 * a of four rounds ago, which the next rounds take as their e. */
#define ROUNDS(f, m0)                             \
    do {                                          \
        const __m128i sum = _mm_sha1nexte_epu32(e, m0); \
        e = abcd;                                 \
        abcd = _mm_sha1rnds4_epu32(abcd, sum, f); \
    } while (0)
#define SCHEDULE(m0, m1, m2, m3) \
    (m0 = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(m0, m1), m2), m3))

#define SIXTEEN(f0, f1, f2, f3)    \
    do {                           \
        SCHEDULE(m0, m1, m2, m3);  \
        ROUNDS(f0, m0);            \
        SCHEDULE(m1, m2, m3, m0);  \
        ROUNDS(f1, m1);            \
        SCHEDULE(m2, m3, m0, m1);  \
        ROUNDS(f2, m2);            \
        SCHEDULE(m3, m0, m1, m2);  \
        ROUNDS(f3, m3);            \
    } while (0)

SHANI static void absorb(uint32_t state[5], const uint8_t *data, size_t blocks)
{
    const __m128i bytes = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    __m128i abcd = _mm_shuffle_epi32(LOAD(state), 0x1B);
    /* sha1nexte rotates its first operand by 30; the first round wants e as it is. */
    __m128i e0 = _mm_set_epi32((int)state[4], 0, 0, 0);
    for (; blocks; blocks--, data += 64) {
        __m128i m0 = _mm_shuffle_epi8(LOAD(data), bytes);
        __m128i m1 = _mm_shuffle_epi8(LOAD(data + 16), bytes);
        __m128i m2 = _mm_shuffle_epi8(LOAD(data + 32), bytes);
        __m128i m3 = _mm_shuffle_epi8(LOAD(data + 48), bytes);
        const __m128i abcd_before = abcd;
        __m128i e = abcd;
        abcd = _mm_sha1rnds4_epu32(abcd, _mm_add_epi32(e0, m0), 0);
        ROUNDS(0, m1);
        ROUNDS(0, m2);
        ROUNDS(0, m3);
        SIXTEEN(0, 1, 1, 1);
        SIXTEEN(1, 1, 2, 2);
        SIXTEEN(2, 2, 2, 3);
        SIXTEEN(3, 3, 3, 3);
        e0 = _mm_sha1nexte_epu32(e, e0);
        abcd = _mm_add_epi32(abcd, abcd_before);
    }
    _mm_storeu_si128((__m128i *)(void *)state, _mm_shuffle_epi32(abcd, 0x1B));
    state[4] = (uint32_t)_mm_extract_epi32(e0, 3);
}

SHANI void wsf_sha1_shani(uint8_t digest[20], const uint8_t *data, size_t n)
{
    wsf_sha1_with(absorb, digest, data, n);
}
#endif
