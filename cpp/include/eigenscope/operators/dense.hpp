// A dense matrix of any element type as an operator, read in panels; columns may be centred and scaled on the way.
#pragma once

#include <eigenscope/operators/block_operator.hpp>
#include <eigenscope/panels/source.hpp>

namespace eigenscope {

/// scale * (A - 1 shift^T) diag(factor); `scale` is a power of two that keeps squares inside the floating range.
template <class Scalar>
class DenseOperator final : public BlockOperator<Scalar> {
  public:
    DenseOperator(const DenseSource& source, const ColumnTransform& transform, double scale)
        : source_(source), transform_(transform), scale_(static_cast<RealOf<Scalar>>(scale)) {}

    Index rows() const override { return source_.rows; }
    Index cols() const override { return source_.cols; }
    void apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override;
    void apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override;
    void apply_gram(ConstBlock<Scalar> x, Block<Scalar> z, const Execution& execution) override;
    void apply_with_gram(ConstBlock<Scalar> x, Block<Scalar> y, Block<Scalar> z, const Execution& execution) override;
    bool form(Block<Scalar> y, const Execution& execution) override;
    int passes_with_gram() const override { return 1; }
    int passes_per_gram() const override { return 1; }

  private:
    /// Whether A can be read once by the kernels that work on its rows without packing them.
    bool fits_kernels(Index vectors) const;
    bool fuses(Index vectors) const { return fits_kernels(vectors) && scale_ == RealOf<Scalar>(1); }

    DenseSource source_;
    ColumnTransform transform_;
    RealOf<Scalar> scale_;
};

}  // namespace eigenscope
