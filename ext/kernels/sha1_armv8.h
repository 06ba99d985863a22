/* Whether sha1_armv8.c can be compiled: Clang's headers before 16 hide the intrinsics unless the
 * whole file is compiled for them, as it always is for macOS. */
#ifndef WSF_SHA1_ARMV8_H
#define WSF_SHA1_ARMV8_H

#include "target.h"

#ifdef WSF_ARM64
#if defined(__clang__)
#if __clang_major__ >= 16 || defined(__ARM_FEATURE_SHA2) || defined(__ARM_FEATURE_CRYPTO)
#define WSF_SHA1_ARMV8 1
#define WSF_SHA1_TARGET "sha2"
#endif
#else
#define WSF_SHA1_ARMV8 1
#define WSF_SHA1_TARGET "+crypto"
#endif
#endif

#endif
