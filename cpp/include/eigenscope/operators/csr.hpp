// Products of a compressed-sparse-row matrix A (n x m) with blocks of vectors. Rows may be empty, their entries
// unsorted or repeated. Blocks must not overlap. Bits do not depend on the number of threads.
#pragma once

#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>
#include <eigenscope/operators/block_operator.hpp>

namespace eigenscope {

/// Throws InvalidInput unless row_start ascends from 0 or more and every column index is in 0 … m-1.
template <class Scalar, class IndexType>
void check_csr(const CsrView<Scalar, IndexType>& a);

/// Y = A X. Peak memory: one row-major copy of X.
template <class Scalar, class IndexType>
void csr_times_block(const CsrView<Scalar, IndexType>& a, ConstBlock<Scalar> x, Block<Scalar> y,
                     const Execution& execution);

/// Y = A^H X. Peak memory: max(64 MB, 4 blocks of the size of Y).
template <class Scalar, class IndexType>
void csr_adjoint_times_block(const CsrView<Scalar, IndexType>& a, ConstBlock<Scalar> x, Block<Scalar> y,
                             const Execution& execution);

/// Y = A^H (A X), A is read once; A X goes to `product`, unless that is empty. Peak memory: as for the adjoint, and one
/// row-major copy of X.
template <class Scalar, class IndexType>
void csr_gram_times_block(const CsrView<Scalar, IndexType>& a, ConstBlock<Scalar> x, Block<Scalar> y,
                          Block<Scalar> product, const Execution& execution);

/// z := alpha A x + beta x + gamma z for a square A and row-major blocks of `width` vectors. Nothing is copied.
template <class Scalar, class IndexType>
void csr_recurrence(const CsrView<Scalar, IndexType>& a, const Scalar* x, Scalar* z, Index width,
                    const RecurrenceStep& step, const Execution& execution);

/// z := alpha A x - coupling z, with one coupling per real of a block row; returns Re <x, z> for each of them.
template <class Scalar, class IndexType>
Vector<double> csr_lanczos(const CsrView<Scalar, IndexType>& a, const Scalar* x, Scalar* z, Index width, double alpha,
                           const Scalar* coupling, const Execution& execution);

/// Columns of a row-major block of `rows` rows that stay in cache while rows are visited in no order: `width`, or whole
/// cache lines of it.
template <class Scalar>
Index columns_together(Index rows, Index width);

/// scale * A as an operator.
template <class Scalar, class IndexType>
class CsrOperator final : public BlockOperator<Scalar> {
  public:
    CsrOperator(const CsrView<Scalar, IndexType>& a, double scale) : a_(a), scale_(static_cast<RealOf<Scalar>>(scale)) {
        check_csr(a);
    }

    Index rows() const override { return a_.rows; }
    Index cols() const override { return a_.cols; }
    int passes_per_gram() const override { return 1; }
    int passes_with_gram() const override { return 1; }

    void apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        csr_times_block(a_, x, y, execution);
        rescale(y, scale_);
    }
    void apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        csr_adjoint_times_block(a_, x, y, execution);
        rescale(y, scale_);
    }
    void apply_gram(ConstBlock<Scalar> x, Block<Scalar> z, const Execution& execution) override {
        apply_with_gram(x, Block<Scalar>(), z, execution);
    }
    void apply_with_gram(ConstBlock<Scalar> x, Block<Scalar> y, Block<Scalar> z, const Execution& execution) override {
        // Scaled before and after, so that the product between stays inside the floating range.
        if (scale_ == RealOf<Scalar>(1)) return csr_gram_times_block(a_, x, z, y, execution);
        const Matrix<Scalar> scaled = x.map() * scale_;
        csr_gram_times_block<Scalar, IndexType>(a_, scaled, z, y, execution);
        rescale(z, scale_);
    }

    bool has_recurrence() const override { return a_.rows == a_.cols; }
    void recur(const Scalar* x, Scalar* z, Index width, const RecurrenceStep& step,
               const Execution& execution) override {
        csr_recurrence(a_, x, z, width, {step.alpha * scale_, step.beta, step.gamma}, execution);
    }
    Vector<double> lanczos(const Scalar* x, Scalar* z, Index width, const Scalar* coupling,
                           const Execution& execution) override {
        return csr_lanczos(a_, x, z, width, static_cast<double>(scale_), coupling, execution);
    }
    Index row_major_width(Index width) const override { return columns_together<Scalar>(a_.cols, width); }

  private:
    static void rescale(Block<Scalar> y, RealOf<Scalar> factor) {
        if (factor != RealOf<Scalar>(1)) y.map() *= factor;
    }

    CsrView<Scalar, IndexType> a_;
    RealOf<Scalar> scale_;
};

}  // namespace eigenscope
