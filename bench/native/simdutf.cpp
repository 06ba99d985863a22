// The kernels beside simdutf, on the texts of the files named as arguments: bench/simdutf.py compiles and runs it.
// A line a measurement: file, work, kernel, its nanoseconds, those of simdutf; the least of many, in turn.
#include <simdutf.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

extern "C" {
#include "kernels.h"
}

namespace {

constexpr int ROUNDS = 60;

using Work = std::function<std::size_t()>;

// Time of this thread, which other programs do not add to, where the system tells it.
double now()
{
#ifdef CLOCK_THREAD_CPUTIME_ID
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
#else
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
#endif
}

double once(const Work &work, std::size_t want, int times)
{
    const double start = now();
    for (int i = 0; i < times; i++) {
        if (work() != want) {
            std::fprintf(stderr, "wrong size\n");
            std::exit(1);
        }
    }
    return (now() - start) / times;
}

void compare(const char *file, const char *name, const char *kernel, std::size_t want, const Work &ours, const Work &theirs)
{
    double best[2] = {1e18, 1e18};
    const int times = want < 100000 ? 50 : 2;
    for (int round = 0; round < ROUNDS; round++) {
        best[0] = std::min(best[0], once(ours, want, times));
        best[1] = std::min(best[1], once(theirs, want, times));
    }
    std::printf("%s\t%s\t%s\t%.0f\t%.0f\n", file, name, kernel, best[0], best[1]);
}

struct Text {
    std::string bytes;
    std::vector<std::uint8_t> latin1;
    std::vector<std::uint16_t> utf16;
    std::vector<std::uint32_t> utf32;
    int width; // what CPython stores it in

    explicit Text(const char *path)
    {
        std::ifstream in(path, std::ios::binary);
        bytes.assign(std::istreambuf_iterator<char>(in), {});
        utf32.resize(simdutf::utf32_length_from_utf8(bytes.data(), bytes.size()));
        if (simdutf::convert_utf8_to_utf32(bytes.data(), bytes.size(), reinterpret_cast<char32_t *>(utf32.data())) != utf32.size()) {
            std::fprintf(stderr, "%s: not UTF-8\n", path);
            std::exit(1);
        }
        std::uint32_t most = 0;
        for (const auto point : utf32) {
            most = std::max(most, point);
        }
        width = most < 0x100 ? 1 : most < 0x10000 ? 2 : 4;
        latin1.assign(utf32.begin(), utf32.end());
        utf16.assign(utf32.begin(), utf32.end());
    }
    const std::uint8_t *data() const { return reinterpret_cast<const std::uint8_t *>(bytes.data()); }
};

void run(const char *file, const wsf_kernel &k)
{
    Text t(file);
    const std::size_t n = t.bytes.size(), chars = t.utf32.size();
    std::vector<std::uint8_t> out(n + 64);
    std::vector<std::uint32_t> back(chars + 64);
    auto *const to = reinterpret_cast<char *>(out.data());
    auto *const latin1 = reinterpret_cast<const char *>(t.latin1.data());
    auto *const utf16 = reinterpret_cast<const char16_t *>(t.utf16.data());
    auto *const utf32 = reinterpret_cast<const char32_t *>(t.utf32.data());
    const auto scan = [&] {
        wsf_utf8_stats stats = {0, 0};
        return k.utf8_scan(t.data(), n, &stats);
    };
    compare(file, "validate", k.name, n, scan,
            [&] { return simdutf::validate_utf8(t.bytes.data(), n) ? n : 0; });
    if (t.width == 1) {
        compare(file, "encode", k.name, n, [&] { return k.utf8_from_ucs1(out.data(), n, t.latin1.data(), chars); },
                [&] { return simdutf::convert_latin1_to_utf8(latin1, chars, to); });
        compare(file, "count", k.name, n, [&] { return k.utf8_size_ucs1(t.latin1.data(), chars); },
                [&] { return simdutf::utf8_length_from_latin1(latin1, chars); });
        compare(file, "decode", k.name, chars,
                [&] {
                    auto *units = reinterpret_cast<std::uint8_t *>(back.data());
                    if (scan() != n) {
                        return std::size_t{0};
                    }
                    if (chars == n) { // as the decoder does it
                        std::memcpy(units, t.data(), n);
                    } else {
                        k.utf8_ucs1(units, chars, t.data(), n);
                    }
                    return chars;
                },
                [&] { return simdutf::convert_utf8_to_latin1(t.bytes.data(), n, reinterpret_cast<char *>(back.data())); });
    } else if (t.width == 2) {
        compare(file, "encode", k.name, n, [&] { return k.utf8_from_ucs2(out.data(), n, t.utf16.data(), chars); },
                [&] { return simdutf::convert_utf16_to_utf8(utf16, chars, to); });
        compare(file, "count", k.name, n, [&] { return k.utf8_size_ucs2(t.utf16.data(), chars); },
                [&] { return simdutf::utf8_length_from_utf16(utf16, chars); });
        compare(file, "decode", k.name, chars,
                [&] {
                    auto *units = reinterpret_cast<std::uint16_t *>(back.data());
                    return scan() == n ? (k.utf8_ucs2(units, chars, t.data(), n), chars) : 0;
                },
                [&] { return simdutf::convert_utf8_to_utf16(t.bytes.data(), n, reinterpret_cast<char16_t *>(back.data())); });
    } else {
        compare(file, "encode", k.name, n, [&] { return k.utf8_from_ucs4(out.data(), n, t.utf32.data(), chars); },
                [&] { return simdutf::convert_utf32_to_utf8(utf32, chars, to); });
        compare(file, "count", k.name, n, [&] { return k.utf8_size_ucs4(t.utf32.data(), chars); },
                [&] { return simdutf::utf8_length_from_utf32(utf32, chars); });
        compare(file, "decode", k.name, chars,
                [&] { return scan() == n ? (k.utf8_ucs4(back.data(), chars, t.data(), n), chars) : 0; },
                [&] { return simdutf::convert_utf8_to_utf32(t.bytes.data(), n, reinterpret_cast<char32_t *>(back.data())); });
    }
}

} // namespace

int main(int argc, char **argv)
{
    std::size_t count;
    const wsf_kernel *kernels = wsf_kernels(&count);
    std::fprintf(stderr, "simdutf %s (%s)\n", SIMDUTF_VERSION, std::string(simdutf::get_active_implementation()->name()).c_str());
    for (int i = 1; i < argc; i++) {
        run(argv[i], kernels[count - 1]);
    }
}
