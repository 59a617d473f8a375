#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/solvers/tall_products.hpp>
#include <vector>

namespace eigenscope {

namespace {

/// Rows of one task: long enough for BLAS, short enough that a block of it stays in the second-level cache.
constexpr Index chunk_rows = 2048;

Index chunks(Index rows) {
    return (rows + chunk_rows - 1) / chunk_rows;
}

/// Small problems are done by the calling thread: waking others costs more.
constexpr Index parallel_threshold = Index{1} << 22;

Execution sized(const Execution& execution, Index work) {
    return work < parallel_threshold ? Execution{1, execution.stop} : execution;
}

/// From so many columns on, BLAS makes up for the copies it works on.
constexpr Index many_columns = 24;

template <class Scalar>
constexpr bool has_kernels = !is_complex<Scalar>;

/// Y := Y + X C for one chunk of rows.
template <class Scalar>
void add_product(ConstBlock<Scalar> x, const Matrix<Scalar>& c, Block<Scalar> y) {
    if constexpr (has_kernels<Scalar>)
        if (y.cols < many_columns) {
            const TallKernels<Scalar>& tall = kernels();
            return tall.add_product(y.rows, x.data, x.stride, x.cols, c.data(), c.rows(), y.data, y.stride, y.cols);
        }
    blas::gemm<Scalar>(blas::Op::none, blas::Op::none, y.rows, y.cols, x.cols, Scalar(1), x.data, x.stride, c.data(),
                       c.rows(), Scalar(1), y.data, y.stride);
}

/// Rows whose columns stay in the first-level cache while each is solved from those before it.
constexpr Index substituted_rows = 256;

/// x_j := (x_j - sum_{i<j} r_ij x_i) / r_jj for one chunk of rows.
template <class Scalar>
void substitute(Block<Scalar> x, const Matrix<Scalar>& r, const Matrix<Scalar>& negative) {
    const TallKernels<Scalar>& tall = kernels();
    for (Index first = 0; first < x.rows; first += substituted_rows) {
        const Block<Scalar> piece = x.rows_range(first, std::min(substituted_rows, x.rows - first));
        for (Index j = 0; j < x.cols; ++j) {
            tall.add_product(piece.rows, piece.data, piece.stride, j, negative.data() + j * r.rows(), r.rows(),
                             piece.column(j), piece.stride, 1);
            piece.columns(j, 1).map() /= r(j, j);
        }
    }
}

}  // namespace

template <class Scalar>
Matrix<Precise<Scalar>> inner(ConstBlock<Scalar> x, ConstBlock<Scalar> y, const Execution& execution) {
    using Wide = Precise<Scalar>;
    const Index n_chunks = std::max<Index>(1, chunks(x.rows));
    std::vector<Matrix<Scalar>> partial(static_cast<std::size_t>(n_chunks));
    parallel::run_tasks(n_chunks, sized(execution, x.rows * x.cols * y.cols), [&](Index chunk, int) {
        const Index first = chunk * chunk_rows, count = std::min(chunk_rows, x.rows - first);
        auto& product = partial[static_cast<std::size_t>(chunk)];
        product.setZero(x.cols, y.cols);
        if constexpr (has_kernels<Scalar>)
            if (y.cols < many_columns) {
                const TallKernels<Scalar>& tall = kernels();
                return tall.inner(count, x.data + first, x.stride, x.cols, y.data + first, y.stride, y.cols,
                                  product.data());
            }
        blas::gemm<Scalar>(blas::Op::adjoint, blas::Op::none, x.cols, y.cols, count, Scalar(1), x.data + first,
                           x.stride, y.data + first, y.stride, Scalar(0), product.data(), std::max<Index>(1, x.cols));
    });
    Matrix<Wide> total = Matrix<Wide>::Zero(x.cols, y.cols);
    for (const auto& product : partial) total += product.template cast<Wide>();
    return total;
}

template <class Scalar>
void subtract_product(ConstBlock<Scalar> x, const Matrix<Precise<Scalar>>& c, Block<Scalar> y,
                      const Execution& execution) {
    if (x.cols == 0) return;
    const Matrix<Scalar> small = -c.template cast<Scalar>();
    parallel::run_tasks(chunks(y.rows), sized(execution, x.rows * x.cols * y.cols), [&](Index chunk, int) {
        const Index first = chunk * chunk_rows, count = std::min(chunk_rows, y.rows - first);
        add_product<Scalar>(x.rows_range(first, count), small, y.rows_range(first, count));
    });
}

template <class Scalar>
void multiply(ConstBlock<Scalar> x, const Matrix<Precise<Scalar>>& c, Block<Scalar> y, const Execution& execution) {
    const Matrix<Scalar> small = c.template cast<Scalar>();
    parallel::run_tasks(chunks(y.rows), sized(execution, x.rows * x.cols * y.cols), [&](Index chunk, int) {
        const Index first = chunk * chunk_rows, count = std::min(chunk_rows, y.rows - first);
        const Block<Scalar> piece = y.rows_range(first, count);
        piece.map().setZero();
        add_product<Scalar>(x.rows_range(first, count), small, piece);
    });
}

template <class Scalar>
void multiply_in_place(Block<Scalar> x, const Matrix<Precise<Scalar>>& c, const Execution& execution) {
    const Matrix<Scalar> small = c.template cast<Scalar>();
    parallel::run_tasks(chunks(x.rows), sized(execution, x.rows * x.cols * c.cols()), [&](Index chunk, int) {
        const Index first = chunk * chunk_rows, count = std::min(chunk_rows, x.rows - first);
        Matrix<Scalar> product(count, small.cols());
        blas::gemm<Scalar>(blas::Op::none, blas::Op::none, count, small.cols(), x.cols, Scalar(1), x.data + first,
                           x.stride, small.data(), small.rows(), Scalar(0), product.data(), count);
        x.columns(0, small.cols()).rows_range(first, count).map() = product;
    });
}

template <class Scalar>
void solve_right(Block<Scalar> x, const Matrix<Precise<Scalar>>& r, const Execution& execution) {
    const Matrix<Scalar> small = r.template cast<Scalar>(), negative = -small;
    parallel::run_tasks(chunks(x.rows), sized(execution, x.rows * x.cols * x.cols), [&](Index chunk, int) {
        const Index first = chunk * chunk_rows, count = std::min(chunk_rows, x.rows - first);
        const Block<Scalar> piece = x.rows_range(first, count);
        if constexpr (has_kernels<Scalar>)
            if (x.cols < many_columns) return substitute<Scalar>(piece, small, negative);
        blas::solve_upper_right<Scalar>(count, x.cols, small.data(), small.rows(), piece.data, piece.stride);
    });
}

template <class Scalar>
Vector<double> column_norms(ConstBlock<Scalar> x, const Execution& execution) {
    const Index n_chunks = std::max<Index>(1, chunks(x.rows));
    Matrix<double> partial = Matrix<double>::Zero(x.cols, n_chunks);
    parallel::run_tasks(n_chunks, sized(execution, x.rows * x.cols), [&](Index chunk, int) {
        const Index first = chunk * chunk_rows, count = std::min(chunk_rows, x.rows - first);
        for (Index j = 0; j < x.cols; ++j) {
            double sum = 0.0;
            for (Index i = first; i < first + count; ++i) sum += std::norm(Precise<Scalar>(x.column(j)[i]));
            partial(j, chunk) = sum;
        }
    });
    Vector<double> norms(x.cols);
    for (Index j = 0; j < x.cols; ++j) {
        double sum = 0.0;
        for (Index chunk = 0; chunk < n_chunks; ++chunk) sum += partial(j, chunk);
        norms[j] = std::sqrt(sum);
    }
    return norms;
}

#define EIGENSCOPE_INSTANTIATE(S)                                                                            \
    template Matrix<Precise<S>> inner<S>(ConstBlock<S>, ConstBlock<S>, const Execution&);                    \
    template void subtract_product<S>(ConstBlock<S>, const Matrix<Precise<S>>&, Block<S>, const Execution&); \
    template void multiply<S>(ConstBlock<S>, const Matrix<Precise<S>>&, Block<S>, const Execution&);         \
    template void multiply_in_place<S>(Block<S>, const Matrix<Precise<S>>&, const Execution&);               \
    template void solve_right<S>(Block<S>, const Matrix<Precise<S>>&, const Execution&);                     \
    template Vector<double> column_norms<S>(ConstBlock<S>, const Execution&);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
EIGENSCOPE_INSTANTIATE(complex64)
EIGENSCOPE_INSTANTIATE(complex128)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope
