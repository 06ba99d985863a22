/* Code points to UTF-8, 16 a step: each unit is spread over a lane of 2 or 4 bytes, last byte first;
 * then one lookup a group of 8 or 4 units picks the bytes that they have, in order. */
#include "target.h"

#ifdef WSF_ARM64
#include <arm_neon.h>

#include "utf8_pick.h"
#include "variants.h"

/* 16 units write at most so many bytes, whole vectors included. */
enum { STEP_UNITS = 16, STEP_ROOM = 64 };

/* 8 units of 2 bytes, below U+0800. */
WSF_INLINE uint8_t *pairs(uint8_t *dst, uint16x8_t u)
{
    static const uint8_t weights[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    const uint16x8_t two = vcgeq_u16(u, vdupq_n_u16(0x80));
    const uint16x8_t lead = vandq_u16(vshlq_n_u16(u, 2), vdupq_n_u16(0x1F00));
    const uint16x8_t last = vandq_u16(u, vdupq_n_u16(0x3F));
    const uint16x8_t marked = vorrq_u16(vorrq_u16(lead, last), vdupq_n_u16(0xC080));
    const uint8x16_t bytes = vreinterpretq_u8_u16(vbslq_u16(two, marked, u));
    const uint8x8_t index = vand_u8(vmovn_u16(two), vld1_u8(weights));
    const uint64_t *entry = wsf_pick_pairs[vaddv_u8(index)];
    vst1q_u8(dst, vqtbl1q_u8(bytes, vreinterpretq_u8_u64(vld1q_u64(entry))));
    return dst + 8 + (uint8_t)-(unsigned)vaddv_u8(vmovn_u16(two));
}

/* 4 units of 4 bytes. */
WSF_INLINE uint8_t *quads(uint8_t *dst, uint32x4_t u, uint32x4_t *bad)
{
    static const int32_t places[4] = {0, 2, 4, 6};
    const uint32x4_t two = vcgtq_u32(u, vdupq_n_u32(0x7F)), three = vcgtq_u32(u, vdupq_n_u32(0x7FF));
    const uint32x4_t four = vcgtq_u32(u, vdupq_n_u32(0xFFFF));
    const uint32x4_t last = vandq_u32(u, vdupq_n_u32(0x3F));
    const uint32x4_t next = vandq_u32(vshlq_n_u32(u, 2), vdupq_n_u32(0x3F00));
    const uint32x4_t third = vandq_u32(vshlq_n_u32(u, 4), vdupq_n_u32(0x3F0000));
    const uint32x4_t first = vandq_u32(vshlq_n_u32(u, 6), vdupq_n_u32(0x07000000));
    const uint32x4_t mark2 = vbicq_u32(vdupq_n_u32(0x4000), three);
    const uint32x4_t mark3 = vbicq_u32(vdupq_n_u32(0x600000), four);
    const uint32x4_t marks = vorrq_u32(vorrq_u32(mark2, mark3), vdupq_n_u32(0xF0808080));
    const uint32x4_t marked = vorrq_u32(vorrq_u32(vorrq_u32(last, next), vorrq_u32(third, first)), marks);
    const uint8x16_t bytes = vreinterpretq_u8_u32(vbslq_u32(two, marked, u));
    const uint32x4_t lengths = vsubq_u32(vdupq_n_u32(0), vaddq_u32(vaddq_u32(two, three), four));
    const uint32_t index = vaddvq_u32(vshlq_u32(lengths, vld1q_s32(places)));
    const uint32x4_t block = vandq_u32(u, vdupq_n_u32(0xFFFFF800));
    *bad = vorrq_u32(*bad, vceqq_u32(block, vdupq_n_u32(0xD800)));
    vst1q_u8(dst, vqtbl1q_u8(bytes, vreinterpretq_u8_u64(vld1q_u64(wsf_pick_quads[index]))));
    return dst + wsf_quad_sizes[index];
}

WSF_INLINE uint8_t *step1(uint8_t *dst, const uint8_t *src)
{
    const uint8x16_t u = vld1q_u8(src);
    if (vmaxvq_u8(u) < 0x80) {
        vst1q_u8(dst, u);
        return dst + 16;
    }
    return pairs(pairs(dst, vmovl_u8(vget_low_u8(u))), vmovl_u8(vget_high_u8(u)));
}

WSF_INLINE uint8_t *step2(uint8_t *dst, const uint8_t *src, uint32x4_t *bad)
{
    const uint16x8_t u = vreinterpretq_u16_u8(vld1q_u8(src)), v = vreinterpretq_u16_u8(vld1q_u8(src + 16));
    const uint16_t most = vmaxvq_u16(vmaxq_u16(u, v));
    if (most < 0x80) {
        vst1q_u8(dst, vcombine_u8(vmovn_u16(u), vmovn_u16(v)));
        return dst + 16;
    }
    if (most < 0x800) {
        return pairs(pairs(dst, u), v);
    }
    dst = quads(dst, vmovl_u16(vget_low_u16(u)), bad);
    dst = quads(dst, vmovl_u16(vget_high_u16(u)), bad);
    dst = quads(dst, vmovl_u16(vget_low_u16(v)), bad);
    return quads(dst, vmovl_u16(vget_high_u16(v)), bad);
}

WSF_INLINE uint32x4_t load32(const uint8_t *src) { return vreinterpretq_u32_u8(vld1q_u8(src)); }

WSF_INLINE uint8_t *step4(uint8_t *dst, const uint8_t *src, uint32x4_t *bad)
{
    const uint32x4_t t = load32(src), u = load32(src + 16), v = load32(src + 32), w = load32(src + 48);
    if (vmaxvq_u32(vmaxq_u32(vmaxq_u32(t, u), vmaxq_u32(v, w))) < 0x80) {
        const uint16x8_t lower = vcombine_u16(vmovn_u32(t), vmovn_u32(u));
        const uint16x8_t upper = vcombine_u16(vmovn_u32(v), vmovn_u32(w));
        vst1q_u8(dst, vcombine_u8(vmovn_u16(lower), vmovn_u16(upper)));
        return dst + 16;
    }
    return quads(quads(quads(quads(dst, t, bad), u, bad), v, bad), w, bad);
}

/* Returns how many bytes it became. */
WSF_INLINE size_t step(uint8_t *dst, const uint8_t *src, uint32x4_t *bad, int width)
{
    const uint8_t *end = width == 1   ? step1(dst, src)
                         : width == 2 ? step2(dst, src, bad)
                                      : step4(dst, src, bad);
    return (size_t)(end - dst);
}

WSF_INLINE size_t transcode(uint8_t *dst, size_t room, const uint8_t *src, size_t chars, int width)
{
    uint32x4_t bad = vdupq_n_u32(0);
    size_t o = 0;
    for (; chars >= STEP_UNITS && room - o >= STEP_ROOM; chars -= STEP_UNITS, src += STEP_UNITS * width) {
        o += step(dst + o, src, &bad, width);
    }
    while (chars > 0) {
        uint8_t units[STEP_UNITS * 4] = {0}, aside[STEP_ROOM];
        const size_t count = chars < STEP_UNITS ? chars : STEP_UNITS, bytes = count * (size_t)width;
        memcpy(units, src, bytes);
        /* a zero for each not there */
        const size_t size = step(aside, units, &bad, width) - (STEP_UNITS - count);
        memcpy(dst + o, aside, size);
        o += size;
        chars -= count;
        src += bytes;
    }
    return vmaxvq_u32(bad) ? SIZE_MAX : o;
}

size_t wsf_utf8_from_ucs1_neon(uint8_t *dst, size_t room, const uint8_t *src, size_t chars)
{
    return transcode(dst, room, src, chars, 1);
}

size_t wsf_utf8_from_ucs2_neon(uint8_t *dst, size_t room, const uint16_t *src, size_t chars)
{
    return transcode(dst, room, (const uint8_t *)src, chars, 2);
}

size_t wsf_utf8_from_ucs4_neon(uint8_t *dst, size_t room, const uint32_t *src, size_t chars)
{
    return transcode(dst, room, (const uint8_t *)src, chars, 4);
}
#endif
