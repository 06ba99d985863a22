/* Bytes of UTF-8 that units become, on any machine.  A word of 8 bytes is a row of units: sums and
 * bits of one stay in its place, so the byte order does not matter. */
#include "target.h"
#include "variants.h"

#define WORD(p) wsf_load64((const uint8_t *)(p))

/* The same value in each unit of a word. */
#define ROW(unit, value) ((uint64_t)(unit)(value) * (~UINT64_C(0) / (unit)~(unit)0))
#define TOP(unit) ROW(unit, (unit)1 << (8 * sizeof(unit) - 1))

/* The top bit of each unit in x that is not 0. */
#define ANY(unit, x) (((((x) & ~TOP(unit)) + ~TOP(unit)) | (x)) & TOP(unit))
/* 1 in each unit that is `limit`, a power of two, or more. */
#define OVER(unit, w, limit) (ANY(unit, (w) & ROW(unit, ~(unit)(limit - 1))) >> (8 * sizeof(unit) - 1))

/* The sum of the units of a word, if it fits in one unit. */
#define SUM(unit, w) (size_t)((w) * ROW(unit, 1) >> (64 - 8 * sizeof(unit)))

#define SIZE(name, unit, extra_of)                             \
    size_t name(const unit *src, size_t chars)                 \
    {                                                          \
        enum { UNITS = 8 / sizeof(unit), BLOCK = 16 * UNITS }; \
        size_t i = 0, size = chars;                            \
        uint64_t extra = 0;                                    \
        for (; chars - i >= BLOCK; i += BLOCK) {               \
            uint64_t sum = 0;                                  \
            for (size_t j = 0; j < BLOCK; j += UNITS) {        \
                const uint64_t w = WORD(src + i + j);          \
                sum += extra_of(w);                            \
            }                                                  \
            size += SUM(unit, sum);                            \
        }                                                      \
        for (; chars - i >= UNITS; i += UNITS) {               \
            const uint64_t w = WORD(src + i);                  \
            extra += extra_of(w);                              \
        }                                                      \
        for (; i < chars; i++) {                               \
            extra += extra_of((uint64_t)src[i]);               \
        }                                                      \
        return size + SUM(unit, extra);                        \
    }

#define EXTRA1(w) (((w) & TOP(uint8_t)) >> 7)
#define EXTRA2(w) (OVER(uint16_t, w, 0x80) + OVER(uint16_t, w, 0x800))

SIZE(wsf_utf8_size_ucs1_scalar, uint8_t, EXTRA1)
SIZE(wsf_utf8_size_ucs2_scalar, uint16_t, EXTRA2)

/* Only two units would fit in a word; compilers make vectors of this. */
size_t wsf_utf8_size_ucs4_scalar(const uint32_t *src, size_t chars)
{
    enum { BLOCK = 1 << 16 };
    size_t size = chars;
    while (chars > 0) {
        const size_t some = chars < BLOCK ? chars : BLOCK;
        int32_t extra = 0;
        for (size_t i = 0; i < some; i++) {
            const int32_t u = (int32_t)src[i];
            extra += (u > 0x7F) + (u > 0x7FF) + (u > 0xFFFF);
        }
        size += (size_t)extra;
        src += some;
        chars -= some;
    }
    return size;
}
