#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/solvers/chebyshev.hpp>
#include <eigenscope/solvers/tall_products.hpp>
#include <utility>
#include <vector>

#include "../operators/packed.hpp"

namespace eigenscope {

namespace {

/// Rows of a row-major block that one task works on.
constexpr Index rows_per_task = 4096;

/// Y := Y - Q (Q^H Y) for a row-major Y (n x width), which BLAS sees as its transpose.
template <class Scalar>
void project_rows(ConstBlock<Scalar> q, Scalar* y, Index width, const Execution& execution) {
    if (q.cols == 0) return;
    const Index n = q.rows, tasks = (n + rows_per_task - 1) / rows_per_task;
    // G = Q^H Y, q.cols x width, summed over tasks in order.
    std::vector<Matrix<Scalar>> partial(static_cast<std::size_t>(tasks));
    parallel::run_tasks(tasks, execution, [&](Index task, int) {
        const Index first = task * rows_per_task, count = std::min(rows_per_task, n - first);
        auto& product = partial[static_cast<std::size_t>(task)];
        product.setZero(q.cols, width);
        blas::gemm<Scalar>(blas::Op::adjoint, blas::Op::transpose, q.cols, width, count, Scalar(1), q.data + first,
                           q.stride, y + first * width, width, Scalar(0), product.data(), q.cols);
    });
    Matrix<Scalar> total = Matrix<Scalar>::Zero(q.cols, width);
    for (const auto& product : partial) total += product;
    // Y^T := Y^T - G^T Q^T
    parallel::run_tasks(tasks, execution, [&](Index task, int) {
        const Index first = task * rows_per_task, count = std::min(rows_per_task, n - first);
        blas::gemm<Scalar>(blas::Op::transpose, blas::Op::transpose, width, count, q.cols, Scalar(-1), total.data(),
                           q.cols, q.data + first, q.stride, Scalar(1), y + first * width, width);
    });
}

template <class Scalar>
void project(ConstBlock<Scalar> q, Block<Scalar> y, const Execution& execution) {
    if (q.cols > 0) subtract_product<Scalar>(q, inner<Scalar>(q, y, execution), y, execution);
}

}  // namespace

template <class Scalar>
void ChebyshevOperator<Scalar>::apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) {
    if (inner_.has_recurrence())
        recur_by_rows(x, y, execution);
    else
        recur_by_columns(x, y, execution);
}

template <class Scalar>
void ChebyshevOperator<Scalar>::recur_by_rows(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) {
    const Index width = x.cols, together = inner_.row_major_width(width);
    if (together < width) {
        for (Index first = 0; first < width; first += together) {
            const Index count = std::min(together, width - first);
            recur_by_rows(x.columns(first, count), y.columns(first, count), execution);
        }
        return;
    }
    PackedBlock<Scalar> current(x, execution), previous(x.rows * width);
    std::fill_n(previous.data(), x.rows * width, Scalar(0));
    project_rows(deflated_, current.data(), width, execution);
    const double inverse = 1.0 / filter_.half_width, shift = filter_.center * inverse;
    for (Index j = 0; j < filter_.degree; ++j) {
        // T_1 = t, T_{j+1} = 2 t T_j - T_{j-1}, with t = (A - center) / half_width.
        const double twice = j == 0 ? 1.0 : 2.0;
        inner_.recur(current.data(), previous.data(), width, {twice * inverse, -twice * shift, j == 0 ? 0.0 : -1.0},
                     execution);
        std::swap(current, previous);
        project_rows(deflated_, current.data(), width, execution);
    }
    parallel::for_ranges(x.rows, rows_per_task, execution, [&](Index first, Index last) {
        to_column_major(current.data() + first * width, y.rows_range(first, last - first));
    });
}

template <class Scalar>
void ChebyshevOperator<Scalar>::recur_by_columns(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) {
    using Real = RealOf<Scalar>;
    Matrix<Scalar> current = x.map(), previous = Matrix<Scalar>::Zero(x.rows, x.cols), product(x.rows, x.cols);
    project<Scalar>(deflated_, current, execution);
    const double inverse = 1.0 / filter_.half_width, shift = filter_.center * inverse;
    for (Index j = 0; j < filter_.degree; ++j) {
        const double twice = j == 0 ? 1.0 : 2.0;
        inner_.apply(current, product, execution);
        previous = static_cast<Real>(twice * inverse) * product - static_cast<Real>(twice * shift) * current - previous;
        std::swap(current, previous);
        project<Scalar>(deflated_, current, execution);
    }
    y.map() = current;
}

template class ChebyshevOperator<float>;
template class ChebyshevOperator<double>;
template class ChebyshevOperator<complex64>;
template class ChebyshevOperator<complex128>;

}  // namespace eigenscope
