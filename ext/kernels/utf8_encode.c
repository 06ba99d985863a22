/* Code points to UTF-8 (RFC 3629), on any machine.  A word of 8 bytes is a row of units: sums and
 * bits of one stay in its place, so the byte order does not matter. */
#include "kernels.h"
#include "target.h"

#define WORD(p) wsf_load64((const uint8_t *)(p))

/* The same value in each unit of a word. */
#define ROW(unit, value) ((uint64_t)(unit)(value) * (~UINT64_C(0) / (unit)~(unit)0))
#define TOP(unit) ROW(unit, (unit)1 << (8 * sizeof(unit) - 1))

/* The top bit of each unit in x that is not 0. */
#define ANY(unit, x) (((((x) & ~TOP(unit)) + ~TOP(unit)) | (x)) & TOP(unit))
/* 1 in each unit that is `limit`, a power of two, or more. */
#define OVER(unit, w, limit) (ANY(unit, (w) & ROW(unit, ~(unit)(limit - 1))) >> (8 * sizeof(unit) - 1))
#define SURROGATES(unit, w) (~ANY(unit, ((w) & ROW(unit, ~(unit)0x7FF)) ^ ROW(unit, 0xD800)) & TOP(unit))

/* The sum of the units of a word, if it fits in one unit. */
#define SUM(unit, w) (size_t)((w) * ROW(unit, 1) >> (64 - 8 * sizeof(unit)))

#define SIZE(name, unit, extra_of, surrogates_of)              \
    size_t name(const unit *src, size_t chars)                 \
    {                                                          \
        enum { UNITS = 8 / sizeof(unit), BLOCK = 16 * UNITS }; \
        size_t i = 0, size = chars;                            \
        uint64_t bad = 0, extra = 0;                           \
        for (; chars - i >= BLOCK; i += BLOCK) {               \
            uint64_t sum = 0;                                  \
            for (size_t j = 0; j < BLOCK; j += UNITS) {        \
                const uint64_t w = WORD(src + i + j);          \
                sum += extra_of(w);                            \
                bad |= surrogates_of(w);                       \
            }                                                  \
            size += SUM(unit, sum);                            \
        }                                                      \
        for (; chars - i >= UNITS; i += UNITS) {               \
            const uint64_t w = WORD(src + i);                  \
            extra += extra_of(w);                              \
            bad |= surrogates_of(w);                           \
        }                                                      \
        for (; i < chars; i++) {                               \
            extra += extra_of((uint64_t)src[i]);               \
            bad |= surrogates_of((uint64_t)src[i]);            \
        }                                                      \
        return bad ? SIZE_MAX : size + SUM(unit, extra);       \
    }

#define EXTRA1(w) (((w) & TOP(uint8_t)) >> 7)
#define EXTRA2(w) (OVER(uint16_t, w, 0x80) + OVER(uint16_t, w, 0x800))
#define NONE(w) 0
#define SURROGATES2(w) SURROGATES(uint16_t, w)

SIZE(wsf_utf8_size_ucs1, uint8_t, EXTRA1, NONE)
SIZE(wsf_utf8_size_ucs2, uint16_t, EXTRA2, SURROGATES2)

/* Only two units would fit in a word; compilers make vectors of this. */
size_t wsf_utf8_size_ucs4(const uint32_t *src, size_t chars)
{
    enum { BLOCK = 1 << 16 };
    size_t size = chars;
    int32_t bad = 0;
    while (chars > 0) {
        const size_t some = chars < BLOCK ? chars : BLOCK;
        int32_t extra = 0;
        for (size_t i = 0; i < some; i++) {
            const int32_t u = (int32_t)src[i];
            extra += (u > 0x7F) + (u > 0x7FF) + (u > 0xFFFF);
            bad |= (u & ~0x7FF) == 0xD800;
        }
        size += (size_t)extra;
        src += some;
        chars -= some;
    }
    return bad ? SIZE_MAX : size;
}

WSF_INLINE uint8_t *put(uint8_t *dst, uint32_t u)
{
    if (u < 0x80) {
        *dst++ = (uint8_t)u;
        return dst;
    }
    if (u < 0x800) {
        *dst++ = (uint8_t)(0xC0 | u >> 6);
    } else if (u < 0x10000) {
        *dst++ = (uint8_t)(0xE0 | u >> 12);
        *dst++ = (uint8_t)(0x80 | (u >> 6 & 0x3F));
    } else {
        *dst++ = (uint8_t)(0xF0 | u >> 18);
        *dst++ = (uint8_t)(0x80 | (u >> 12 & 0x3F));
        *dst++ = (uint8_t)(0x80 | (u >> 6 & 0x3F));
    }
    *dst++ = (uint8_t)(0x80 | (u & 0x3F));
    return dst;
}

/* Whether this many words have none of these bits. */
WSF_INLINE int clear(const void *src, size_t words, uint64_t of)
{
    uint64_t any = 0;
    for (size_t i = 0; i < words; i++) {
        any |= WORD((const uint8_t *)src + 8 * i);
    }
    return !(any & of);
}

#define FROM(name, unit, beyond_ascii)                        \
    void name(uint8_t *dst, const unit *src, size_t chars)    \
    {                                                         \
        size_t i = 0;                                         \
        for (; chars - i >= 8; i += 8) {                      \
            if (clear(src + i, sizeof(unit), beyond_ascii)) { \
                for (size_t j = 0; j < 8; j++) {              \
                    dst[j] = (uint8_t)src[i + j];             \
                }                                             \
                dst += 8;                                     \
                continue;                                     \
            }                                                 \
            for (size_t j = 0; j < 8; j++) {                  \
                dst = put(dst, src[i + j]);                   \
            }                                                 \
        }                                                     \
        for (; i < chars; i++) {                              \
            dst = put(dst, src[i]);                           \
        }                                                     \
    }

FROM(wsf_utf8_from_ucs1, uint8_t, ROW(uint8_t, 0x80))
FROM(wsf_utf8_from_ucs2, uint16_t, ROW(uint16_t, 0xFF80))
FROM(wsf_utf8_from_ucs4, uint32_t, ROW(uint32_t, 0xFFFFFF80))
