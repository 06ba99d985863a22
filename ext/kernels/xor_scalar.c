/* XOR with a 4-byte key: 8 bytes a step, on any machine. */
#include "target.h"
#include "variants.h"

WSF_INLINE uint64_t run(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    uint8_t twice[8];
    memcpy(twice, key, 4);
    memcpy(twice + 4, key, 4);
    const uint64_t k = wsf_load64(twice);
    uint64_t seen = 0;
    size_t i = 0;
    for (; n - i >= 32; i += 32) {
        const uint64_t a = wsf_load64(src + i) ^ k;
        const uint64_t b = wsf_load64(src + i + 8) ^ k;
        const uint64_t c = wsf_load64(src + i + 16) ^ k;
        const uint64_t d = wsf_load64(src + i + 24) ^ k;
        seen |= a | b | c | d;
        wsf_store64(dst + i, a);
        wsf_store64(dst + i + 8, b);
        wsf_store64(dst + i + 16, c);
        wsf_store64(dst + i + 24, d);
    }
    for (; n - i >= 8; i += 8) {
        const uint64_t a = wsf_load64(src + i) ^ k;
        seen |= a;
        wsf_store64(dst + i, a);
    }
    for (; i < n; i++) {
        const uint8_t a = (uint8_t)(src[i] ^ key[i & 3]);
        seen |= a;
        dst[i] = a;
    }
    return seen;
}

void wsf_xor_scalar(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    (void)run(dst, src, n, key);
}

uint8_t wsf_xor_or_scalar(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    return run(dst, src, n, key) & UINT64_C(0x8080808080808080) ? 0x80 : 0;
}
