/* Units below U+0800 to UTF-8, 32 a step: each is spread over a lane of 2 bytes, last byte first; then one
 * lookup a group of 8 picks the bytes that they have, in order. */
#ifndef WSF_UTF8_AVX2_PAIRS_H
#define WSF_UTF8_AVX2_PAIRS_H

#include "utf8_avx2_rows.h"

/* 32 units spread over lanes of 2 bytes, 8 in each half of both vectors.  A byte of the index for each
 * half: its bits mark the units of two bytes. */
typedef struct {
    __m256i first, second;
    uint32_t two;
} pairs;

/* Write the halves of the first vector, then those of the second (`striped`: by turns). */
AVX2 WSF_INLINE size_t put_pairs(uint8_t *dst, pairs from, int striped)
{
    const uint32_t two = from.two, upper = two >> 16;
    const uint64_t a = two & 0xFF, b = two >> 8 & 0xFF, c = upper & 0xFF, d = upper >> 8;
    const __m256i even = _mm256_shuffle_epi8(from.first, ENTRIES(wsf_pick_pairs, a, c));
    const __m256i odd = _mm256_shuffle_epi8(from.second, ENTRIES(wsf_pick_pairs, b, d));
    uint8_t *const dst2 = dst + POPCOUNT(a), *const dst3 = dst2 + POPCOUNT(striped ? b : c);
    uint8_t *const dst4 = dst3 + POPCOUNT(striped ? c : b);
    STORE128(dst, LOWER(even));
    STORE128(dst2 + 8, striped ? LOWER(odd) : UPPER(even));
    STORE128(dst3 + 16, striped ? UPPER(even) : LOWER(odd));
    STORE128(dst4 + 24, UPPER(odd));
    return 32 + POPCOUNT((uint64_t)two);
}

typedef struct {
    __m256i top, lead_bit, lead;
} byte_rows;

AVX2 WSF_INLINE byte_rows get_byte_rows(void)
{
    static const uint8_t rows[][32] = {BYTES(0x40), BYTES(0x01), BYTES(0xC2)};
    const uint8_t(*k)[32] = rows;
    WSF_OPAQUE(k);
    return (byte_rows){LOAD(k[0]), LOAD(k[1]), LOAD(k[2])};
}

/* 32 units of 1 byte; `high` marks those that are not ASCII. */
AVX2 WSF_INLINE size_t put_bytes(uint8_t *dst, __m256i u, uint32_t high, byte_rows k)
{
    const __m256i top = AND(_mm256_srli_epi16(u, 1), k.top); /* of what is not ASCII: 11.. becomes 10.. */
    const __m256i last = _mm256_andnot_si256(top, u);
    const __m256i lead = OR(AND(_mm256_srli_epi16(u, 6), k.lead_bit), k.lead);
    return put_pairs(dst, (pairs){_mm256_unpacklo_epi8(last, lead), _mm256_unpackhi_epi8(last, lead), high}, 1);
}

typedef struct {
    __m256i ascii, upper, three, mark;
} pair_rows;

AVX2 WSF_INLINE pair_rows get_pair_rows(void)
{
    static const uint16_t rows[][16] = {WORDS(0x7F), WORDS(0x7C0), WORDS(3), WORDS(0xC080)};
    const uint16_t(*k)[16] = rows;
    WSF_OPAQUE(k);
    return (pair_rows){LOAD(k[0]), LOAD(k[1]), LOAD(k[2]), LOAD(k[3])};
}

AVX2 WSF_INLINE __m256i spread_word(__m256i u, __m256i two, pair_rows k)
{
    const __m256i more = _mm256_mullo_epi16(AND(u, k.upper), k.three); /* moves them up by 2 bits */
    return _mm256_add_epi16(u, AND(two, _mm256_add_epi16(more, k.mark)));
}

/* 32 units of 2 bytes. */
AVX2 WSF_INLINE size_t put_words(uint8_t *dst, __m256i u, __m256i v, pair_rows k)
{
    const __m256i two_u = _mm256_cmpgt_epi16(u, k.ascii), two_v = _mm256_cmpgt_epi16(v, k.ascii);
    const uint32_t two = (uint32_t)_mm256_movemask_epi8(_mm256_packs_epi16(two_u, two_v));
    if (!two) {
        STORE256(dst, _mm256_permute4x64_epi64(_mm256_packus_epi16(u, v), 0xD8));
        return 32;
    }
    return put_pairs(dst, (pairs){spread_word(u, two_u, k), spread_word(v, two_v, k), two}, 0);
}

#endif
