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

#if defined(__AVX512F__)
constexpr int register_bytes = 64;
#elif defined(__AVX2__)
constexpr int register_bytes = 32;
#else
constexpr int register_bytes = 16;
#endif

/// `size` neighbouring numbers that one instruction handles.
template <class Real, int size>
struct Lanes {
#if defined(__GNUC__) || defined(__clang__)
    typedef Real Type __attribute__((vector_size(size * sizeof(Real))));
#else
    struct Type {
        Real element[size];
        friend Type operator*(Real factor, Type x) {
            for (Real& value : x.element) value *= factor;
            return x;
        }
        friend Type operator+(Type x, const Type& y) {
            for (int i = 0; i < size; ++i) x.element[i] += y.element[i];
            return x;
        }
    };
#endif
};
template <class Real>
struct Lanes<Real, 1> {
    using Type = Real;
};

/// W neighbouring reals held in registers.
template <class Real, int W>
struct Chunk {
    static constexpr int fit = register_bytes / static_cast<int>(sizeof(Real));
    static constexpr int lanes = W < fit ? W : fit;
    static constexpr int count = W / lanes;
    using Register = typename Lanes<Real, lanes>::Type;
    Register registers[count];

    static Chunk zero() {
        Chunk chunk;
        std::memset(&chunk, 0, sizeof chunk);
        return chunk;
    }
    static Chunk load(const Real* source) {
        Chunk chunk;
        for (int i = 0; i < count; ++i) std::memcpy(&chunk.registers[i], source + i * lanes, sizeof(Register));
        return chunk;
    }
    void store(Real* target) const {
        for (int i = 0; i < count; ++i) std::memcpy(target + i * lanes, &registers[i], sizeof(Register));
    }
    /// this += factor x
    void add(Real factor, const Chunk& x) {
        for (int i = 0; i < count; ++i) registers[i] = factor * x.registers[i] + registers[i];
    }
    void add(const Chunk& x) {
        for (int i = 0; i < count; ++i) registers[i] = x.registers[i] + registers[i];
    }
};

/// Ask for the cache line of an address that is about to be read; a hint, so any address will do.
inline void prefetch(const void* address) {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(address);
#else
    (void)address;
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
