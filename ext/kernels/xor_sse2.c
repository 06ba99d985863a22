/* XOR with a 4-byte key, 16 bytes a vector.  The tail is loaded before anything is stored and
 * stored last, so it may overlap the whole vectors, in place too. */
#include "target.h"

#ifdef WSF_X86_64
#include <emmintrin.h>

#include "variants.h"
#include "xor_small.h"

#define LOAD(p) _mm_loadu_si128((const __m128i *)(const void *)(p))
#define STORE(p, v) _mm_storeu_si128((__m128i *)(void *)(p), v)

WSF_INLINE uint8_t run(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    const uint32_t k = wsf_load32(key);
    if (n < 16) {
        return wsf_high_bit(wsf_xor_below_16(dst, src, n, k));
    }
    const __m128i kv = _mm_set1_epi32((int)k);
    const __m128i tail = _mm_xor_si128(LOAD(src + n - 16), _mm_set1_epi32((int)wsf_key_at(k, n)));
    __m128i seen = tail;
    size_t i = 0;
    for (; n - i > 64; i += 64) {
        const __m128i a = _mm_xor_si128(LOAD(src + i), kv);
        const __m128i b = _mm_xor_si128(LOAD(src + i + 16), kv);
        const __m128i c = _mm_xor_si128(LOAD(src + i + 32), kv);
        const __m128i d = _mm_xor_si128(LOAD(src + i + 48), kv);
        STORE(dst + i, a);
        STORE(dst + i + 16, b);
        STORE(dst + i + 32, c);
        STORE(dst + i + 48, d);
        seen = _mm_or_si128(seen, _mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d)));
    }
    for (; n - i > 16; i += 16) {
        const __m128i a = _mm_xor_si128(LOAD(src + i), kv);
        STORE(dst + i, a);
        seen = _mm_or_si128(seen, a);
    }
    STORE(dst + n - 16, tail);
    return _mm_movemask_epi8(seen) ? 0x80 : 0;
}

void wsf_xor_sse2(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    (void)run(dst, src, n, key);
}

uint8_t wsf_xor_or_sse2(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    return run(dst, src, n, key);
}
#endif
