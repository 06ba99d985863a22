/* XOR with a 4-byte key, 64 bytes a vector; up to 64 bytes are one masked load and store.  Beyond,
 * vectors may overlap: what overlaps is loaded before anything is stored, so that dst == src stays
 * right.  Long ranges are written from 64-byte boundaries on. */
#include "target.h"

#ifdef WSF_AVX
#include <immintrin.h>

#include "variants.h"
#include "xor_small.h"

#define AVX512 WSF_TARGET("avx512f,avx512bw,avx512vl,bmi2")
#define KEY(at) _mm512_set1_epi32((int)wsf_key_at(k, at))
#define XOR(at, key) _mm512_xor_si512(_mm512_loadu_si512((const void *)(src + (at))), key)
#define STORE(at, v) _mm512_storeu_si512((void *)(dst + (at)), v)
#define OR3(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0xFE)

AVX512 WSF_INLINE uint8_t run(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    const uint32_t k = wsf_load32(key);
    const __m512i k0 = KEY(0);
    if (n <= 64) {
        const __mmask64 m = n < 64 ? _bzhi_u64(~UINT64_C(0), (unsigned)n) : ~UINT64_C(0);
        const __m512i a = _mm512_xor_si512(_mm512_maskz_loadu_epi8(m, src), k0);
        _mm512_mask_storeu_epi8(dst, m, a);
        return (_mm512_movepi8_mask(a) & m) ? 0x80 : 0;
    }
    const __m512i kn = KEY(n);
    const __m512i first = XOR(0, k0), last = XOR(n - 64, kn);
    __m512i seen = _mm512_or_si512(first, last);
    if (n > 256) {
        size_t i = 64 - ((uintptr_t)dst & 63);
        const __m512i ki = KEY(i);
        for (; n - i > 256; i += 256) {
            const __m512i a = XOR(i, ki), b = XOR(i + 64, ki), c = XOR(i + 128, ki), d = XOR(i + 192, ki);
            STORE(i, a);
            STORE(i + 64, b);
            STORE(i + 128, c);
            STORE(i + 192, d);
            seen = OR3(seen, OR3(a, b, c), d);
        }
        for (; n - i > 64; i += 64) {
            const __m512i a = XOR(i, ki);
            STORE(i, a);
            seen = _mm512_or_si512(seen, a);
        }
    } else if (n > 128) {
        const __m512i a = XOR(64, k0), b = XOR(n - 128, kn);
        STORE(64, a);
        STORE(n - 128, b);
        seen = OR3(seen, a, b);
    }
    STORE(0, first);
    STORE(n - 64, last);
    return _mm512_movepi8_mask(seen) ? 0x80 : 0;
}

AVX512 void wsf_xor_avx512(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    (void)run(dst, src, n, key);
}

AVX512 uint8_t wsf_xor_or_avx512(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4])
{
    return run(dst, src, n, key);
}
#endif
