// Memory that begins at a cache line: a register's worth of numbers then never lies across two.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace eigenscope {

template <class Scalar>
struct CacheLineAllocator {
    using value_type = Scalar;
    static constexpr std::align_val_t cache_line{64};

    CacheLineAllocator() = default;
    template <class Other>
    CacheLineAllocator(const CacheLineAllocator<Other>&) {}  // NOLINT: implicit, as containers rebind it

    Scalar* allocate(std::size_t size) {
        return static_cast<Scalar*>(::operator new(size * sizeof(Scalar), cache_line));
    }
    void deallocate(Scalar* memory, std::size_t) { ::operator delete(memory, cache_line); }

    friend bool operator==(const CacheLineAllocator&, const CacheLineAllocator&) { return true; }
};

template <class Scalar>
using AlignedVector = std::vector<Scalar, CacheLineAllocator<Scalar>>;

}  // namespace eigenscope
