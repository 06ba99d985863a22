/* Units that are ASCII or above U+FFFF, like those of a text of ASCII with emoji, to UTF-8: as in
 * utf8_avx2_quads.h, but less is to be found out. */
#ifndef WSF_UTF8_AVX2_ASTRAL_H
#define WSF_UTF8_AVX2_ASTRAL_H

#include "utf8_avx2_rows.h"

typedef struct {
    __m256i ascii, bmp, last, next, marks;
} astral_rows;

AVX2 WSF_INLINE astral_rows get_astral_rows(void)
{
    static const uint32_t rows[][8] = {LONGS(0x7F), LONGS(0xFFFF), LONGS(0x003F003F), LONGS(0x3F003F00),
                                       LONGS(0xF0808080)};
    const uint32_t(*k)[8] = rows;
    WSF_OPAQUE(k);
    return (astral_rows){LOAD(k[0]), LOAD(k[1]), LOAD(k[2]), LOAD(k[3]), LOAD(k[4])};
}

/* Not zero where a unit is between U+0080 and U+FFFF. */
AVX2 WSF_INLINE __m256i between(__m256i u, astral_rows k)
{
    return _mm256_xor_si256(_mm256_cmpgt_epi32(u, k.ascii), _mm256_cmpgt_epi32(u, k.bmp));
}

/* Write 8 units; returns where the next ones go. */
AVX2 WSF_INLINE uint8_t *put_astral(uint8_t *dst, __m256i u, astral_rows k)
{
    const __m256i four = _mm256_cmpgt_epi32(u, k.ascii);
    const __m256i halves = _mm256_blend_epi16(u, _mm256_slli_epi32(u, 4), 0xAA); /* of 12 bits */
    const __m256i next = AND(_mm256_slli_epi16(halves, 2), k.next);
    const __m256i marked = OR(OR(AND(halves, k.last), next), k.marks);
    const __m256i bytes = _mm256_blendv_epi8(u, marked, four);
    const uint32_t index = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(four));
    const uint64_t a = index & 0x0F, b = index >> 4;
    const __m256i picked = _mm256_shuffle_epi8(bytes, ENTRIES(wsf_pick_astral, a, b));
    uint8_t *const dst2 = dst + 3 * POPCOUNT(a);
    STORE128(dst, LOWER(picked));
    STORE128(dst2 + 4, UPPER(picked));
    return dst + 8 + 3 * POPCOUNT((uint64_t)index);
}

#endif
