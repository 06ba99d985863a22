/* Looks at the CPU and its operating system once, and lists the kernels that can run here. */
#include "sha1_armv8.h"
#include "variants.h"

#define KERNEL(isa, sha1) MIXED(isa, isa, sha1)

/* `coder` is the instruction set of what encodes: SSE2 has no lookup of bytes, and gains nothing. */
#define MIXED(isa, coder, sha1)                                                                       \
    ((wsf_kernel){#isa, wsf_xor_##isa, wsf_xor_or_##isa, wsf_utf8_scan_##isa, wsf_utf8_ucs1_##isa,    \
                  wsf_utf8_ucs2_##isa, wsf_utf8_ucs4_##isa, wsf_utf8_short_##isa,                     \
                  wsf_utf8_size_ucs1_##coder, wsf_utf8_size_ucs2_##coder, wsf_utf8_size_ucs4_##coder, \
                  wsf_utf8_from_ucs1_##coder, wsf_utf8_from_ucs2_##coder, wsf_utf8_from_ucs4_##coder, sha1})

#ifdef WSF_AVX
#if defined(_MSC_VER)
#include <intrin.h>

static void cpuid(uint32_t leaf, uint32_t regs[4]) { __cpuidex((int *)regs, (int)leaf, 0); }
static uint64_t xcr0(void) { return _xgetbv(0); }
#else
#include <cpuid.h>

static void cpuid(uint32_t leaf, uint32_t regs[4])
{
    __cpuid_count(leaf, 0, regs[0], regs[1], regs[2], regs[3]);
}

static uint64_t xcr0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}
#endif

static int has(uint32_t reg, uint32_t bits) { return (reg & bits) == bits; }

/* Appends those of AVX2 and AVX-512 that the CPU has and the system saves the registers of. */
static size_t list_avx(wsf_kernel *out, size_t count)
{
    enum { EAX, EBX, ECX, EDX };
    uint32_t most[4], one[4], seven[4] = {0};
    cpuid(0, most);
    cpuid(1, one);
    if (most[EAX] >= 7) {
        cpuid(7, seven);
    }
    const uint64_t saved = has(one[ECX], 1u << 27) ? xcr0() : 0; /* OSXSAVE */
    const int sse41 = has(one[ECX], 1u << 9 | 1u << 19);         /* SSSE3, SSE4.1 */
    const int avx2 = (saved & 0x06) == 0x06                      /* XMM, YMM */
                     && has(one[ECX], 1u << 23 | 1u << 28)       /* POPCNT, AVX */
                     && has(seven[EBX], 1u << 5);                /* AVX2 */
    const int avx512 = avx2 && (saved & 0xE0) == 0xE0            /* opmask, ZMM */
                       && has(seven[EBX], 1u << 8 | 1u << 16 | 1u << 30 | 1u << 31) /* BMI2, F, BW, VL */
                       && has(seven[ECX], 1u << 1 | 1u << 6);    /* VBMI, VBMI2 */
    wsf_sha1_fn *sha1 = sse41 && has(seven[EBX], 1u << 29) ? wsf_sha1_shani : wsf_sha1_portable;
    if (avx2) {
        out[count++] = KERNEL(avx2, sha1);
    }
    if (avx512) {
        out[count++] = KERNEL(avx512, sha1);
    }
    return count;
}
#endif

#ifdef WSF_X86_64
static size_t list(wsf_kernel *out)
{
    out[0] = KERNEL(scalar, wsf_sha1_portable);
    out[1] = MIXED(sse2, scalar, wsf_sha1_portable);
#ifdef WSF_AVX
    return list_avx(out, 2);
#else
    return 2;
#endif
}

#elif defined(WSF_ARM64)
#if defined(__linux__)
#include <sys/auxv.h>
#elif defined(_WIN32)
#include <windows.h>
#endif

static wsf_sha1_fn *pick_sha1(void)
{
#ifdef WSF_SHA1_ARMV8
#if defined(__APPLE__)
    return wsf_sha1_armv8;
#elif defined(__linux__)
    if (getauxval(AT_HWCAP) & 1ul << 5) { /* HWCAP_SHA1 */
        return wsf_sha1_armv8;
    }
#elif defined(_WIN32)
    if (IsProcessorFeaturePresent(30)) { /* PF_ARM_V8_CRYPTO_INSTRUCTIONS_AVAILABLE */
        return wsf_sha1_armv8;
    }
#endif
#endif
    return wsf_sha1_portable;
}

static size_t list(wsf_kernel *out)
{
    out[0] = KERNEL(scalar, wsf_sha1_portable);
    out[1] = KERNEL(neon, pick_sha1());
    return 2;
}

#else
static size_t list(wsf_kernel *out)
{
    out[0] = KERNEL(scalar, wsf_sha1_portable);
    return 1;
}
#endif

const wsf_kernel *wsf_kernels(size_t *count)
{
    static wsf_kernel kernels[4];
    static size_t known;
    if (!known) {
        known = list(kernels);
    }
    *count = known;
    return kernels;
}
