#include "target.h"

#if WSF_X86_64
#include "variants.h"

void wsf_utf8_ucs1_avx2(uint8_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    wsf_utf8_ucs1_scalar(dst, chars, src, n);
}

void wsf_utf8_ucs2_avx2(uint16_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    wsf_utf8_ucs2_scalar(dst, chars, src, n);
}

void wsf_utf8_ucs4_avx2(uint32_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    wsf_utf8_ucs4_scalar(dst, chars, src, n);
}
#endif
