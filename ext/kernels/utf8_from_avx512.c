/* Code points to UTF-8, 32 or 64 a step: each unit is spread over a lane of 2 or 4 bytes, last byte at
 * the end; then the bytes that belong to no unit are squeezed out. */
#include "target.h"

#ifdef WSF_AVX
#include <immintrin.h>

#include "avx512_part.h"
#include "variants.h"

#define AVX512 WSF_TARGET("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi2,popcnt")
#define WORDS(w) _mm512_set1_epi16((short)(w))
#define LONGS(l) _mm512_set1_epi32((int)(l))
#define LOWER(v) _mm512_castsi512_si256(v)
#define UPPER(v) _mm512_extracti64x4_epi64(v, 1)
#define AND_OR 0xEA /* a & b | c */

typedef struct {
    uint8_t *dst;
    size_t room;
} output;

/* Write the bytes of v that `keep` marks, side by side; with a whole vector if there is room. */
AVX512 WSF_INLINE void put(output *to, __m512i v, __mmask64 keep)
{
    const size_t size = (size_t)_mm_popcnt_u64(keep);
    v = _mm512_maskz_compress_epi8(keep, v);
    if (to->room >= 64) {
        _mm512_storeu_si512((void *)to->dst, v);
    } else {
        _mm512_mask_storeu_epi8(to->dst, wsf_ones(size), v);
    }
    to->dst += size;
    to->room -= size;
}

/* The first `count` of 32 units of 2 bytes, below U+0800. */
AVX512 WSF_INLINE void pairs(output *to, __m512i u, size_t count)
{
    /* in each lane: bits 6 and up, bits 0 and up */
    const __m512i at = _mm512_set1_epi64(0x3036202610160006);
    const __m512i spread = _mm512_multishift_epi64_epi8(at, u);
    const __m512i marked = _mm512_ternarylogic_epi32(spread, WORDS(0x3FFF), WORDS(0x80C0), AND_OR);
    const __m512i bytes = _mm512_mask_mov_epi16(spread, _mm512_cmpge_epu16_mask(u, WORDS(0x80)), marked);
    const __mmask64 keep = _mm512_movepi8_mask(bytes) | UINT64_C(0xAAAAAAAAAAAAAAAA);
    put(to, bytes, keep & wsf_ones(2 * count));
}

/* The first `count` of 16 units of 4 bytes. */
AVX512 WSF_INLINE void quads(output *to, __m512i u, size_t count)
{
    /* in each lane: bits 18 and up, bits 12 and up, bits 6 and up, bits 0 and up */
    const __m512i at = _mm512_set1_epi64(0x20262C3200060C12);
    const __m512i spread = _mm512_multishift_epi64_epi8(at, u);
    const __mmask16 two = _mm512_cmpge_epu32_mask(u, LONGS(0x80));
    __m512i marks = _mm512_maskz_mov_epi32(two, LONGS(0x80C00000));
    marks = _mm512_mask_mov_epi32(marks, _mm512_cmpge_epu32_mask(u, LONGS(0x800)), LONGS(0x8080E000));
    marks = _mm512_mask_mov_epi32(marks, _mm512_cmpge_epu32_mask(u, LONGS(0x10000)), LONGS(0x808080F0));
    const __m512i bytes = _mm512_mask_ternarylogic_epi32(spread, two, LONGS(0x3F3F3F3F), marks, AND_OR);
    const __mmask64 keep = _mm512_movepi8_mask(bytes) | UINT64_C(0x8888888888888888);
    put(to, bytes, keep & wsf_ones(4 * count));
}

/* The first `count` bytes of v are units of ASCII. */
AVX512 WSF_INLINE void ascii(output *to, __m256i v, size_t count)
{
    _mm256_mask_storeu_epi8(to->dst, (__mmask32)wsf_ones(count), v);
    to->dst += count;
    to->room -= count;
}

/* At most 64 units of 1 byte, or 32 of more; what is returned marks surrogates. */
AVX512 WSF_INLINE void step1(output *to, const uint8_t *src, size_t count)
{
    const __m512i u = _mm512_maskz_loadu_epi8(wsf_ones(count), src);
    if (!_mm512_movepi8_mask(u)) {
        put(to, u, wsf_ones(count));
        return;
    }
    pairs(to, _mm512_cvtepu8_epi16(LOWER(u)), count);
    if (count > 32) {
        pairs(to, _mm512_cvtepu8_epi16(UPPER(u)), count - 32);
    }
}

AVX512 WSF_INLINE __mmask32 step2(output *to, const uint8_t *src, size_t count)
{
    const __m512i u = _mm512_maskz_loadu_epi16((__mmask32)wsf_ones(count), src);
    if (!_mm512_test_epi16_mask(u, WORDS(0xFF80))) {
        ascii(to, _mm512_cvtepi16_epi8(u), count);
        return 0;
    }
    if (!_mm512_test_epi16_mask(u, WORDS(0xF800))) {
        pairs(to, u, count);
        return 0;
    }
    quads(to, _mm512_cvtepu16_epi32(LOWER(u)), count);
    if (count > 16) {
        quads(to, _mm512_cvtepu16_epi32(UPPER(u)), count - 16);
    }
    return _mm512_cmpeq_epi16_mask(_mm512_and_si512(u, WORDS(0xF800)), WORDS(0xD800));
}

AVX512 WSF_INLINE __mmask32 step4(output *to, const uint8_t *src, size_t count)
{
    const uint64_t here = wsf_ones(count);
    const __m512i u = _mm512_maskz_loadu_epi32((__mmask16)here, src);
    const __m512i v = _mm512_maskz_loadu_epi32((__mmask16)(here >> 16), src + 64);
    if (!_mm512_test_epi32_mask(_mm512_or_si512(u, v), LONGS(0xFFFFFF80))) {
        const __m128i lower = _mm512_cvtepi32_epi8(u), upper = _mm512_cvtepi32_epi8(v);
        ascii(to, _mm256_inserti128_si256(_mm256_castsi128_si256(lower), upper, 1), count);
        return 0;
    }
    quads(to, u, count);
    if (count > 16) {
        quads(to, v, count - 16);
    }
    const __m512i block = LONGS(0xFFFFF800), surrogates = LONGS(0xD800);
    return _mm512_cmpeq_epi32_mask(_mm512_and_si512(u, block), surrogates) |
           _mm512_cmpeq_epi32_mask(_mm512_and_si512(v, block), surrogates);
}

AVX512 WSF_INLINE size_t transcode(uint8_t *dst, size_t room, const uint8_t *src, size_t chars, int width)
{
    const size_t units = width == 1 ? 64 : 32;
    output to = {dst, room};
    __mmask32 bad = 0;
    while (chars > 0) {
        const size_t count = chars < units ? chars : units;
        if (width == 1) {
            step1(&to, src, count);
        } else {
            bad |= width == 2 ? step2(&to, src, count) : step4(&to, src, count);
        }
        src += count * (size_t)width;
        chars -= count;
    }
    return bad ? SIZE_MAX : room - to.room;
}

AVX512 size_t wsf_utf8_from_ucs1_avx512(uint8_t *dst, size_t room, const uint8_t *src, size_t chars)
{
    return transcode(dst, room, src, chars, 1);
}

AVX512 size_t wsf_utf8_from_ucs2_avx512(uint8_t *dst, size_t room, const uint16_t *src, size_t chars)
{
    return transcode(dst, room, (const uint8_t *)src, chars, 2);
}

AVX512 size_t wsf_utf8_from_ucs4_avx512(uint8_t *dst, size_t room, const uint32_t *src, size_t chars)
{
    return transcode(dst, room, (const uint8_t *)src, chars, 4);
}
#endif
