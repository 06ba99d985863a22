/* UTF-8 to code points, one a step. */
#include "utf8_point.h"
#include "variants.h"

#define TRANSCODE(name, unit)                                           \
    void name(unit *dst, size_t chars, const uint8_t *src, size_t n)    \
    {                                                                   \
        size_t i = 0, o = 0;                                            \
        while (i < n && o < chars) {                                    \
            if (src[i] < 0x80) {                                        \
                dst[o++] = src[i++];                                    \
                continue;                                               \
            }                                                           \
            uint32_t point;                                             \
            i += wsf_utf8_decode(src + i, n - i, &point);               \
            dst[o++] = (unit)point;                                     \
        }                                                               \
    }

TRANSCODE(wsf_utf8_ucs1_scalar, uint8_t)
TRANSCODE(wsf_utf8_ucs2_scalar, uint16_t)
TRANSCODE(wsf_utf8_ucs4_scalar, uint32_t)
