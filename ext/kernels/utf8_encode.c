#include "target.h"
#include "kernels.h"

size_t wsf_utf8_size_ucs1(const uint8_t *src, size_t chars)
{
    size_t size = chars;
    for (size_t i = 0; i < chars; i++) {
        size += src[i] >> 7;
    }
    return size;
}

size_t wsf_utf8_size_ucs2(const uint16_t *src, size_t chars)
{
    size_t size = chars;
    for (size_t i = 0; i < chars; i++) {
        if ((src[i] & 0xF800) == 0xD800) {
            return SIZE_MAX;
        }
        size += (size_t)(src[i] >= 0x80) + (src[i] >= 0x800);
    }
    return size;
}

size_t wsf_utf8_size_ucs4(const uint32_t *src, size_t chars)
{
    size_t size = chars;
    for (size_t i = 0; i < chars; i++) {
        if ((src[i] & 0xFFFFF800) == 0xD800) {
            return SIZE_MAX;
        }
        size += (size_t)(src[i] >= 0x80) + (src[i] >= 0x800) + (src[i] >= 0x10000);
    }
    return size;
}

WSF_INLINE uint8_t *put(uint8_t *dst, uint32_t u)
{
    if (u < 0x80) {
        *dst++ = (uint8_t)u;
        return dst;
    }
    if (u < 0x800) {
        *dst++ = (uint8_t)(0xC0 | u >> 6);
    } else {
        if (u < 0x10000) {
            *dst++ = (uint8_t)(0xE0 | u >> 12);
        } else {
            *dst++ = (uint8_t)(0xF0 | u >> 18);
            *dst++ = (uint8_t)(0x80 | (u >> 12 & 0x3F));
        }
        *dst++ = (uint8_t)(0x80 | (u >> 6 & 0x3F));
    }
    *dst++ = (uint8_t)(0x80 | (u & 0x3F));
    return dst;
}

void wsf_utf8_from_ucs1(uint8_t *dst, const uint8_t *src, size_t chars)
{
    for (size_t i = 0; i < chars; i++) {
        dst = put(dst, src[i]);
    }
}

void wsf_utf8_from_ucs2(uint8_t *dst, const uint16_t *src, size_t chars)
{
    for (size_t i = 0; i < chars; i++) {
        dst = put(dst, src[i]);
    }
}

void wsf_utf8_from_ucs4(uint8_t *dst, const uint32_t *src, size_t chars)
{
    for (size_t i = 0; i < chars; i++) {
        dst = put(dst, src[i]);
    }
}
