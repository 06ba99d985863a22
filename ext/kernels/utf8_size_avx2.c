/* Bytes of UTF-8 that units become, 32 of them a step, in bytes that add up. */
#include "target.h"

#ifdef WSF_AVX
#include <immintrin.h>

#include "variants.h"

#define AVX2 WSF_TARGET("avx2")
#define BYTES(b) _mm256_set1_epi8((char)(b))
#define ZERO _mm256_setzero_si256()
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define ONE_IF_ANY(v) _mm256_min_epu8(v, BYTES(1))

/* A byte holds the sum of so many steps, 3 at most for each. */
enum { UNITS = 32, STEPS = 85 };

/* Of 32 units of 2 bytes, the upper 9 bits, 255 at most; in any order. */
AVX2 WSF_INLINE __m256i upper(__m256i u, __m256i v)
{
    return _mm256_packus_epi16(_mm256_srli_epi16(u, 7), _mm256_srli_epi16(v, 7));
}

/* The upper halves of units of 4 bytes, which are less than 0x8000. */
AVX2 WSF_INLINE __m256i top(__m256i u, __m256i v)
{
    return _mm256_blend_epi16(_mm256_srli_epi32(u, 16), v, 0xAA);
}

/* Add the bytes more than one that each of 32 units has, in any order. */
AVX2 WSF_INLINE __m256i add_extra(__m256i sum, const uint8_t *src, int width)
{
    if (width == 1) {
        return _mm256_sub_epi8(sum, _mm256_cmpgt_epi8(ZERO, LOAD(src)));
    }
    __m256i bits;
    if (width == 2) {
        bits = upper(LOAD(src), LOAD(src + 32));
    } else {
        const __m256i t = LOAD(src), u = LOAD(src + 32), v = LOAD(src + 64), w = LOAD(src + 96);
        bits = upper(_mm256_packus_epi32(t, u), _mm256_packus_epi32(v, w)); /* 0xFFFF at most */
        sum = _mm256_add_epi8(sum, ONE_IF_ANY(_mm256_packus_epi16(top(t, u), top(v, w))));
    }
    sum = _mm256_add_epi8(sum, ONE_IF_ANY(bits)); /* U+0080 and above */
    return _mm256_sub_epi8(sum, _mm256_cmpeq_epi8(_mm256_max_epu8(bits, BYTES(16)), bits)); /* U+0800 */
}

AVX2 WSF_INLINE size_t count(const uint8_t *src, size_t chars, int width)
{
    const size_t whole = chars / UNITS, left = chars % UNITS;
    __m256i total = ZERO;
    for (size_t done = 0; done < whole;) {
        const size_t end = whole - done < STEPS ? whole : done + STEPS;
        __m256i sum = ZERO;
        WSF_UNROLL4
        for (; done < end; done++) {
            sum = add_extra(sum, src + done * UNITS * (size_t)width, width);
        }
        total = _mm256_add_epi64(total, _mm256_sad_epu8(sum, ZERO));
    }
    if (left > 0) {
        uint8_t last[UNITS * 4] = {0};
        memcpy(last, src + whole * UNITS * (size_t)width, left * (size_t)width);
        total = _mm256_add_epi64(total, _mm256_sad_epu8(add_extra(ZERO, last, width), ZERO));
    }
    const __m128i x = _mm_add_epi64(_mm256_castsi256_si128(total), _mm256_extracti128_si256(total, 1));
    return chars + (size_t)(_mm_cvtsi128_si64(x) + _mm_extract_epi64(x, 1));
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
