/* UTF-8 to code points, 16 bytes a step: at the last byte of each code point the three bytes of
 * its value are put together, from that byte and the three before it; then, in groups of 8, the
 * places that end no code point are squeezed out. */
#include "target.h"

#ifdef WSF_ARM64
#include <arm_neon.h>

#include "neon_part.h"
#include "utf8_point.h"
#include "utf8_short.h"
#include "utf8_squeeze.h"
#include "variants.h"

/* Bits 0 to 7, 8 to 15 and 16 to 20 of values. */
typedef struct {
    uint8x16_t low, mid, top;
    int has_top;
} values;

/* The values at the ends of code points. */
WSF_INLINE values assemble(uint8x16_t v, uint8x16_t before, int width)
{
    const uint8x16_t one = vextq_u8(before, v, 15), two = vextq_u8(before, v, 14);
    const uint8x16_t three = vextq_u8(before, v, 13), zero = vdupq_n_u8(0);
    const uint8x16_t high = vcgeq_u8(v, vdupq_n_u8(0x80));
    const uint8x16_t fourth = width == 4 ? vcgeq_u8(three, vdupq_n_u8(0xF0)) : zero;
    const uint8x16_t third = vorrq_u8(vcgeq_u8(two, vdupq_n_u8(0xE0)), fourth);
    const uint8x16_t low = vsliq_n_u8(v, one, 6);                                /* lower 6 bits: v */
    const uint8x16_t mid = vsliq_n_u8(vshrq_n_u8(one, 2), vandq_u8(two, third), 4); /* lower 4: one */
    const uint8x16_t top = vsliq_n_u8(vandq_u8(vshrq_n_u8(two, 4), vdupq_n_u8(3)), three, 2);
    values to;
    to.low = vbslq_u8(high, low, v);
    to.mid = vandq_u8(mid, high);
    to.top = vandq_u8(vandq_u8(top, vdupq_n_u8(0x1F)), fourth);
    to.has_top = width == 4 && vmaxvq_u8(fourth);
    return to;
}

/* Write the values of 8 places, low and mid byte of each side by side in `pairs`, which the bits
 * of `ends` choose from; all of dst[0, 8) is written. */
WSF_INLINE void squeeze(uint8_t *dst, uint8x16_t pairs, uint8x16_t tops, unsigned ends, int width)
{
    const uint8x8_t places = vld1_u8((const uint8_t *)&wsf_squeeze[ends]);
    if (width == 1) {
        vst1_u8(dst, vqtbl1_u8(pairs, places));
        return;
    }
    const uint8x8_t twice = vadd_u8(places, places);
    const uint8x16_t even = vcombine_u8(twice, twice);
    const uint8x16_t at = vzip1q_u8(even, vorrq_u8(even, vdupq_n_u8(1))); /* place j: bytes 2j, 2j + 1 */
    uint16x8x2_t units;
    units.val[0] = vreinterpretq_u16_u8(vqtbl1q_u8(pairs, at));
    if (width == 2) {
        vst1q_u8(dst, vreinterpretq_u8_u16(units.val[0]));
        return;
    }
    units.val[1] = vreinterpretq_u16_u8(vqtbl1q_u8(tops, at));
    vst1q_u8(dst, vreinterpretq_u8_u16(vzip1q_u16(units.val[0], units.val[1])));
    vst1q_u8(dst + 16, vreinterpretq_u8_u16(vzip2q_u16(units.val[0], units.val[1])));
}

/* One block of 16 bytes; dst has room for 16 units.  `ends` marks the last bytes of code points.
 * Returns how many units it became. */
WSF_INLINE size_t block(uint8_t *dst, uint8x16_t v, uint8x16_t before, uint8x16_t ends, int width)
{
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t zero = vdupq_n_u8(0);
    uint8x16_t bits = vandq_u8(ends, vld1q_u8(weights));
    bits = vpaddq_u8(bits, bits);
    bits = vpaddq_u8(bits, bits);
    bits = vpaddq_u8(bits, bits); /* a byte for each group of 8 */
    const unsigned groups = vgetq_lane_u16(vreinterpretq_u16_u8(bits), 0);
    const unsigned counts = vgetq_lane_u16(vreinterpretq_u16_u8(vcntq_u8(bits)), 0);
    const size_t second = counts & 0xFF;
    const values from = assemble(v, before, width);
    const uint8x16_t even_top = from.has_top ? vzip1q_u8(from.top, zero) : zero;
    const uint8x16_t odd_top = from.has_top ? vzip2q_u8(from.top, zero) : zero;
    const uint8x16_t even = width == 1 ? from.low : vzip1q_u8(from.low, from.mid);
    const uint8x16_t odd = width == 1 ? vextq_u8(from.low, zero, 8) : vzip2q_u8(from.low, from.mid);
    squeeze(dst, even, even_top, groups & 0xFF, width);
    squeeze(dst + second * (size_t)width, odd, odd_top, groups >> 8, width);
    return second + (counts >> 8);
}

WSF_INLINE void widen(uint8_t *dst, uint8x16_t v, int width)
{
    const uint8x16_t zero = vdupq_n_u8(0);
    if (width == 1) {
        vst1q_u8(dst, v);
        return;
    }
    const uint8x16_t even = vzip1q_u8(v, zero), odd = vzip2q_u8(v, zero);
    if (width == 2) {
        vst1q_u8(dst, even);
        vst1q_u8(dst + 16, odd);
        return;
    }
    const uint16x8_t none = vdupq_n_u16(0), a = vreinterpretq_u16_u8(even), b = vreinterpretq_u16_u8(odd);
    vst1q_u8(dst, vreinterpretq_u8_u16(vzip1q_u16(a, none)));
    vst1q_u8(dst + 16, vreinterpretq_u8_u16(vzip2q_u16(a, none)));
    vst1q_u8(dst + 32, vreinterpretq_u8_u16(vzip1q_u16(b, none)));
    vst1q_u8(dst + 48, vreinterpretq_u8_u16(vzip2q_u16(b, none)));
}

WSF_INLINE void transcode(uint8_t *dst, size_t chars, const uint8_t *src, size_t n, int width)
{
    static const uint8_t order[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    uint8x16_t before = vdupq_n_u8(0);
    size_t o = 0;
    for (size_t i = 0; i < n && o < chars; i += 16) {
        uint8_t aside[16 * 4];
        const size_t left = n - i, room = chars - o;
        const uint8x16_t v = left < 16 ? wsf_load_part(src + i, left) : vld1q_u8(src + i);
        uint8_t *to = room < 16 ? aside : dst + o * (size_t)width;
        size_t count = left < 16 ? left : 16;
        if (vmaxvq_u8(v) >= 0x80) {
            const uint8_t next = left <= 16 || !wsf_is_continuation(src[i + 16]) ? 0xFF : 0;
            const uint8x16_t first = vcgeq_s8(vreinterpretq_s8_u8(v), vdupq_n_s8(-64));
            const uint8x16_t here = vcltq_u8(vld1q_u8(order), vdupq_n_u8((uint8_t)count));
            count = block(to, v, before, vandq_u8(vextq_u8(first, vdupq_n_u8(next), 1), here), width);
        } else {
            widen(to, v, width);
        }
        count = count < room ? count : room;
        if (to == aside) {
            memcpy(dst + o * (size_t)width, aside, count * (size_t)width);
        }
        o += count;
        before = v;
    }
}

void wsf_utf8_ucs1_neon(uint8_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    transcode(dst, chars, src, n, 1);
}

void wsf_utf8_ucs2_neon(uint16_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    transcode((uint8_t *)dst, chars, src, n, 2);
}

void wsf_utf8_ucs4_neon(uint32_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    transcode((uint8_t *)dst, chars, src, n, 4);
}

WSF_UTF8_SHORT(neon)
#endif
