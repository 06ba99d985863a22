/* XOR with a 4-byte key, 32 bytes a vector.  Vectors may overlap: what overlaps is loaded before
 * anything is stored, so that dst == src stays right.  Long ranges are written from 32-byte
 * boundaries on. */
#include "target.h"

#ifdef WSF_AVX
#include <immintrin.h>

#include "variants.h"
#include "xor_small.h"

#define AVX2 WSF_TARGET("avx2")
#define KEY(at) _mm256_set1_epi32((int)wsf_key_at(k, at))
#define XOR(at, key) _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)(src + (at))), key)
#define STORE(at, v) _mm256_storeu_si256((__m256i *)(void *)(dst + (at)), v)
#define OR4(a, b, c, d) _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d))

AVX2 WSF_INLINE uint8_t below_32(uint8_t *dst, const uint8_t *src, size_t n, uint32_t k)
{
    if (n < 16) {
        return wsf_high_bit(wsf_xor_below_16(dst, src, n, k));
    }
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)src);
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(src + n - 16));
    a = _mm_xor_si128(a, _mm_set1_epi32((int)k));
    b = _mm_xor_si128(b, _mm_set1_epi32((int)wsf_key_at(k, n)));
    _mm_storeu_si128((__m128i *)(void *)dst, a);
    _mm_storeu_si128((__m128i *)(void *)(dst + n - 16), b);
    return _mm_movemask_epi8(_mm_or_si128(a, b)) ? 0x80 : 0;
}

AVX2 WSF_INLINE uint8_t run(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    const uint32_t k = wsf_load32(key);
    if (n < 32) {
        return below_32(dst, src, n, k);
    }
    const __m256i k0 = KEY(0), kn = KEY(n);
    const __m256i first = XOR(0, k0), last = XOR(n - 32, kn);
    __m256i seen = _mm256_or_si256(first, last);
    if (n > 128) {
        size_t i = 32 - ((uintptr_t)dst & 31);
        const __m256i ki = KEY(i);
        for (; n - i > 128; i += 128) {
            const __m256i a = XOR(i, ki), b = XOR(i + 32, ki), c = XOR(i + 64, ki), d = XOR(i + 96, ki);
            STORE(i, a);
            STORE(i + 32, b);
            STORE(i + 64, c);
            STORE(i + 96, d);
            seen = _mm256_or_si256(seen, OR4(a, b, c, d));
        }
        for (; n - i > 32; i += 32) {
            const __m256i a = XOR(i, ki);
            STORE(i, a);
            seen = _mm256_or_si256(seen, a);
        }
    } else if (n > 64) {
        const __m256i a = XOR(32, k0), b = XOR(n - 64, kn);
        STORE(32, a);
        STORE(n - 64, b);
        seen = _mm256_or_si256(seen, _mm256_or_si256(a, b));
    }
    STORE(0, first);
    STORE(n - 32, last);
    return _mm256_movemask_epi8(seen) ? 0x80 : 0;
}

AVX2 void wsf_xor_avx2(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    (void)run(dst, src, n, key);
}

AVX2 uint8_t wsf_xor_or_avx2(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    return run(dst, src, n, key);
}
#endif
