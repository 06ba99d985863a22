/* A vector of 32 bytes from fewer, without a look beyond them. */
#ifndef WSF_AVX2_PART_H
#define WSF_AVX2_PART_H

#include <immintrin.h>

#include "target.h"

/* src[0, n), 0 < n <= 32, and zeros. */
WSF_TARGET("avx2") WSF_INLINE __m256i wsf_load_part(const uint8_t *src, size_t n)
{
    if (n < 4) {
        const size_t mid = n >> 1, end = n - 1;
        const uint32_t w = (uint32_t)src[0] | (uint32_t)src[mid] << (8 * mid) | (uint32_t)src[end] << (8 * end);
        return _mm256_zextsi128_si256(_mm_cvtsi32_si128((int)w));
    }
    const __m256i place = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    const __m256i words = _mm256_set1_epi32((int)(n / 4));
    const __m256i whole = _mm256_maskload_epi32((const int *)(const void *)src, _mm256_cmpgt_epi32(words, place));
    const uint64_t last = (uint64_t)wsf_load32(src + n - 4) >> (32 - 8 * (n & 3)); /* 0 if none is left */
    const __m256i rest = _mm256_set1_epi32((int)(uint32_t)last);
    return _mm256_or_si256(whole, _mm256_and_si256(rest, _mm256_cmpeq_epi32(words, place)));
}

#endif
