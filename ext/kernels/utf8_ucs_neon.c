#include "target.h"

#if WSF_ARM64
#include "variants.h"

void wsf_utf8_ucs1_neon(uint8_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    wsf_utf8_ucs1_scalar(dst, chars, src, n);
}

void wsf_utf8_ucs2_neon(uint16_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    wsf_utf8_ucs2_scalar(dst, chars, src, n);
}

void wsf_utf8_ucs4_neon(uint32_t *dst, size_t chars, const uint8_t *src, size_t n)
{
    wsf_utf8_ucs4_scalar(dst, chars, src, n);
}
#endif
