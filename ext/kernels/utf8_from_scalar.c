/* Code points to UTF-8 (RFC 3629), on any machine: 8 units a step over ASCII, one elsewhere. */
#include "target.h"
#include "variants.h"

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

/* Whether 8 units are ASCII; words are loaded, so the byte order does not matter. */
#define WORD(p) wsf_load64((const uint8_t *)(p))
#define ROW(unit, value) ((uint64_t)(unit)(value) * (~UINT64_C(0) / (unit) ~(unit)0))

#define FROM(name, unit)                                                     \
    size_t name(uint8_t *dst, size_t room, const unit *src, size_t chars)    \
    {                                                                        \
        uint8_t *const start = dst;                                          \
        size_t i = 0;                                                        \
        int bad = 0;                                                         \
        (void)room;                                                          \
        for (; chars - i >= 8; i += 8) {                                     \
            uint64_t any = 0;                                                \
            for (size_t j = 0; j < 8; j += 8 / sizeof(unit)) {               \
                any |= WORD(src + i + j);                                    \
            }                                                                \
            if (!(any & ROW(unit, ~(unit)0x7F))) {                           \
                for (size_t j = 0; j < 8; j++) {                             \
                    dst[j] = (uint8_t)src[i + j];                            \
                }                                                            \
                dst += 8;                                                    \
                continue;                                                    \
            }                                                                \
            for (size_t j = 0; j < 8; j++) {                                 \
                bad |= (src[i + j] & ~0x7FFu) == 0xD800;                     \
                dst = put(dst, src[i + j]);                                  \
            }                                                                \
        }                                                                    \
        for (; i < chars; i++) {                                             \
            bad |= (src[i] & ~0x7FFu) == 0xD800;                             \
            dst = put(dst, src[i]);                                          \
        }                                                                    \
        return bad ? SIZE_MAX : (size_t)(dst - start);                       \
    }

FROM(wsf_utf8_from_ucs1_scalar, uint8_t)
FROM(wsf_utf8_from_ucs2_scalar, uint16_t)
FROM(wsf_utf8_from_ucs4_scalar, uint32_t)
