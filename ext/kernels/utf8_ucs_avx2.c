/* UTF-8 to code points, 32 bytes a step. */
#include "target.h"

#ifdef WSF_AVX
#include <immintrin.h>

#include "avx2_part.h"
#include "utf8_avx2_units.h"
#include "utf8_point.h"
#include "variants.h"

AVX2 WSF_INLINE void transcode(uint8_t *dst, size_t chars, const uint8_t *src, size_t n, int width)
{
    __m256i before = _mm256_setzero_si256();
    size_t o = 0;
    for (size_t i = 0; i < n && o < chars; i += 32) {
        uint8_t aside[32 * 4];
        const size_t left = n - i, room = chars - o;
        const __m256i v = left < 32 ? wsf_load_part(src + i, left) : LOAD(src + i);
        uint8_t *to = room < 32 ? aside : dst + o * (size_t)width;
        size_t count = left < 32 ? left : 32;
        if (_mm256_movemask_epi8(v)) {
            const uint32_t here = left < 32 ? (1u << left) - 1 : ~0u;
            const uint32_t first = (uint32_t)~_mm256_movemask_epi8(_mm256_cmpgt_epi8(BYTES(0xC0), v));
            const uint32_t next = left <= 32 || !wsf_is_continuation(src[i + 32]);
            count = block(to, v, before, (first >> 1 | next << 31) & here, width);
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

AVX2 void wsf_utf8_ucs1_avx2(uint8_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    transcode(dst, chars, src, n, 1);
}

AVX2 void wsf_utf8_ucs2_avx2(uint16_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    transcode((uint8_t *)dst, chars, src, n, 2);
}

AVX2 void wsf_utf8_ucs4_avx2(uint32_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    transcode((uint8_t *)dst, chars, src, n, 4);
}
#endif
