/* A short text in one go, out of what a kernel has for texts of any size. */
#ifndef WSF_UTF8_SHORT_H
#define WSF_UTF8_SHORT_H

#include <string.h>

#include "variants.h"

#define WSF_UTF8_SHORT(isa)                                                                               \
    uint32_t wsf_utf8_short_##isa(uint32_t units[WSF_SHORT], size_t *chars, const uint8_t *src, size_t n, \
                                  const uint8_t key[4])                                                   \
    {                                                                                                     \
        uint8_t text[WSF_SHORT];                                                                          \
        wsf_utf8_stats stats = {0, 0};                                                                    \
        if (!(wsf_xor_or_##isa(text, src, n, key) & 0x80)) {                                              \
            memcpy(units, text, n);                                                                       \
            *chars = n;                                                                                   \
            return 0x7F;                                                                                  \
        }                                                                                                 \
        if (wsf_utf8_scan_##isa(text, n, &stats) != n) {                                                  \
            return 0;                                                                                     \
        }                                                                                                 \
        *chars = stats.chars;                                                                             \
        if (stats.max < 0xC4) {                                                                           \
            wsf_utf8_ucs1_##isa((uint8_t *)units, stats.chars, text, n);                                  \
            return 0xFF;                                                                                  \
        }                                                                                                 \
        if (stats.max < 0xF0) {                                                                           \
            wsf_utf8_ucs2_##isa((uint16_t *)(void *)units, stats.chars, text, n);                         \
            return 0xFFFF;                                                                                \
        }                                                                                                 \
        wsf_utf8_ucs4_##isa(units, stats.chars, text, n);                                                 \
        return 0x10FFFF;                                                                                  \
    }

#endif
