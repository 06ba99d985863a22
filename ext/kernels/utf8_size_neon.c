/* Bytes of UTF-8 that units become, 16 bytes of them a step. */
#include "target.h"

#ifdef WSF_ARM64
#include <arm_neon.h>

#include "variants.h"

size_t wsf_utf8_size_ucs1_neon(const uint8_t *src, size_t chars)
{
    uint64x2_t sum = vdupq_n_u64(0);
    size_t i = 0;
    for (; chars - i >= 16; i += 16) {
        const uint8x16_t extra = vshrq_n_u8(vld1q_u8(src + i), 7);
        sum = vpadalq_u32(sum, vpaddlq_u16(vpaddlq_u8(extra)));
    }
    return i + vaddvq_u64(sum) + wsf_utf8_size_ucs1_scalar(src + i, chars - i);
}

size_t wsf_utf8_size_ucs2_neon(const uint16_t *src, size_t chars)
{
    uint64x2_t sum = vdupq_n_u64(0);
    size_t i = 0;
    for (; chars - i >= 8; i += 8) {
        const uint16x8_t u = vld1q_u16(src + i);
        const uint16x8_t two = vcgtq_u16(u, vdupq_n_u16(0x7F)), three = vcgtq_u16(u, vdupq_n_u16(0x7FF));
        const uint16x8_t extra = vsubq_u16(vdupq_n_u16(0), vaddq_u16(two, three));
        sum = vpadalq_u32(sum, vpaddlq_u16(extra));
    }
    return i + vaddvq_u64(sum) + wsf_utf8_size_ucs2_scalar(src + i, chars - i);
}

size_t wsf_utf8_size_ucs4_neon(const uint32_t *src, size_t chars)
{
    uint64x2_t sum = vdupq_n_u64(0);
    size_t i = 0;
    for (; chars - i >= 4; i += 4) {
        const uint32x4_t u = vld1q_u32(src + i);
        const uint32x4_t two = vcgtq_u32(u, vdupq_n_u32(0x7F)), three = vcgtq_u32(u, vdupq_n_u32(0x7FF));
        const uint32x4_t more = vaddq_u32(vaddq_u32(two, three), vcgtq_u32(u, vdupq_n_u32(0xFFFF)));
        sum = vpadalq_u32(sum, vsubq_u32(vdupq_n_u32(0), more));
    }
    return i + vaddvq_u64(sum) + wsf_utf8_size_ucs4_scalar(src + i, chars - i);
}
#endif
