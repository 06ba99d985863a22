/* A vector of 32 bytes from fewer, without a look beyond them.  (Not with vpmaskmov: there are
 * emulators which read what it masks off.) */
#ifndef WSF_AVX2_PART_H
#define WSF_AVX2_PART_H

#include <immintrin.h>

#include "part.h"

/* src[0, n), 0 < n <= 32, and zeros. */
WSF_TARGET("avx2") WSF_INLINE __m256i wsf_load_part(const uint8_t *src, size_t n)
{
    /* From place k on: shift 16 bytes down by k. */
    static const uint8_t down[32] = {0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,
                                     11,   12,   13,   14,   15,   0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                     0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    if (n < 16) {
        uint64_t words[2];
        wsf_part_words(src, n, words);
        return _mm256_zextsi128_si256(_mm_set_epi64x((long long)words[1], (long long)words[0]));
    }
    const __m128i low = _mm_loadu_si128((const __m128i *)(const void *)src);
    const __m128i last = _mm_loadu_si128((const __m128i *)(const void *)(src + n - 16));
    const __m128i places = _mm_loadu_si128((const __m128i *)(const void *)(down + 32 - n));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), _mm_shuffle_epi8(last, places), 1);
}

#endif
