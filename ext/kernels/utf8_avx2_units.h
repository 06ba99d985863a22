/* 32 bytes of UTF-8 to code points: at the last byte of each code point the three bytes of its value
 * are put together, from that byte and the three before it; then, in groups of 8, the places that end
 * no code point are squeezed out. */
#ifndef WSF_UTF8_AVX2_UNITS_H
#define WSF_UTF8_AVX2_UNITS_H

#include <immintrin.h>

#include "target.h"
#include "utf8_squeeze.h"

#define AVX2 WSF_TARGET("avx2,popcnt")
#ifndef BYTES
#define BYTES(b) _mm256_set1_epi8((char)(b))
#endif
#define AND(a, b) _mm256_and_si256(a, b)
#define OR(a, b) _mm256_or_si256(a, b)
#define LEFT(v, by, mask) AND(_mm256_slli_epi16(v, by), BYTES(mask))  /* of bytes: what comes from */
#define RIGHT(v, by, mask) AND(_mm256_srli_epi16(v, by), BYTES(mask)) /* a neighbour is masked off */
#define AT_LEAST(v, b) _mm256_cmpeq_epi8(_mm256_max_epu8(v, BYTES(b)), v)
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define STORE128(p, v) _mm_storeu_si128((__m128i *)(void *)(p), v)
#define STORE256(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), v)

/* Bits 0 to 7, 8 to 15 and 16 to 20 of values. */
typedef struct {
    __m256i low, mid, top;
    int has_top;
} values;

/* The values at the ends of code points. */
AVX2 WSF_INLINE values assemble(__m256i v, __m256i before, int width)
{
    const __m256i joint = _mm256_permute2x128_si256(before, v, 0x21); /* each lane's predecessor */
    const __m256i one = _mm256_alignr_epi8(v, joint, 15);
    const __m256i two = _mm256_alignr_epi8(v, joint, 14);
    const __m256i three = _mm256_alignr_epi8(v, joint, 13);
    const __m256i high = _mm256_cmpgt_epi8(_mm256_setzero_si256(), v); /* no ASCII */
    const __m256i fourth = width == 4 ? AT_LEAST(three, 0xF0) : _mm256_setzero_si256();
    const __m256i upper = AND(LEFT(two, 4, 0xF0), OR(AT_LEAST(two, 0xE0), fourth));
    values to;
    to.low = _mm256_blendv_epi8(v, OR(AND(v, BYTES(0x3F)), LEFT(one, 6, 0xC0)), v);
    to.mid = AND(OR(RIGHT(one, 2, 0x0F), upper), high);
    to.top = AND(OR(RIGHT(two, 4, 0x03), LEFT(three, 2, 0x1C)), fourth);
    to.has_top = width == 4 && _mm256_movemask_epi8(fourth);
    return to;
}

#define LOWER(v) _mm256_castsi256_si128(v)
#define UPPER(v) _mm256_extracti128_si256(v, 1)

/* The places that the low 8 bits of `lower` and of `upper` choose from 8, once a lane. */
AVX2 WSF_INLINE __m256i places(uint32_t lower, uint32_t upper)
{
    const __m128i a = _mm_loadl_epi64((const __m128i *)(const void *)&wsf_squeeze[lower & 0xFF]);
    const __m128i b = _mm_loadu_si128((const __m128i *)(const void *)&wsf_squeeze[upper & 0xFF]);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
}

/* The units of two groups of 8 places, one a lane; the second vector has the last 4 of each if
 * they are of 4 bytes. */
typedef struct {
    __m256i first, more;
} groups;

/* `pairs`: low and mid byte of each value side by side (width 1: low bytes, half a lane). */
AVX2 WSF_INLINE groups squeeze(__m256i at, __m256i pairs, __m256i tops, int width)
{
    if (width == 1) {
        return (groups){_mm256_shuffle_epi8(pairs, at), at};
    }
    at = _mm256_unpacklo_epi8(at, at);
    at = OR(_mm256_add_epi8(at, at), _mm256_set1_epi16(0x0100)); /* place j: bytes 2j and 2j + 1 */
    pairs = _mm256_shuffle_epi8(pairs, at);
    if (width == 2) {
        return (groups){pairs, at};
    }
    tops = _mm256_shuffle_epi8(tops, at);
    return (groups){_mm256_unpacklo_epi16(pairs, tops), _mm256_unpackhi_epi16(pairs, tops)};
}

/* Write a whole group of 8; the next one overwrites what it has too many. */
AVX2 WSF_INLINE void store(uint8_t *dst, __m128i first, __m128i more, int width)
{
    if (width == 1) {
        _mm_storel_epi64((__m128i *)(void *)dst, first);
        return;
    }
    STORE128(dst, first);
    if (width == 4) {
        STORE128(dst + 16, more);
    }
}

/* One block of 32 bytes; dst has room for 32 units.  Returns how many it became. */
AVX2 WSF_INLINE size_t block(uint8_t *dst, __m256i v, __m256i before, uint32_t ends, int width)
{
    const __m256i zero = _mm256_setzero_si256();
    const values from = assemble(v, before, width);
    const size_t second = (size_t)_mm_popcnt_u32(ends & 0xFF) * (size_t)width;
    const size_t third = (size_t)_mm_popcnt_u32(ends & 0xFFFF) * (size_t)width;
    const size_t fourth = (size_t)_mm_popcnt_u32(ends & 0xFFFFFF) * (size_t)width;
    __m256i even = from.low, odd = _mm256_srli_si256(from.low, 8), even_top = zero, odd_top = zero;
    if (width > 1) {
        even = _mm256_unpacklo_epi8(from.low, from.mid);
        odd = _mm256_unpackhi_epi8(from.low, from.mid);
    }
    if (from.has_top) {
        even_top = _mm256_unpacklo_epi8(from.top, zero);
        odd_top = _mm256_unpackhi_epi8(from.top, zero);
    }
    const groups a = squeeze(places(ends, ends >> 16), even, even_top, width);
    const groups b = squeeze(places(ends >> 8, ends >> 24), odd, odd_top, width);
    store(dst, LOWER(a.first), LOWER(a.more), width);
    store(dst + second, LOWER(b.first), LOWER(b.more), width);
    store(dst + third, UPPER(a.first), UPPER(a.more), width);
    store(dst + fourth, UPPER(b.first), UPPER(b.more), width);
    return (size_t)_mm_popcnt_u32(ends);
}

AVX2 WSF_INLINE void widen(uint8_t *dst, __m256i v, int width)
{
    if (width == 1) {
        STORE256(dst, v);
    } else if (width == 2) {
        STORE256(dst, _mm256_cvtepu8_epi16(LOWER(v)));
        STORE256(dst + 32, _mm256_cvtepu8_epi16(UPPER(v)));
    } else {
        STORE256(dst, _mm256_cvtepu8_epi32(LOWER(v)));
        STORE256(dst + 32, _mm256_cvtepu8_epi32(_mm_srli_si128(LOWER(v), 8)));
        STORE256(dst + 64, _mm256_cvtepu8_epi32(UPPER(v)));
        STORE256(dst + 96, _mm256_cvtepu8_epi32(_mm_srli_si128(UPPER(v), 8)));
    }
}

#endif
