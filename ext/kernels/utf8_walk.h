/* UTF-8 a code point a step, but for runs of ASCII. */
#ifndef WSF_UTF8_WALK_H
#define WSF_UTF8_WALK_H

#include "utf8_point.h"

/* How many bytes src[0, n) starts with are ASCII, as far as whole words or vectors tell. */
typedef size_t wsf_ascii_fn(const uint8_t *src, size_t n);

WSF_INLINE size_t wsf_utf8_walk(wsf_ascii_fn *ascii, const uint8_t *src, size_t n, wsf_utf8_stats *stats)
{
    size_t i = 0, chars = 0;
    uint8_t max = stats->max;
    while (i < n) {
        const size_t run = ascii(src + i, n - i);
        i += run;
        chars += run;
        for (int round = 0; i < n && (round < 8 || src[i] >= 0x80); round++) {
            const size_t length = wsf_utf8_valid(src + i, n - i);
            if (!length) {
                n = i;
                break;
            }
            if (length > 1) {
                max = src[i] > max ? src[i] : max;
            }
            i += length;
            chars++;
        }
    }
    stats->chars += chars;
    stats->max = max;
    return i;
}

/* The body of a wsf_utf8_ucs*_fn; bounded on both sides whatever src holds.  `ascii` tells whether
 * the next `step` bytes are ASCII; the loop that widens them becomes vectors. */
#define WSF_UTF8_TO(unit, ascii, step, dst, chars, src, n)                            \
    do {                                                                              \
        size_t i = 0, o = 0;                                                          \
        while (i < n && o < chars) {                                                  \
            if (n - i >= step && chars - o >= step && ascii(src + i)) {               \
                for (size_t j = 0; j < step; j++) {                                   \
                    dst[o + j] = src[i + j];                                          \
                }                                                                     \
                i += step;                                                            \
                o += step;                                                            \
                continue;                                                             \
            }                                                                         \
            for (int round = 0; i < n && o < chars && (round < 8 || src[i] >= 0x80); round++) { \
                uint32_t point;                                                       \
                i += wsf_utf8_decode(src + i, n - i, &point);                         \
                dst[o++] = (unit)point;                                               \
            }                                                                         \
        }                                                                             \
    } while (0)

#endif
