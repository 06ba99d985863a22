/* Every variant of every job, by name; dispatch.c makes kernels of them. */
#ifndef WSF_VARIANTS_H
#define WSF_VARIANTS_H

#include "kernels.h"

#define WSF_DECLARE(isa)                       \
    wsf_xor_fn wsf_xor_##isa;                  \
    wsf_xor_or_fn wsf_xor_or_##isa;            \
    wsf_utf8_scan_fn wsf_utf8_scan_##isa;      \
    wsf_utf8_ucs1_fn wsf_utf8_ucs1_##isa;      \
    wsf_utf8_ucs2_fn wsf_utf8_ucs2_##isa;      \
    wsf_utf8_ucs4_fn wsf_utf8_ucs4_##isa;      \
    wsf_utf8_short_fn wsf_utf8_short_##isa;    \
    wsf_utf8_size_ucs1_fn wsf_utf8_size_ucs1_##isa; \
    wsf_utf8_size_ucs2_fn wsf_utf8_size_ucs2_##isa; \
    wsf_utf8_size_ucs4_fn wsf_utf8_size_ucs4_##isa; \
    wsf_utf8_from_ucs1_fn wsf_utf8_from_ucs1_##isa; \
    wsf_utf8_from_ucs2_fn wsf_utf8_from_ucs2_##isa; \
    wsf_utf8_from_ucs4_fn wsf_utf8_from_ucs4_##isa

WSF_DECLARE(scalar);
WSF_DECLARE(sse2);
WSF_DECLARE(avx2);
WSF_DECLARE(avx512);
WSF_DECLARE(neon);

wsf_sha1_fn wsf_sha1_portable;
wsf_sha1_fn wsf_sha1_shani;
wsf_sha1_fn wsf_sha1_armv8;

#endif
