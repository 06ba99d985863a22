/* UTF-8 to code points, 64 bytes a step: at the last byte of each code point the three bytes of
 * its value are put together, from that byte and the three before it; then the places that end no
 * code point are squeezed out, and the bytes of each value brought side by side. */
#include "target.h"

#ifdef WSF_AVX
#include <immintrin.h>

#include "avx512_part.h"
#include "utf8_point.h"
#include "utf8_short.h"
#include "variants.h"

#define AVX512 WSF_TARGET("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi2,popcnt")
#define BYTES(b) _mm512_set1_epi8((char)(b))
#define SELECT(mask, a, b) _mm512_ternarylogic_epi32(mask, a, b, 0xCA) /* mask ? a : b, bit by bit */
#define LEFT(v, by) _mm512_slli_epi16(v, by)  /* of bytes: what comes from a neighbour */
#define RIGHT(v, by) _mm512_srli_epi16(v, by) /* is masked off behind */

/* Bits 0 to 7, 8 to 15 and 16 to 20 of values. */
typedef struct {
    __m512i low, mid, top;
    int has_top;
} values;

/* The values at the ends of code points; `high` marks the bytes that are not ASCII. */
AVX512 WSF_INLINE values assemble(__m512i v, __m512i before, __mmask64 high, int width)
{
    const __m512i joint = _mm512_alignr_epi32(v, before, 12); /* each lane's predecessor */
    const __m512i one = _mm512_alignr_epi8(v, joint, 15);
    const __m512i two = _mm512_alignr_epi8(v, joint, 14);
    const __m512i three = _mm512_alignr_epi8(v, joint, 13);
    const __mmask64 third = _mm512_cmpge_epu8_mask(two, BYTES(0xE0));
    const __mmask64 fourth = width == 4 ? _mm512_cmpge_epu8_mask(three, BYTES(0xF0)) : 0;
    const __m512i upper = _mm512_maskz_mov_epi8(third | fourth, two);
    const __m512i top = _mm512_and_si512(SELECT(BYTES(0x03), RIGHT(two, 4), LEFT(three, 2)), BYTES(0x1F));
    values to;
    to.low = _mm512_mask_mov_epi8(v, high, SELECT(BYTES(0x3F), v, LEFT(one, 6)));
    to.mid = _mm512_maskz_mov_epi8(high, SELECT(BYTES(0x0F), RIGHT(one, 2), LEFT(upper, 4)));
    to.top = _mm512_maskz_mov_epi8(fourth, top);
    to.has_top = fourth != 0;
    return to;
}

/* Where the bytes of a value are in low (0 to 63), mid (64 to 127) and top (0 to 63). */
#define PAIR(j) (j) | (64 + (j)) << 8
#define TRIPLE(j) PAIR(j) | (j) << 16
#define FOUR(of, j) of(j), of((j) + 1), of((j) + 2), of((j) + 3)
#define SIXTEEN(of, j) FOUR(of, j), FOUR(of, (j) + 4), FOUR(of, (j) + 8), FOUR(of, (j) + 12)
static const uint16_t pairs[32] = {SIXTEEN(PAIR, 0), SIXTEEN(PAIR, 16)};
static const uint32_t triples[16] = {SIXTEEN(TRIPLE, 0)};

/* A vector of units, from value number j on. */
AVX512 WSF_INLINE __m512i units(values from, size_t j, int width)
{
    if (width == 1) {
        return from.low;
    }
    const void *places = width == 2 ? (const void *)pairs : (const void *)triples;
    const __m512i at = _mm512_add_epi8(_mm512_loadu_si512(places), BYTES(j));
    if (width == 2) {
        return _mm512_permutex2var_epi8(from.low, at, from.mid);
    }
    const __mmask64 low_mid = UINT64_C(0x3333333333333333), third = UINT64_C(0x4444444444444444);
    const __m512i lower = _mm512_maskz_permutex2var_epi8(low_mid, from.low, at, from.mid);
    if (!from.has_top) {
        return lower;
    }
    return _mm512_or_si512(lower, _mm512_maskz_permutexvar_epi8(third, at, from.top));
}

/* Write the first `count` values, if there is room for 64 even with whole vectors. */
AVX512 WSF_INLINE void write(uint8_t *dst, size_t room, values from, size_t count, int width)
{
    const size_t step = 64 / (size_t)width;
    if (room >= 64) {
        for (size_t j = 0; j < count; j += step) {
            _mm512_storeu_si512((void *)(dst + j * (size_t)width), units(from, j, width));
        }
        return;
    }
    for (size_t j = 0; j < count; j += step) {
        const size_t bytes = (count - j) * (size_t)width;
        _mm512_mask_storeu_epi8(dst + j * (size_t)width, wsf_ones(bytes), units(from, j, width));
    }
}

AVX512 WSF_INLINE void transcode(uint8_t *dst, size_t chars, const uint8_t *src, size_t n, int width)
{
    __m512i before = _mm512_setzero_si512();
    size_t o = 0;
    for (size_t i = 0; i < n && o < chars; i += 64) {
        const size_t left = n - i, room = chars - o;
        const __mmask64 here = wsf_ones(left);
        const __m512i v = _mm512_maskz_loadu_epi8(here, src + i);
        const __mmask64 high = _mm512_movepi8_mask(v);
        values to = {v, _mm512_setzero_si512(), _mm512_setzero_si512(), 0};
        __mmask64 ends = here;
        if (high) {
            const __mmask64 first = _mm512_cmpge_epi8_mask(v, BYTES(0xC0)); /* signed: no continuation */
            const int next = left <= 64 || !wsf_is_continuation(src[i + 64]);
            ends &= first >> 1 | (uint64_t)next << 63;
            to = assemble(v, before, high, width);
            to.low = _mm512_maskz_compress_epi8(ends, to.low);
            to.mid = _mm512_maskz_compress_epi8(ends, to.mid);
            to.top = to.has_top ? _mm512_maskz_compress_epi8(ends, to.top) : to.top;
        }
        const size_t count = (size_t)_mm_popcnt_u64(ends);
        write(dst + o * (size_t)width, room, to, count < room ? count : room, width);
        o += count;
        before = v;
    }
}

AVX512 void wsf_utf8_ucs1_avx512(uint8_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    transcode(dst, chars, src, n, 1);
}

AVX512 void wsf_utf8_ucs2_avx512(uint16_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    transcode((uint8_t *)dst, chars, src, n, 2);
}

AVX512 void wsf_utf8_ucs4_avx512(uint32_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    transcode((uint8_t *)dst, chars, src, n, 4);
}

WSF_UTF8_SHORT(avx512)
#endif
