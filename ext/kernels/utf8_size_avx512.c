/* Bytes of UTF-8 that units become, 64 bytes of them a step. */
#include "target.h"

#ifdef WSF_AVX
#include <immintrin.h>

#include "avx512_part.h"
#include "variants.h"

#define AVX512 WSF_TARGET("avx512f,avx512bw,avx512vl,bmi2,popcnt")

AVX512 size_t wsf_utf8_size_ucs1_avx512(const uint8_t *src, size_t chars)
{
    size_t size = chars;
    for (size_t i = 0; i < chars; i += 64) {
        const __m512i u = _mm512_maskz_loadu_epi8(wsf_ones(chars - i), src + i);
        size += (size_t)_mm_popcnt_u64(_mm512_movepi8_mask(u));
    }
    return size;
}

AVX512 size_t wsf_utf8_size_ucs2_avx512(const uint16_t *src, size_t chars)
{
    const __m512i two = _mm512_set1_epi16((short)0xFF80), three = _mm512_set1_epi16((short)0xF800);
    size_t size = chars;
    for (size_t i = 0; i < chars; i += 32) {
        const __m512i u = _mm512_maskz_loadu_epi16((__mmask32)wsf_ones(chars - i), src + i);
        size += (size_t)_mm_popcnt_u32(_mm512_test_epi16_mask(u, two));
        size += (size_t)_mm_popcnt_u32(_mm512_test_epi16_mask(u, three));
    }
    return size;
}

AVX512 size_t wsf_utf8_size_ucs4_avx512(const uint32_t *src, size_t chars)
{
    const __m512i two = _mm512_set1_epi32(~0x7F), three = _mm512_set1_epi32(~0x7FF);
    const __m512i four = _mm512_set1_epi32(~0xFFFF);
    size_t size = chars;
    for (size_t i = 0; i < chars; i += 16) {
        const __m512i u = _mm512_maskz_loadu_epi32((__mmask16)wsf_ones(chars - i), src + i);
        size += (size_t)_mm_popcnt_u32(_mm512_test_epi32_mask(u, two));
        size += (size_t)_mm_popcnt_u32(_mm512_test_epi32_mask(u, three));
        size += (size_t)_mm_popcnt_u32(_mm512_test_epi32_mask(u, four));
    }
    return size;
}
#endif
