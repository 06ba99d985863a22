/* UTF-8 validation, 64 bytes a step over ASCII, a code point a step elsewhere: SSE2 has no lookup
 * of bytes. */
#include "target.h"

#ifdef WSF_X86_64
#include <emmintrin.h>

#include "utf8_walk.h"
#include "variants.h"

#define LOAD(p) _mm_loadu_si128((const __m128i *)(const void *)(p))

WSF_INLINE size_t ascii(const uint8_t *src, size_t n)
{
    size_t i = 0;
    for (; n - i >= 64; i += 64) {
        const __m128i a = _mm_or_si128(LOAD(src + i), LOAD(src + i + 16));
        const __m128i b = _mm_or_si128(LOAD(src + i + 32), LOAD(src + i + 48));
        if (_mm_movemask_epi8(_mm_or_si128(a, b))) {
            break;
        }
    }
    while (n - i >= 16 && !_mm_movemask_epi8(LOAD(src + i))) {
        i += 16;
    }
    return n - i >= 8 && !(wsf_load64(src + i) & UINT64_C(0x8080808080808080)) ? i + 8 : i;
}

size_t wsf_utf8_scan_sse2(const uint8_t *src, size_t n, wsf_utf8_stats *stats)
{
    return wsf_utf8_walk(ascii, src, n, stats);
}
#endif
