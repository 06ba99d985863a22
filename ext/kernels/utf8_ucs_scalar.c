/* UTF-8 to code points, 8 bytes a step over ASCII, one code point a step elsewhere. */
#include "utf8_short.h"
#include "utf8_walk.h"
#include "variants.h"

WSF_INLINE int ascii(const uint8_t *src) { return !(wsf_load64(src) & UINT64_C(0x8080808080808080)); }

void wsf_utf8_ucs1_scalar(uint8_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    WSF_UTF8_TO(uint8_t, ascii, 8, dst, chars, src, n);
}

void wsf_utf8_ucs2_scalar(uint16_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    WSF_UTF8_TO(uint16_t, ascii, 8, dst, chars, src, n);
}

void wsf_utf8_ucs4_scalar(uint32_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    WSF_UTF8_TO(uint32_t, ascii, 8, dst, chars, src, n);
}

WSF_UTF8_SHORT(scalar)
