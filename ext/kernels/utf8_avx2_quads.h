/* Any units to UTF-8, 16 a step: each is spread over a lane of 4 bytes, last byte first; then one lookup a
 * group of 4 picks the bytes that they have, in order. */
#ifndef WSF_UTF8_AVX2_QUADS_H
#define WSF_UTF8_AVX2_QUADS_H

#include "utf8_avx2_rows.h"

/* 16 units spread over lanes of 4 bytes: those of the first vector and of the second, a lane of each
 * in turn; a byte of the index for each lane. */
AVX2 WSF_INLINE size_t put_quads(uint8_t *dst, __m256i first, __m256i second, uint32_t index)
{
    const uint32_t upper = index >> 16;
    const uint64_t a = index & 0xFF, b = index >> 8 & 0xFF, c = upper & 0xFF, d = upper >> 8;
    const __m256i even = _mm256_shuffle_epi8(first, ENTRIES(wsf_pick_quads, a, c));
    const __m256i odd = _mm256_shuffle_epi8(second, ENTRIES(wsf_pick_quads, b, d));
    const size_t size2 = wsf_quad_sizes[a], size3 = size2 + wsf_quad_sizes[b];
    const size_t size4 = size3 + wsf_quad_sizes[c];
    STORE128(dst, LOWER(even));
    STORE128(dst + size2, LOWER(odd));
    STORE128(dst + size3, UPPER(even));
    STORE128(dst + size4, UPPER(odd));
    return size4 + wsf_quad_sizes[d];
}

typedef struct {
    __m256i upper_5, upper_9, surrogate, last, next, mark, mark_of_2, top_mark, high;
} word_rows;

AVX2 WSF_INLINE word_rows get_word_rows(void)
{
    static const uint16_t rows[][16] = {WORDS(0xF800), WORDS(0xFF80), WORDS(0xD800), WORDS(0x003F), WORDS(0x3F00),
                                        WORDS(0x8080), WORDS(0x4000), WORDS(0x00E0), WORDS(0xFF00)};
    const uint16_t(*k)[16] = rows;
    WSF_OPAQUE(k);
    return (word_rows){LOAD(k[0]), LOAD(k[1]), LOAD(k[2]), LOAD(k[3]), LOAD(k[4]),
                       LOAD(k[5]), LOAD(k[6]), LOAD(k[7]), LOAD(k[8])};
}

/* 16 units of 2 bytes. */
AVX2 WSF_INLINE size_t words(uint8_t *dst, __m256i u, __m256i *bad, word_rows k)
{
    const __m256i upper = AND(u, k.upper_5);
    const __m256i below_800 = _mm256_cmpeq_epi16(upper, ZERO);
    const __m256i ascii = _mm256_cmpeq_epi16(AND(u, k.upper_9), ZERO);
    *bad = OR(*bad, _mm256_cmpeq_epi16(upper, k.surrogate));
    __m256i low = OR(AND(u, k.last), AND(_mm256_slli_epi16(u, 2), k.next));
    low = OR(OR(low, k.mark), AND(below_800, k.mark_of_2));
    low = _mm256_blendv_epi8(low, u, ascii);
    const __m256i top = OR(_mm256_srli_epi16(u, 12), k.top_mark);
    /* bit 0 of each length less one is in the lower byte of a unit, bit 1 in the upper one */
    const __m256i lengths = _mm256_xor_si256(below_800, OR(ascii, k.high));
    const uint32_t index = (uint32_t)_mm256_movemask_epi8(lengths);
    return put_quads(dst, _mm256_unpacklo_epi16(low, top), _mm256_unpackhi_epi16(low, top), index);
}

typedef struct {
    __m256i most_1, most_2, most_3, last, next, marks, too_many_3, too_many_2, upper_21, surrogate, index;
} long_rows;

AVX2 WSF_INLINE long_rows get_long_rows(void)
{
    static const uint32_t rows[][8] = {LONGS(0x7F),       LONGS(0x7FF),      LONGS(0xFFFF),    LONGS(0x003F003F),
                                       LONGS(0x3F003F00), LONGS(0xF0808080), LONGS(0x600000),  LONGS(0x4000),
                                       LONGS(0xFFFFF800), LONGS(0xD800),     LONGS(0xBF80BF80)};
    const uint32_t(*k)[8] = rows;
    WSF_OPAQUE(k);
    return (long_rows){LOAD(k[0]), LOAD(k[1]), LOAD(k[2]), LOAD(k[3]), LOAD(k[4]), LOAD(k[5]),
                       LOAD(k[6]), LOAD(k[7]), LOAD(k[8]), LOAD(k[9]), LOAD(k[10])};
}

typedef struct {
    __m256i bytes, length; /* the length less one, negative */
} spread;

AVX2 WSF_INLINE spread spread_longs(__m256i u, __m256i *bad, long_rows k)
{
    const __m256i two = _mm256_cmpgt_epi32(u, k.most_1), three = _mm256_cmpgt_epi32(u, k.most_2);
    const __m256i four = _mm256_cmpgt_epi32(u, k.most_3);
    const __m256i halves = _mm256_blend_epi16(u, _mm256_slli_epi32(u, 4), 0xAA); /* of 12 bits */
    const __m256i next = AND(_mm256_slli_epi16(halves, 2), k.next);
    const __m256i marks3 = _mm256_andnot_si256(four, k.too_many_3);
    const __m256i marks = OR(OR(marks3, _mm256_andnot_si256(three, k.too_many_2)), k.marks);
    const __m256i marked = OR(OR(AND(halves, k.last), next), marks);
    *bad = OR(*bad, _mm256_cmpeq_epi32(AND(u, k.upper_21), k.surrogate));
    return (spread){_mm256_blendv_epi8(u, marked, two), _mm256_add_epi32(_mm256_add_epi32(two, three), four)};
}

/* 16 units of 4 bytes. */
AVX2 WSF_INLINE size_t longs(uint8_t *dst, __m256i u, __m256i v, __m256i *bad, long_rows k)
{
    const spread a = spread_longs(_mm256_permute2x128_si256(u, v, 0x20), bad, k); /* units 0 to 3, 8 to 11 */
    const spread b = spread_longs(_mm256_permute2x128_si256(u, v, 0x31), bad, k);
    /* each length times this has its bit 0 at 7 and its bit 1 at 15 */
    const __m256i lengths = _mm256_mullo_epi16(_mm256_packs_epi32(a.length, b.length), k.index);
    return put_quads(dst, a.bytes, b.bytes, (uint32_t)_mm256_movemask_epi8(lengths));
}

#endif
