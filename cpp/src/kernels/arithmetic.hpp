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

// For the bodies of inner loops, whose values must stay in registers.
#ifdef _MSC_VER
#define EIGENSCOPE_ALWAYS_INLINE __forceinline
#else
#define EIGENSCOPE_ALWAYS_INLINE inline __attribute__((always_inline))
#endif

// Asks for the cache line of an address that is about to be used. A macro: GCC takes a function that does nothing
// else for one without effect and drops its calls.
#if defined(__GNUC__) || defined(__clang__)
#define EIGENSCOPE_PREFETCH(address) __builtin_prefetch(address)
#else
#define EIGENSCOPE_PREFETCH(address) static_cast<void>(address)
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
        friend Type operator*(Type x, const Type& y) {
            for (int i = 0; i < size; ++i) x.element[i] *= y.element[i];
            return x;
        }
        friend Type operator+(Type x, const Type& y) {
            for (int i = 0; i < size; ++i) x.element[i] += y.element[i];
            return x;
        }
        friend Type operator-(Type x, const Type& y) {
            for (int i = 0; i < size; ++i) x.element[i] -= y.element[i];
            return x;
        }
    };
#endif
};
template <class Real>
struct Lanes<Real, 1> {
    using Type = Real;
};

/// W neighbouring reals in registers: one register, or two halves. An array of registers would be kept in memory.
template <class Real, int W, bool fits_register = W * static_cast<int>(sizeof(Real)) <= register_bytes>
struct Chunk {
    Chunk<Real, W / 2> low, high;

    static Chunk load(const Real* source) {
        return {Chunk<Real, W / 2>::load(source), Chunk<Real, W / 2>::load(source + W / 2)};
    }
    void store(Real* target) const {
        low.store(target);
        high.store(target + W / 2);
    }
    /// this += factor x
    void add(Real factor, const Chunk& x) {
        low.add(factor, x.low);
        high.add(factor, x.high);
    }
    void add(const Chunk& x) {
        low.add(x.low);
        high.add(x.high);
    }
    void subtract(const Chunk& x) {
        low.subtract(x.low);
        high.subtract(x.high);
    }
    /// this += x y, entry by entry
    void add_product(const Chunk& x, const Chunk& y) {
        low.add_product(x.low, y.low);
        high.add_product(x.high, y.high);
    }
    Chunk times(const Chunk& x) const { return {low.times(x.low), high.times(x.high)}; }
    /// All entries, added in halves.
    Real sum() const {
        Chunk<Real, W / 2> halves = low;
        halves.add(high);
        return halves.sum();
    }
};
template <class Real, int W>
struct Chunk<Real, W, true> {
    using Register = typename Lanes<Real, W>::Type;
    Register value;

    static Chunk load(const Real* source) {
        Chunk chunk;
        std::memcpy(&chunk.value, source, sizeof(Register));
        return chunk;
    }
    void store(Real* target) const { std::memcpy(target, &value, sizeof(Register)); }
    void add(Real factor, const Chunk& x) { value = factor * x.value + value; }
    void add(const Chunk& x) { value = x.value + value; }
    void subtract(const Chunk& x) { value = value - x.value; }
    void add_product(const Chunk& x, const Chunk& y) { value = x.value * y.value + value; }
    Chunk times(const Chunk& x) const { return {value * x.value}; }
    Real sum() const {
        if constexpr (W == 1) {
            return value;
        } else {
            Real entries[W];
            store(entries);
            Chunk<Real, W / 2> halves = Chunk<Real, W / 2>::load(entries);
            halves.add(Chunk<Real, W / 2>::load(entries + W / 2));
            return halves.sum();
        }
    }
};

/// body<W>(offset) for chunks of W reals that cover `width` reals: as many of the widest as fit, then halves.
template <int W, int smallest, class Body>
inline void for_chunks(std::int64_t offset, std::int64_t width, const Body& body) {
    for (; offset + W <= width; offset += W) body.template operator()<W>(offset);
    if constexpr (W > smallest)
        if (offset < width) for_chunks<W / 2, smallest>(offset, width, body);
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
