/* Masks of the first bits, for vectors that are partly there. */
#ifndef WSF_AVX512_PART_H
#define WSF_AVX512_PART_H

#include <immintrin.h>

#include "target.h"

WSF_TARGET("bmi2") WSF_INLINE uint64_t wsf_ones(size_t n)
{
    return n < 64 ? _bzhi_u64(~UINT64_C(0), (unsigned)n) : ~UINT64_C(0);
}

#endif
