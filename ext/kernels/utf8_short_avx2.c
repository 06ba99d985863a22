/* A short text in one go: unmasked, validated and spread over units in two vectors at most, which are
 * not written anywhere in between. */
#include "target.h"

#ifdef WSF_AVX
#include <immintrin.h>

#include "avx2_part.h"
#include "byte_rows.h"

/* Constants from memory: a short text has no loop before which instructions could make them. */
#define BYTES(b) LOAD(wsf_byte_rows[b])

#include "utf8_avx2_scan.h"
#include "utf8_avx2_units.h"
#include "variants.h"

/* src[0, n) unmasked, 0 < n <= 32, and zeros. */
AVX2 WSF_INLINE __m256i unmask_part(const uint8_t *src, size_t n, __m256i key)
{
    static const uint8_t ones[64] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                     0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                     0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    if (n == 32) {
        return _mm256_xor_si256(LOAD(src), key);
    }
    return AND(_mm256_xor_si256(wsf_load_part(src, n), key), LOAD(ones + 32 - n));
}

/* A bit for each byte that no continuation of a code point is. */
AVX2 WSF_INLINE uint32_t firsts(__m256i v)
{
    return (uint32_t)~_mm256_movemask_epi8(_mm256_cmpgt_epi8(BYTES(0xC0), v));
}

AVX2 WSF_INLINE size_t units_of(uint8_t *dst, __m256i a, __m256i b, uint32_t ends_a, uint32_t ends_b, int both,
                                int width)
{
    const size_t chars = block(dst, a, _mm256_setzero_si256(), ends_a, width);
    return both ? chars + block(dst + chars * (size_t)width, b, a, ends_b, width) : chars;
}

/* The text in a and, if there are `both`, b, which have so many bytes of it, and zeros. */
AVX2 WSF_INLINE uint32_t transcode(uint8_t *dst, size_t *chars, __m256i a, __m256i b, size_t size_a, size_t size_b,
                                   int both)
{
    const __m256i zero = _mm256_setzero_si256(), max = both ? _mm256_max_epu8(a, b) : a;
    if (!_mm256_movemask_epi8(max)) {
        STORE256(dst, a);
        STORE256(dst + 32, b);
        *chars = size_a + size_b;
        return 0x7F;
    }
    progress p = {zero, zero, zero, zero};
    step(&p, a);
    if (both) {
        step(&p, b);
    }
    p.wrong = OR(p.wrong, unfinished(p.last));
    if (!_mm256_testz_si256(p.wrong, p.wrong)) {
        return 0;
    }
    const uint32_t first_b = both ? firsts(b) : ~UINT32_C(0);
    const uint32_t ends_a = (firsts(a) >> 1 | first_b << 31) & (~UINT32_C(0) >> (32 - size_a));
    const uint32_t ends_b = both ? (first_b >> 1 | 1u << 31) & (~UINT32_C(0) >> (32 - size_b)) : 0;
    if (!_mm256_movemask_epi8(AT_LEAST(max, 0xC4))) {
        *chars = units_of(dst, a, b, ends_a, ends_b, both, 1);
        return 0xFF;
    }
    if (!_mm256_movemask_epi8(AT_LEAST(max, 0xF0))) {
        *chars = units_of(dst, a, b, ends_a, ends_b, both, 2);
        return 0xFFFF;
    }
    *chars = units_of(dst, a, b, ends_a, ends_b, both, 4);
    return 0x10FFFF;
}

AVX2 uint32_t wsf_utf8_short_avx2(uint32_t units[WSF_SHORT], size_t *chars, const uint8_t *src, size_t n,
                                  const uint8_t key[4])
{
    const __m256i zero = _mm256_setzero_si256(), k = _mm256_set1_epi32((int)wsf_load32(key));
    if (n <= 32) {
        return transcode((uint8_t *)units, chars, n > 0 ? unmask_part(src, n, k) : zero, zero, n, 0, 0);
    }
    const __m256i a = unmask_part(src, 32, k), b = unmask_part(src + 32, n - 32, k);
    return transcode((uint8_t *)units, chars, a, b, 32, n - 32, 1);
}
#endif
