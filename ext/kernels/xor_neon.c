/* XOR with a 4-byte key, 16 bytes a vector.  The tail is loaded before anything is stored and
 * stored last, so it may overlap the whole vectors, in place too. */
#include "target.h"

#ifdef WSF_ARM64
#include <arm_neon.h>

#include "variants.h"
#include "xor_small.h"

WSF_INLINE uint8_t run(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    const uint32_t k = wsf_load32(key);
    if (n < 16) {
        return wsf_high_bit(wsf_xor_below_16(dst, src, n, k));
    }
    const uint8x16_t kv = vreinterpretq_u8_u32(vdupq_n_u32(k));
    const uint8x16_t kt = vreinterpretq_u8_u32(vdupq_n_u32(wsf_key_at(k, n)));
    const uint8x16_t tail = veorq_u8(vld1q_u8(src + n - 16), kt);
    uint8x16_t seen = tail;
    size_t i = 0;
    for (; n - i > 64; i += 64) {
        const uint8x16_t a = veorq_u8(vld1q_u8(src + i), kv);
        const uint8x16_t b = veorq_u8(vld1q_u8(src + i + 16), kv);
        const uint8x16_t c = veorq_u8(vld1q_u8(src + i + 32), kv);
        const uint8x16_t d = veorq_u8(vld1q_u8(src + i + 48), kv);
        vst1q_u8(dst + i, a);
        vst1q_u8(dst + i + 16, b);
        vst1q_u8(dst + i + 32, c);
        vst1q_u8(dst + i + 48, d);
        seen = vorrq_u8(seen, vorrq_u8(vorrq_u8(a, b), vorrq_u8(c, d)));
    }
    for (; n - i > 16; i += 16) {
        const uint8x16_t a = veorq_u8(vld1q_u8(src + i), kv);
        vst1q_u8(dst + i, a);
        seen = vorrq_u8(seen, a);
    }
    vst1q_u8(dst + n - 16, tail);
    return vmaxvq_u8(seen) & 0x80;
}

void wsf_xor_neon(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    (void)run(dst, src, n, key);
}

uint8_t wsf_xor_or_neon(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    return run(dst, src, n, key);
}
#endif
