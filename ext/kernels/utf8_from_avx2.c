/* Code points to UTF-8, 32 a step. */
#include "target.h"

#ifdef WSF_AVX
#include "avx2_part.h"
#include "utf8_avx2_astral.h"
#include "utf8_avx2_pairs.h"
#include "utf8_avx2_quads.h"
#include "variants.h"

/* 32 units write at most so many bytes, whole vectors included. */
enum { ROOM = 128 };

#define BELOW_800(any) _mm256_testz_si256(any, _mm256_set1_epi16((short)0xF800))

/* 32 units, with short cuts.  (Half as many would be of one kind more often, but a branch that is often
 * predicted wrong costs more than what it avoids.) */
AVX2 WSF_INLINE size_t step1(uint8_t *dst, const uint8_t *src, byte_rows k)
{
    const __m256i u = LOAD(src);
    const uint32_t high = (uint32_t)_mm256_movemask_epi8(u);
    if (!high) {
        STORE256(dst, u);
        return 32;
    }
    return put_bytes(dst, u, high, k);
}

/* Steps from *from to `last` while there is room: until *to is beyond last_to. */
AVX2 WSF_INLINE void steps1(uint8_t **to, const uint8_t **from, const uint8_t *last, uint8_t *last_to)
{
    const byte_rows k = get_byte_rows();
    uint8_t *dst = *to;
    const uint8_t *src = *from;
    do {
        dst += step1(dst, src, k);
        src += 32;
    } while (src <= last && dst <= last_to);
    *to = dst;
    *from = src;
}

AVX2 WSF_INLINE void steps2(uint8_t **to, const uint8_t **from, const uint8_t *last, uint8_t *last_to, __m256i *bad)
{
    uint8_t *dst = *to;
    const uint8_t *src = *from;
    while (src <= last && dst <= last_to) {
        __m256i u = LOAD(src), v = LOAD(src + 32);
        if (BELOW_800(OR(u, v))) {
            const pair_rows k = get_pair_rows();
            do {
                dst += put_words(dst, u, v, k);
                src += 64;
                if (src > last || dst > last_to) {
                    break;
                }
                u = LOAD(src), v = LOAD(src + 32);
            } while (BELOW_800(OR(u, v)));
        } else {
            const word_rows k = get_word_rows();
            do {
                dst += words(dst, u, bad, k);
                dst += words(dst, v, bad, k);
                src += 64;
                if (src > last || dst > last_to) {
                    break;
                }
                u = LOAD(src), v = LOAD(src + 32);
            } while (!_mm256_testz_si256(OR(u, v), k.upper_5));
        }
    }
    *to = dst;
    *from = src;
}

AVX2 WSF_INLINE void steps4(uint8_t **to, const uint8_t **from, const uint8_t *last, uint8_t *last_to, __m256i *bad)
{
    uint8_t *dst = *to;
    const uint8_t *src = *from;
    while (src <= last && dst <= last_to) {
        const __m256i t = LOAD(src), u = LOAD(src + 32), v = LOAD(src + 64), w = LOAD(src + 96);
        const __m256i any = OR(OR(t, u), OR(v, w));
        src += 128;
        if (!_mm256_testz_si256(any, _mm256_set1_epi32((int)0xFFFF0000))) {
            const astral_rows a = get_astral_rows();
            const __m256i none = OR(OR(between(t, a), between(u, a)), OR(between(v, a), between(w, a)));
            if (_mm256_testz_si256(none, none)) {
                dst = put_astral(put_astral(put_astral(put_astral(dst, t, a), u, a), v, a), w, a);
                continue;
            }
            const long_rows k = get_long_rows();
            dst += longs(dst, t, u, bad, k);
            dst += longs(dst, v, w, bad, k);
            continue;
        }
        const __m256i lower = _mm256_permute4x64_epi64(_mm256_packus_epi32(t, u), 0xD8);
        const __m256i upper = _mm256_permute4x64_epi64(_mm256_packus_epi32(v, w), 0xD8);
        if (_mm256_testz_si256(any, _mm256_set1_epi32(0xFF80))) {
            STORE256(dst, _mm256_permute4x64_epi64(_mm256_packus_epi16(lower, upper), 0xD8));
            dst += 32;
        } else {
            const word_rows k = get_word_rows();
            dst += words(dst, lower, bad, k);
            dst += words(dst, upper, bad, k);
        }
    }
    *to = dst;
    *from = src;
}

/* 1 to 32 units of 1 byte, with room for 32 of them. */
AVX2 WSF_INLINE size_t part1(uint8_t *dst, const uint8_t *src, size_t chars)
{
    const __m256i u = wsf_load_part(src, chars);
    return put_bytes(dst, u, (uint32_t)_mm256_movemask_epi8(u), get_byte_rows()) - (32 - chars);
}

/* 1 to 32 units of 2 bytes, with room for 32 of them. */
AVX2 WSF_INLINE size_t part2(uint8_t *dst, const uint8_t *src, size_t chars, __m256i *bad)
{
    const __m256i u = wsf_load_part(src, chars < 16 ? 2 * chars : 32);
    if (chars <= 16) { /* a zero for each unit that is not there */
        return words(dst, u, bad, get_word_rows()) - (16 - chars);
    }
    const __m256i v = wsf_load_part(src + 32, 2 * chars - 32);
    if (BELOW_800(OR(u, v))) {
        return put_words(dst, u, v, get_pair_rows()) - (32 - chars);
    }
    const word_rows k = get_word_rows();
    const size_t size = words(dst, u, bad, k);
    return size + words(dst + size, v, bad, k) - (32 - chars);
}

/* The 8 units from `at` on, and zeros for those that are not there. */
AVX2 WSF_INLINE __m256i load8(const uint8_t *src, size_t chars, size_t at)
{
    static const uint32_t down[16] = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7};
    static const uint32_t ones[16] = {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u};
    if (chars >= at + 8) {
        return LOAD(src + 4 * at);
    }
    if (chars <= at) {
        return ZERO;
    }
    if (chars < 8) {
        return wsf_load_part(src, 4 * chars);
    }
    const size_t left = chars - at;
    const __m256i last = LOAD(src + 4 * (chars - 8));
    return AND(_mm256_permutevar8x32_epi32(last, LOAD(down + 8 - left)), LOAD(ones + 8 - left));
}

/* 1 to 32 units of 4 bytes, with room for 32 of them. */
AVX2 WSF_INLINE size_t part4(uint8_t *dst, const uint8_t *src, size_t chars, __m256i *bad)
{
    const astral_rows k = get_astral_rows();
    const __m256i t = load8(src, chars, 0), u = load8(src, chars, 8);
    const __m256i v = load8(src, chars, 16), w = load8(src, chars, 24);
    const __m256i none = OR(OR(between(t, k), between(u, k)), OR(between(v, k), between(w, k)));
    if (_mm256_testz_si256(none, none)) {
        uint8_t *to = put_astral(dst, t, k);
        if (chars > 8) {
            to = put_astral(to, u, k);
        }
        if (chars > 16) {
            to = put_astral(to, v, k);
        }
        if (chars > 24) {
            to = put_astral(to, w, k);
        }
        return (size_t)(to - dst) - (0 - chars) % 8; /* a zero for each unit that is not there */
    }
    const size_t size = longs(dst, t, u, bad, get_long_rows());
    if (chars <= 16) {
        return size - (16 - chars);
    }
    return size + longs(dst + size, v, w, bad, get_long_rows()) - (32 - chars);
}

AVX2 WSF_INLINE size_t part(uint8_t *dst, const uint8_t *src, size_t chars, __m256i *bad, int width)
{
    return width == 1   ? part1(dst, src, chars)
           : width == 2 ? part2(dst, src, chars, bad)
                        : part4(dst, src, chars, bad);
}

/* A text of any size, in any room. */
AVX2 WSF_INLINE size_t transcode(uint8_t *dst, size_t room, const uint8_t *src, size_t chars, int width)
{
    __m256i bad = ZERO;
    size_t o = 0;
    if (chars >= 32 && room >= ROOM) {
        const uint8_t *from = src, *const last = src + (chars - 32) * (size_t)width;
        uint8_t *to = dst, *const last_to = dst + room - ROOM;
        if (width == 1) {
            steps1(&to, &from, last, last_to);
        } else if (width == 2) {
            steps2(&to, &from, last, last_to, &bad);
        } else {
            steps4(&to, &from, last, last_to, &bad);
        }
        chars -= (size_t)(from - src) / (size_t)width;
        src = from;
        o = (size_t)(to - dst);
    }
    while (chars > 0) {
        uint8_t aside[ROOM];
        const size_t count = chars < 32 ? chars : 32;
        uint8_t *const to = room - o < ROOM ? aside : dst + o;
        const size_t size = part(to, src, count, &bad, width);
        if (to == aside) {
            memcpy(dst + o, aside, size);
        }
        o += size;
        chars -= count;
        src += count * (size_t)width;
    }
    return _mm256_testz_si256(bad, bad) ? o : SIZE_MAX;
}

/* A short text with room needs no loop, and is spared what such a function sets up. */
#define FROM(name, unit)                                                                             \
    AVX2 WSF_NOINLINE static size_t name##_long(uint8_t *dst, size_t room, const unit *src, size_t chars) \
    {                                                                                                \
        return transcode(dst, room, (const uint8_t *)src, chars, (int)sizeof(unit));                    \
    }                                                                                                \
                                                                                                     \
    AVX2 size_t name(uint8_t *dst, size_t room, const unit *src, size_t chars)                       \
    {                                                                                                \
        __m256i bad = ZERO;                                                                          \
        if (chars == 0 || chars > 32 || room < ROOM) {                                               \
            return name##_long(dst, room, src, chars);                                               \
        }                                                                                            \
        const size_t size = part(dst, (const uint8_t *)src, chars, &bad, (int)sizeof(unit));            \
        return _mm256_testz_si256(bad, bad) ? size : SIZE_MAX;                                       \
    }

FROM(wsf_utf8_from_ucs1_avx2, uint8_t)
FROM(wsf_utf8_from_ucs2_avx2, uint16_t)
FROM(wsf_utf8_from_ucs4_avx2, uint32_t)
#endif
