/* Code points to UTF-8, 32 a step: each unit is spread over a lane of 2 or 4 bytes, last byte
 * first; then one lookup a group of 8 or 4 units picks the bytes that they have, in order. */
#include "target.h"

#ifdef WSF_AVX
#include <immintrin.h>

#include "avx2_part.h"
#include "utf8_pick.h"
#include "variants.h"

#define AVX2 WSF_TARGET("avx2,popcnt")
#define AND(a, b) _mm256_and_si256(a, b)
#define OR(a, b) _mm256_or_si256(a, b)
#define ZERO _mm256_setzero_si256()
#define BYTES(b) _mm256_set1_epi8((char)(b))
#define WORDS(w) _mm256_set1_epi16((short)(w))
#define LONGS(l) _mm256_set1_epi32((int)(l))
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define LOAD128(p) _mm_loadu_si128((const __m128i *)(const void *)(p))
#define STORE128(p, v) _mm_storeu_si128((__m128i *)(void *)(p), v)
#define STORE256(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), v)
#define LOWER(v) _mm256_castsi256_si128(v)
#define UPPER(v) _mm256_extracti128_si256(v, 1)
#define ENTRIES(table, a, b) \
    _mm256_inserti128_si256(_mm256_castsi128_si256(LOAD128(table[a])), LOAD128(table[b]), 1)
#define PAIR_ENTRY(at) LOAD128((const uint8_t *)wsf_pick_pairs + ((at) & 0xFF0))
#define PAIR_ENTRIES(a, b) \
    _mm256_inserti128_si256(_mm256_castsi128_si256(PAIR_ENTRY(a)), PAIR_ENTRY(b), 1)

/* 16 units, or 32 of 1 byte, write at most so many bytes, whole vectors included. */
enum { HALF_ROOM = 64 };

/* 32 units spread over lanes of 2 bytes, 8 in each half of both vectors.  A byte of the index for each
 * half: its bits mark the units of one byte. */
typedef struct {
    __m256i first, second;
    uint32_t one;
} pairs;

/* Write the halves of the first vector, then those of the second (`striped`: by turns).  The sizes before
 * each half are sums over bytes of the index, so that none waits for another. */
AVX2 WSF_INLINE size_t put_pairs(uint8_t *dst, pairs from, int striped)
{
    const uint32_t one = from.one;
    const uint64_t at = (uint64_t)one << 4; /* entries are of 16 bytes */
    const __m256i even = _mm256_shuffle_epi8(from.first, PAIR_ENTRIES(at, at >> 16));
    const __m256i odd = _mm256_shuffle_epi8(from.second, PAIR_ENTRIES(at >> 8, at >> 24));
    uint8_t *const dst2 = dst + 16 - _mm_popcnt_u32(one & 0xFF);
    uint8_t *const dst3 = dst + 32 - _mm_popcnt_u32(one & (striped ? 0xFFFF : 0xFF00FF));
    uint8_t *const dst4 = dst + 48 - _mm_popcnt_u32(one & 0xFFFFFF);
    STORE128(dst, LOWER(even));
    STORE128(dst2, striped ? LOWER(odd) : UPPER(even));
    STORE128(dst3, striped ? UPPER(even) : LOWER(odd));
    STORE128(dst4, UPPER(odd));
    return 64 - (size_t)_mm_popcnt_u32(one);
}

/* 32 units of 1 byte; `high` marks those that are not ASCII. */
AVX2 WSF_INLINE size_t put_bytes(uint8_t *dst, __m256i u, uint32_t high)
{
    const __m256i top = AND(_mm256_srli_epi16(u, 1), BYTES(0x40)); /* of what is not ASCII: 11.. becomes 10.. */
    const __m256i last = _mm256_andnot_si256(top, u);
    const __m256i lead = OR(AND(_mm256_srli_epi16(u, 6), BYTES(0x01)), BYTES(0xC2));
    const pairs both = {_mm256_unpacklo_epi8(last, lead), _mm256_unpackhi_epi8(last, lead), ~high};
    return put_pairs(dst, both, 1);
}

/* 32 units of 2 bytes, below U+0800. */
AVX2 WSF_INLINE __m256i spread_word(__m256i u, __m256i ascii)
{
    const __m256i upper = _mm256_andnot_si256(WORDS(0x3F), u);
    const __m256i more = _mm256_add_epi16(_mm256_add_epi16(upper, upper), upper); /* moves it up by 2 bits */
    return _mm256_add_epi16(u, _mm256_andnot_si256(ascii, _mm256_add_epi16(more, WORDS(0xC080))));
}

AVX2 WSF_INLINE size_t put_words(uint8_t *dst, __m256i u, __m256i v)
{
    const __m256i ascii_u = _mm256_cmpeq_epi16(AND(u, WORDS(0xFF80)), ZERO);
    const __m256i ascii_v = _mm256_cmpeq_epi16(AND(v, WORDS(0xFF80)), ZERO);
    const uint32_t one = (uint32_t)_mm256_movemask_epi8(_mm256_packs_epi16(ascii_u, ascii_v));
    if (one == ~UINT32_C(0)) {
        STORE256(dst, _mm256_permute4x64_epi64(_mm256_packus_epi16(u, v), 0xD8));
        return 32;
    }
    const pairs both = {spread_word(u, ascii_u), spread_word(v, ascii_v), one};
    return put_pairs(dst, both, 0);
}

/* 16 units spread over lanes of 4 bytes: those of the first vector and of the second, a lane of each
 * in turn; a byte of the index for each lane. */
AVX2 WSF_INLINE size_t quads(uint8_t *dst, __m256i first, __m256i second, uint32_t index)
{
    const uint32_t a = index & 0xFF, b = index >> 8 & 0xFF, c = index >> 16 & 0xFF, d = index >> 24;
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

/* 16 units of 2 bytes. */
AVX2 WSF_INLINE size_t words(uint8_t *dst, __m256i u, __m256i *bad)
{
    const __m256i upper = AND(u, WORDS(0xF800));
    const __m256i below_800 = _mm256_cmpeq_epi16(upper, ZERO);
    const __m256i ascii = _mm256_cmpeq_epi16(AND(u, WORDS(0xFF80)), ZERO);
    *bad = OR(*bad, _mm256_cmpeq_epi16(upper, WORDS(0xD800)));
    __m256i low = OR(AND(u, WORDS(0x3F)), AND(_mm256_slli_epi16(u, 2), WORDS(0x3F00)));
    low = OR(OR(low, WORDS(0x8080)), AND(below_800, WORDS(0x4000)));
    low = _mm256_blendv_epi8(low, u, ascii);
    const __m256i top = OR(_mm256_srli_epi16(u, 12), WORDS(0xE0));
    /* bit 0 of each length less one is in the lower byte of a unit, bit 1 in the upper one */
    const __m256i lengths = _mm256_xor_si256(below_800, OR(ascii, WORDS(0xFF00)));
    const uint32_t index = (uint32_t)_mm256_movemask_epi8(lengths);
    return quads(dst, _mm256_unpacklo_epi16(low, top), _mm256_unpackhi_epi16(low, top), index);
}

typedef struct {
    __m256i bytes, length; /* the length less one, negative */
} spread;

AVX2 WSF_INLINE spread spread_longs(__m256i u, __m256i *bad)
{
    const __m256i two = _mm256_cmpgt_epi32(u, LONGS(0x7F)), three = _mm256_cmpgt_epi32(u, LONGS(0x7FF));
    const __m256i four = _mm256_cmpgt_epi32(u, LONGS(0xFFFF));
    const __m256i last = OR(AND(u, LONGS(0x3F)), AND(_mm256_slli_epi32(u, 2), LONGS(0x3F00)));
    const __m256i third = AND(_mm256_slli_epi32(u, 4), LONGS(0x3F0000));
    const __m256i lead = OR(third, AND(_mm256_slli_epi32(u, 6), LONGS(0x07000000)));
    const __m256i mark2 = _mm256_andnot_si256(three, LONGS(0x4000));
    const __m256i marks = OR(mark2, _mm256_andnot_si256(four, LONGS(0x600000)));
    const __m256i marked = OR(OR(last, lead), OR(marks, LONGS(0xF0808080)));
    *bad = OR(*bad, _mm256_cmpeq_epi32(AND(u, LONGS(0xFFFFF800)), LONGS(0xD800)));
    return (spread){_mm256_blendv_epi8(u, marked, two), _mm256_add_epi32(_mm256_add_epi32(two, three), four)};
}

/* 16 units of 4 bytes. */
AVX2 WSF_INLINE size_t longs(uint8_t *dst, __m256i u, __m256i v, __m256i *bad)
{
    const spread a = spread_longs(_mm256_permute2x128_si256(u, v, 0x20), bad); /* units 0 to 3, 8 to 11 */
    const spread b = spread_longs(_mm256_permute2x128_si256(u, v, 0x31), bad);
    /* each length times this has its bit 0 at 7 and its bit 1 at 15 */
    const __m256i lengths = _mm256_mullo_epi16(_mm256_packs_epi32(a.length, b.length), WORDS(-0x4080));
    return quads(dst, a.bytes, b.bytes, (uint32_t)_mm256_movemask_epi8(lengths));
}

/* 32 units of 1 byte or 16 of more, whatever they are; `v` is the second half of 4-byte ones. */
AVX2 WSF_INLINE size_t half_step(uint8_t *dst, __m256i u, __m256i v, __m256i *bad, int width)
{
    return width == 1   ? put_bytes(dst, u, (uint32_t)_mm256_movemask_epi8(u))
           : width == 2 ? words(dst, u, bad)
                        : longs(dst, u, v, bad);
}

/* 1 to 32 units of 2 bytes, with room for both halves. */
AVX2 WSF_INLINE size_t part2(uint8_t *dst, const uint8_t *src, size_t chars, __m256i *bad)
{
    const __m256i u = wsf_load_part(src, chars < 16 ? 2 * chars : 32);
    if (chars <= 16) { /* a zero for each unit that is not there */
        return words(dst, u, bad) - (16 - chars);
    }
    const __m256i v = wsf_load_part(src + 32, 2 * chars - 32);
    if (_mm256_testz_si256(OR(u, v), WORDS(0xF800))) {
        return put_words(dst, u, v) - (32 - chars);
    }
    const size_t size = words(dst, u, bad);
    return size + words(dst + size, v, bad) - (32 - chars);
}

/* 32 units, with short cuts.  (Half as many would be of one kind more often, but a branch that is often
 * predicted wrong costs more than what it avoids.) */
AVX2 WSF_INLINE size_t step1(uint8_t *dst, const uint8_t *src)
{
    const __m256i u = LOAD(src);
    const uint32_t high = (uint32_t)_mm256_movemask_epi8(u);
    if (!high) {
        STORE256(dst, u);
        return 32;
    }
    return put_bytes(dst, u, high);
}

AVX2 WSF_INLINE size_t step2(uint8_t *dst, const uint8_t *src, __m256i *bad)
{
    const __m256i u = LOAD(src), v = LOAD(src + 32), any = OR(u, v);
    if (_mm256_testz_si256(any, WORDS(0xF800))) {
        return put_words(dst, u, v);
    }
    const size_t size = words(dst, u, bad);
    return size + words(dst + size, v, bad);
}

AVX2 WSF_INLINE size_t step4(uint8_t *dst, const uint8_t *src, __m256i *bad)
{
    const __m256i t = LOAD(src), u = LOAD(src + 32), v = LOAD(src + 64), w = LOAD(src + 96);
    const __m256i any = OR(OR(t, u), OR(v, w));
    if (_mm256_testz_si256(any, LONGS(0xFFFF0000))) { /* most of them, in most texts */
        const __m256i lower = _mm256_permute4x64_epi64(_mm256_packus_epi32(t, u), 0xD8);
        const __m256i upper = _mm256_permute4x64_epi64(_mm256_packus_epi32(v, w), 0xD8);
        if (_mm256_testz_si256(any, LONGS(0xFF80))) {
            STORE256(dst, _mm256_permute4x64_epi64(_mm256_packus_epi16(lower, upper), 0xD8));
            return 32;
        }
        const size_t size = words(dst, lower, bad);
        return size + words(dst + size, upper, bad);
    }
    const size_t size = longs(dst, t, u, bad);
    return size + longs(dst + size, v, w, bad);
}

AVX2 WSF_INLINE size_t transcode(uint8_t *dst, size_t room, const uint8_t *src, size_t chars, int width)
{
    __m256i bad = ZERO;
    size_t o = 0;
    if (chars >= 32 && room >= 2 * HALF_ROOM) {
        const uint8_t *const start = src, *const last = src + (chars - 32) * (size_t)width;
        uint8_t *to = dst, *const last_to = dst + room - 2 * HALF_ROOM;
        do {
            to += width == 1 ? step1(to, src) : width == 2 ? step2(to, src, &bad) : step4(to, src, &bad);
            src += 32 * (size_t)width;
        } while (src <= last && to <= last_to);
        chars -= (size_t)(src - start) / (size_t)width;
        o = (size_t)(to - dst);
    }
    if (width == 2 && chars > 0 && room - o >= 2 * HALF_ROOM) {
        o += part2(dst + o, src, chars, &bad);
        chars = 0;
    }
    while (chars > 0) {
        uint8_t aside[HALF_ROOM];
        const size_t units = width == 1 ? 32 : 16;
        const size_t count = chars < units ? chars : units, bytes = count * (size_t)width;
        const __m256i u = wsf_load_part(src, bytes < 32 ? bytes : 32);
        const __m256i v = bytes > 32 ? wsf_load_part(src + 32, bytes - 32) : ZERO;
        uint8_t *to = room - o < HALF_ROOM ? aside : dst + o;
        const size_t size = half_step(to, u, v, &bad, width) - (units - count); /* a zero for each not there */
        if (to == aside) {
            memcpy(dst + o, aside, size);
        }
        o += size;
        chars -= count;
        src += bytes;
    }
    return _mm256_testz_si256(bad, bad) ? o : SIZE_MAX;
}

AVX2 size_t wsf_utf8_from_ucs1_avx2(uint8_t *dst, size_t room, const uint8_t *src, size_t chars)
{
    return transcode(dst, room, src, chars, 1);
}

AVX2 size_t wsf_utf8_from_ucs2_avx2(uint8_t *dst, size_t room, const uint16_t *src, size_t chars)
{
    return transcode(dst, room, (const uint8_t *)src, chars, 2);
}

AVX2 size_t wsf_utf8_from_ucs4_avx2(uint8_t *dst, size_t room, const uint32_t *src, size_t chars)
{
    return transcode(dst, room, (const uint8_t *)src, chars, 4);
}
#endif
