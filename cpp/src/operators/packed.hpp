// Row-major copies of blocks: what the sparse kernels read and add into.
#pragma once

#include <algorithm>
#include <cstddef>
#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/foundation/types.hpp>
#include <memory>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace eigenscope {

/// A scalar as the kernels name it: std::complex has the layout of their own pair.
template <class Scalar>
struct InKernels {
    using Type = Scalar;
};
template <class Real>
struct InKernels<std::complex<Real>> {
    using Type = Complex<Real>;
};
template <class Scalar>
using KernelScalar = typename InKernels<Scalar>::Type;

template <class Scalar>
void to_row_major(ConstBlock<Scalar> block, Scalar* packed) {
    using Element = KernelScalar<Scalar>;
    const TransposeKernels<Element>& transpose = kernels();
    transpose.to_row_major(block.rows, block.cols, reinterpret_cast<const Element*>(block.data), block.stride,
                           reinterpret_cast<Element*>(packed));
}

template <class Scalar>
void to_column_major(const Scalar* packed, Block<Scalar> block) {
    using Element = KernelScalar<Scalar>;
    const TransposeKernels<Element>& transpose = kernels();
    transpose.to_column_major(block.rows, block.cols, reinterpret_cast<const Element*>(packed),
                              reinterpret_cast<Element*>(block.data), block.stride);
}

/// Memory for row-major blocks, not initialised. Its rows are visited in no order, so large ones ask for large
/// pages: with 4 KB pages most visits would miss the address translation cache.
template <class Scalar>
class PackedBlock {
  public:
    explicit PackedBlock(Index size) : memory_(allocate(size)) {}

    PackedBlock(ConstBlock<Scalar> block, const Execution& execution) : PackedBlock(block.rows * block.cols) {
        constexpr Index grain = 4096;
        parallel::for_ranges(block.rows, grain, execution, [&](Index first, Index last) {
            eigenscope::to_row_major(block.rows_range(first, last - first), data() + first * block.cols);
        });
    }

    Scalar* data() const { return memory_.get(); }

  private:
    static constexpr std::size_t large_page = std::size_t{2} << 20;

    static Scalar* allocate(Index size) {
        const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(Scalar);
        void* memory = ::operator new(bytes, std::align_val_t{large_page});
#ifdef __linux__
        // A hint: where it is refused, the memory is as good as any other.
        if (bytes >= large_page) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
        return static_cast<Scalar*>(memory);
    }

    struct Release {
        void operator()(Scalar* memory) const { ::operator delete(memory, std::align_val_t{large_page}); }
    };
    std::unique_ptr<Scalar, Release> memory_;
};

}  // namespace eigenscope
