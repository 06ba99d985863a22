/* UTF-8 to code points, 16 bytes a step over ASCII, one code point a step elsewhere. */
#include "target.h"

#ifdef WSF_X86_64
#include <emmintrin.h>

#include "utf8_short.h"
#include "utf8_walk.h"
#include "variants.h"

WSF_INLINE int ascii(const uint8_t *src)
{
    return !_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)src));
}

void wsf_utf8_ucs1_sse2(uint8_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    WSF_UTF8_TO(uint8_t, ascii, 16, dst, chars, src, n);
}

void wsf_utf8_ucs2_sse2(uint16_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    WSF_UTF8_TO(uint16_t, ascii, 16, dst, chars, src, n);
}

void wsf_utf8_ucs4_sse2(uint32_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    WSF_UTF8_TO(uint32_t, ascii, 16, dst, chars, src, n);
}

WSF_UTF8_SHORT(sse2)
#endif
