// Scalar arithmetic shared by the kernel sources. Internal linkage throughout, so that the linker cannot merge a
// copy made for one instruction set into another.
#pragma once

#include <cstdint>
#include <cstring>

#ifdef _MSC_VER
#define EIGENSCOPE_RESTRICT __restrict
#else
#define EIGENSCOPE_RESTRICT __restrict__
#endif

namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE {
namespace {

/// a b + c, rounded once where the instruction set has it.
inline double multiply_add(double a, double b, double c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

inline float multiply_add(float a, float b, float c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

inline double as_double(std::uint64_t bits) {
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

inline std::uint64_t as_bits(double value) {
    std::uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

}  // namespace
}  // namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE
