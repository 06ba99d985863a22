/* One code point of UTF-8 (RFC 3629): what every kernel does at the ends and on bad input. */
#ifndef WSF_UTF8_POINT_H
#define WSF_UTF8_POINT_H

#include "kernels.h"
#include "target.h"

WSF_INLINE int wsf_is_continuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

/* Whether `second` may follow the lead byte `first`; first is in [0xC2, 0xF4]. */
WSF_INLINE int wsf_may_follow(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xE0: return second >= 0xA0 && second <= 0xBF; /* overlong below */
    case 0xED: return second >= 0x80 && second <= 0x9F; /* surrogates above */
    case 0xF0: return second >= 0x90 && second <= 0xBF; /* overlong below */
    case 0xF4: return second >= 0x80 && second <= 0x8F; /* beyond U+10FFFF above */
    default: return wsf_is_continuation(second);
    }
}

/* Bytes that a sequence starting with this byte has, 0 if none starts so. */
WSF_INLINE size_t wsf_utf8_length(uint8_t first)
{
    return first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
}

/* Length of the valid code point that p[0, n) starts with, 0 if there is none. */
WSF_INLINE size_t wsf_utf8_valid(const uint8_t *p, size_t n)
{
    const uint8_t first = p[0];
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xE0) {
        return first >= 0xC2 && n >= 2 && wsf_is_continuation(p[1]) ? 2 : 0;
    }
    if (first < 0xF0) {
        return n >= 3 && wsf_may_follow(first, p[1]) && wsf_is_continuation(p[2]) ? 3 : 0;
    }
    return first < 0xF5 && n >= 4 && wsf_may_follow(first, p[1]) && wsf_is_continuation(p[2]) &&
           wsf_is_continuation(p[3]) ? 4 : 0;
}

/* Decode the code point that p[0, n) starts with, n > 0.  Returns its length, never more than n:
 * on bad input the value is meaningless, the bounds hold. */
WSF_INLINE size_t wsf_utf8_decode(const uint8_t *p, size_t n, uint32_t *point)
{
    const uint32_t a = p[0];
    if (a < 0x80 || n < 2) {
        *point = a;
        return 1;
    }
    const uint32_t b = p[1] & 0x3Fu;
    if (a < 0xE0 || n < 3) {
        *point = (a & 0x1F) << 6 | b;
        return 2;
    }
    const uint32_t c = p[2] & 0x3Fu;
    if (a < 0xF0 || n < 4) {
        *point = (a & 0x0F) << 12 | b << 6 | c;
        return 3;
    }
    *point = (a & 0x07) << 18 | b << 12 | c << 6 | (p[3] & 0x3Fu);
    return 4;
}

#endif
