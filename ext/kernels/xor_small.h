/* XOR of fewer than 16 bytes, for little-endian machines: two words which may overlap, both
 * loaded before either is stored, so that dst == src stays right. */
#ifndef WSF_XOR_SMALL_H
#define WSF_XOR_SMALL_H

#include "target.h"

/* The key as seen `n` bytes further on. */
WSF_INLINE uint32_t wsf_key_at(uint32_t key, size_t n)
{
    const unsigned bits = 8 * (unsigned)(n & 3);
    return (key >> bits) | (key << ((32 - bits) & 31));
}

WSF_INLINE uint64_t wsf_twice(uint32_t key) { return ((uint64_t)key << 32) | key; }

/* Returns bytes whose OR is that of the bytes written. */
WSF_INLINE uint64_t wsf_xor_below_16(uint8_t *dst, const uint8_t *src, size_t n, uint32_t key)
{
    if (n >= 8) {
        const uint64_t a = wsf_load64(src) ^ wsf_twice(key);
        const uint64_t b = wsf_load64(src + n - 8) ^ wsf_twice(wsf_key_at(key, n));
        wsf_store64(dst, a);
        wsf_store64(dst + n - 8, b);
        return a | b;
    }
    if (n >= 4) {
        const uint32_t a = wsf_load32(src) ^ key;
        const uint32_t b = wsf_load32(src + n - 4) ^ wsf_key_at(key, n);
        wsf_store32(dst, a);
        wsf_store32(dst + n - 4, b);
        return a | b;
    }
    if (n == 0) {
        return 0;
    }
    const size_t mid = n >> 1, end = n - 1;
    const uint8_t a = (uint8_t)(src[0] ^ key);
    const uint8_t b = (uint8_t)(src[mid] ^ (key >> (8 * mid)));
    const uint8_t c = (uint8_t)(src[end] ^ (key >> (8 * end)));
    dst[0] = a;
    dst[mid] = b;
    dst[end] = c;
    return a | b | c;
}

WSF_INLINE uint8_t wsf_high_bit(uint64_t bytes)
{
    return bytes & UINT64_C(0x8080808080808080) ? 0x80 : 0;
}

#endif
