/* Bytes of UTF-8 that units become, 32 bytes of them a step. */
#include "target.h"

#ifdef WSF_AVX
#include <immintrin.h>

#include "avx2_part.h"
#include "variants.h"

#define AVX2 WSF_TARGET("avx2,popcnt")
#define AND(a, b) _mm256_and_si256(a, b)
#define ZERO _mm256_setzero_si256()
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))

/* A signed lane of 16 bits holds the sum of so many steps, and two more: 8 at most for each. */
enum { STEPS = 4000 };

/* Bytes more than one that the units of a vector have, added up in lanes of 16 bits. */
AVX2 WSF_INLINE __m256i add_extra(__m256i sum, __m256i u, int width)
{
    if (width == 1) {
        const __m256i high = AND(_mm256_srli_epi16(u, 7), _mm256_set1_epi8(1));
        return _mm256_add_epi16(sum, _mm256_sad_epu8(high, ZERO));
    }
    if (width == 2) {
        const __m256i one = _mm256_set1_epi16(1);
        sum = _mm256_add_epi16(sum, _mm256_min_epu16(_mm256_srli_epi16(u, 7), one));
        return _mm256_add_epi16(sum, _mm256_min_epu16(_mm256_srli_epi16(u, 11), one));
    }
    sum = _mm256_sub_epi16(sum, _mm256_cmpgt_epi32(u, _mm256_set1_epi32(0x7F)));
    sum = _mm256_sub_epi16(sum, _mm256_cmpgt_epi32(u, _mm256_set1_epi32(0x7FF)));
    return _mm256_sub_epi16(sum, _mm256_cmpgt_epi32(u, _mm256_set1_epi32(0xFFFF)));
}

AVX2 WSF_INLINE size_t total(__m256i sum, int width)
{
    /* lanes of 4 bytes: both halves have counted */
    const __m256i once = width == 4 ? _mm256_set1_epi32(1) : _mm256_set1_epi16(1);
    const __m256i x = _mm256_madd_epi16(sum, once);
    __m128i y = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    y = _mm_add_epi32(y, _mm_srli_si128(y, 8));
    return (uint32_t)_mm_cvtsi128_si32(y) + (size_t)(uint32_t)_mm_extract_epi32(y, 1);
}

AVX2 WSF_INLINE size_t count(const uint8_t *src, size_t chars, int width)
{
    const size_t bytes = chars * (size_t)width;
    size_t size = chars, i = 0;
    while (i < bytes) {
        __m256i a = ZERO, b = ZERO;
        int steps = 0;
        for (; bytes - i >= 64 && steps < STEPS; i += 64, steps++) {
            a = add_extra(a, LOAD(src + i), width);
            b = add_extra(b, LOAD(src + i + 32), width);
        }
        if (bytes - i < 64 && bytes - i >= 32) {
            a = add_extra(a, LOAD(src + i), width);
            i += 32;
        }
        if (bytes - i < 32 && i < bytes) {
            b = add_extra(b, wsf_load_part(src + i, bytes - i), width);
            i = bytes;
        }
        size += total(a, width) + total(b, width);
    }
    return size;
}

AVX2 size_t wsf_utf8_size_ucs1_avx2(const uint8_t *src, size_t chars) { return count(src, chars, 1); }

AVX2 size_t wsf_utf8_size_ucs2_avx2(const uint16_t *src, size_t chars)
{
    return count((const uint8_t *)src, chars, 2);
}

AVX2 size_t wsf_utf8_size_ucs4_avx2(const uint32_t *src, size_t chars)
{
    return count((const uint8_t *)src, chars, 4);
}
#endif
