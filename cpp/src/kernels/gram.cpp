// y = A x and z += A^T (A x) for a few rows of A at a time: a row is read from memory once and, for the second product,
// from cache.
#include "arithmetic.hpp"
#include "topics.hpp"

namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE {
namespace {

/// Rows that are worked on together: as many accumulators as leave registers for the operands.
#if defined(__AVX512F__)
constexpr int rows_together = 8;
#elif defined(__AVX2__)
constexpr int rows_together = 4;
#else
constexpr int rows_together = 2;
#endif

/// t_r = sum_j a_rj x_j for one chunk of columns of x (cols x W, contiguous), R rows of A.
template <class Real, int W, int R>
inline void times_rows(std::int64_t cols, const Real* EIGENSCOPE_RESTRICT a, std::int64_t stride,
                       const Real* EIGENSCOPE_RESTRICT x, Chunk<Real, W> (&t)[R]) {
    for (std::int64_t j = 0; j < cols; ++j) {
        const Chunk<Real, W> x_j = Chunk<Real, W>::load(x + j * W);
        for (int r = 0; r < R; ++r) t[r].add(a[r * stride + j], x_j);
    }
}

/// One chunk of columns of x and z, R rows of A. The rows of A x (R x W) go to `product`, if any.
template <class Real, int W, int R>
void gram_of_rows(std::int64_t cols, const Real* EIGENSCOPE_RESTRICT a, std::int64_t stride,
                  const Real* EIGENSCOPE_RESTRICT x, Real* EIGENSCOPE_RESTRICT z, Real* product) {
    Chunk<Real, W> t[R] = {};
    times_rows<Real, W, R>(cols, a, stride, x, t);
    if (product)
        for (int r = 0; r < R; ++r) t[r].store(product + r * W);
    // z_j += sum_r a_rj t_r
    for (std::int64_t j = 0; j < cols; ++j) {
        Chunk<Real, W> z_j = Chunk<Real, W>::load(z + j * W);
        for (int r = 0; r < R; ++r) z_j.add(a[r * stride + j], t[r]);
        z_j.store(z + j * W);
    }
}

template <class Real, int W>
void gram(std::int64_t rows, std::int64_t cols, const Real* a, std::int64_t stride, std::int64_t chunks, const Real* x,
          Real* z, Real* product) {
    const auto product_of = [&](std::int64_t row, std::int64_t chunk) {
        return product ? product + (chunk * rows + row) * W : nullptr;
    };
    // One chunk of x and of z stays in the second-level cache while the rows, few as they are, pass through it.
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
        const Real* x_chunk = x + chunk * cols * W;
        Real* z_chunk = z + chunk * cols * W;
        std::int64_t row = 0;
        for (; row + rows_together <= rows; row += rows_together)
            gram_of_rows<Real, W, rows_together>(cols, a + row * stride, stride, x_chunk, z_chunk,
                                                 product_of(row, chunk));
        for (; row < rows; ++row)
            gram_of_rows<Real, W, 1>(cols, a + row * stride, stride, x_chunk, z_chunk, product_of(row, chunk));
    }
}

template <class Real, int W, int R>
void product_of_rows(std::int64_t cols, const Real* a, std::int64_t stride, const Real* x, Real* y) {
    Chunk<Real, W> t[R] = {};
    times_rows<Real, W, R>(cols, a, stride, x, t);
    for (int r = 0; r < R; ++r) t[r].store(y + r * W);
}

template <class Real, int W>
void times(std::int64_t rows, std::int64_t cols, const Real* a, std::int64_t stride, std::int64_t chunks, const Real* x,
           std::int64_t y_rows, Real* y) {
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
        const Real* x_chunk = x + chunk * cols * W;
        Real* y_chunk = y + chunk * y_rows * W;
        std::int64_t row = 0;
        for (; row + rows_together <= rows; row += rows_together)
            product_of_rows<Real, W, rows_together>(cols, a + row * stride, stride, x_chunk, y_chunk + row * W);
        for (; row < rows; ++row)
            product_of_rows<Real, W, 1>(cols, a + row * stride, stride, x_chunk, y_chunk + row * W);
    }
}

template <class Real>
void add(GramKernels<Real>& table) {
    table.times = times<Real, GramKernels<Real>::chunk>;
    table.gram = gram<Real, GramKernels<Real>::chunk>;
}

}  // namespace

void add_gram(Kernels& table) {
    add<float>(table);
    add<double>(table);
}

}  // namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE
