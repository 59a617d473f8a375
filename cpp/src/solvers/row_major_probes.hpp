// The vectors of a group of Lanczos recurrences as row-major blocks, the layout in which sparse products run: nothing
// is turned or allocated between steps.
#pragma once

#include <algorithm>
#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/operators/block_operator.hpp>
#include <utility>

#include "../operators/packed.hpp"

namespace eigenscope {

template <class Scalar>
class RowMajorProbes {
    using Real = RealOf<Scalar>;

  public:
    RowMajorProbes(ConstBlock<Scalar> start, const Execution& execution)
        : rows_(start.rows),
          width_(start.cols),
          current_(start, execution),
          previous_(start.rows * start.cols),
          product_(start.rows * start.cols) {
        for (Scalar* block : {previous_.data(), product_.data()}) std::fill_n(block, rows_ * width_, Scalar(0));
    }

    /// product := A current
    void multiply(BlockOperator<Scalar>& op, const Execution& execution) {
        op.recur(current_.data(), product_.data(), width_, {1.0, 0.0, 0.0}, execution);
    }

    const Scalar* product() const { return product_.data(); }
    Index size() const { return rows_ * width_; }

    /// Re <current_j, product_j> for every column.
    Vector<double> products(const Execution& execution) const {
        const RecurrenceKernels<Real>& kernel = kernels();
        return sum_over_chunks(execution, [&](Index first, Index count, double* sums) {
            kernel.dot_rows(count, width_ * parts, reals(current_, first), reals(product_, first), sums);
        });
    }

    /// previous_j := a_j product_j - b_j current_j - c_j previous_j; returns the norms of the new columns.
    Vector<double> advance(const Vector<double>& a, const Vector<double>& b, const Vector<double>& c,
                           const Execution& execution) {
        const RecurrenceKernels<Real>& kernel = kernels();
        const Vector<Real> a_row = repeated(a), b_row = repeated(b), c_row = repeated(c);
        const Vector<double> squares = sum_over_chunks(execution, [&](Index first, Index count, double* sums) {
            kernel.advance_rows(count, width_ * parts, a_row.data(), reals(product_, first), b_row.data(),
                                reals(current_, first), c_row.data(), reals(previous_, first), sums);
        });
        return squares.cwiseSqrt();
    }

    /// The new columns become the current ones.
    void swap() { std::swap(current_, previous_); }

  private:
    static constexpr Index parts = is_complex<Scalar> ? 2 : 1;
    /// Rows of one task, cut by the shape alone.
    static constexpr Index chunk_rows = 4096;

    Real* reals(const PackedBlock<Scalar>& block, Index row) const {
        return reinterpret_cast<Real*>(block.data() + row * width_);
    }

    /// One factor per real of a row.
    Vector<Real> repeated(const Vector<double>& factors) const {
        Vector<Real> row(width_ * parts);
        for (Index k = 0; k < row.size(); ++k) row[k] = static_cast<Real>(factors[k / parts]);
        return row;
    }

    /// For every column the sum over row chunks of what body(first, count, sums) adds, in a fixed order.
    template <class Body>
    Vector<double> sum_over_chunks(const Execution& execution, const Body& body) const {
        const Index chunks = (rows_ + chunk_rows - 1) / chunk_rows;
        Matrix<double> partial = Matrix<double>::Zero(width_ * parts, chunks);
        parallel::run_tasks(chunks, execution, [&](Index chunk, int) {
            const Index first = chunk * chunk_rows;
            body(first, std::min(chunk_rows, rows_ - first), partial.col(chunk).data());
        });
        const Vector<double> sums = partial.rowwise().sum();
        if constexpr (parts == 1) return sums;
        return sums(Eigen::seqN(0, width_, 2)) + sums(Eigen::seqN(1, width_, 2));
    }

    Index rows_;
    Index width_;
    PackedBlock<Scalar> current_, previous_, product_;
};

}  // namespace eigenscope
