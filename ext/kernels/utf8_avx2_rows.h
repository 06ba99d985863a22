/* What the coders of AVX2 share.  Constants are rows in memory behind a pointer that the compiler does not
 * see through: it would make each of them anew in loops, of three instructions, and additions and shifts of
 * multiplications. */
#ifndef WSF_UTF8_AVX2_ROWS_H
#define WSF_UTF8_AVX2_ROWS_H

#include <immintrin.h>

#include "target.h"
#include "utf8_pick.h"

#define AVX2 WSF_TARGET("avx2,popcnt")
#define AND(a, b) _mm256_and_si256(a, b)
#define OR(a, b) _mm256_or_si256(a, b)
#define ZERO _mm256_setzero_si256()
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define LOAD128(p) _mm_loadu_si128((const __m128i *)(const void *)(p))
#define STORE128(p, v) _mm_storeu_si128((__m128i *)(void *)(p), v)
#define STORE256(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), v)
#define LOWER(v) _mm256_castsi256_si128(v)
#define UPPER(v) _mm256_extracti128_si256(v, 1)
#define ENTRIES(table, a, b) \
    _mm256_inserti128_si256(_mm256_castsi128_si256(LOAD128(table[a])), LOAD128(table[b]), 1)
#define POPCOUNT(bits) (size_t)_mm_popcnt_u64(bits)

/* A vector of the same value. */
#define LONGS(v) {v, v, v, v, v, v, v, v}
#define WORDS(v) {v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v}
#define BYTES(v) \
    {v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v}

#endif
