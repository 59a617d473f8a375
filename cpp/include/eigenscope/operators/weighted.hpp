// Rows multiplied by factors, without touching the data.
#pragma once

#include <eigenscope/operators/block_operator.hpp>
#include <utility>

namespace eigenscope {

/// diag(factor) A.
template <class Scalar>
class RowWeightedOperator final : public BlockOperator<Scalar> {
  public:
    RowWeightedOperator(BlockOperator<Scalar>& inner, Vector<RealOf<Scalar>> factor)
        : inner_(inner), factor_(std::move(factor)) {}

    Index rows() const override { return inner_.rows(); }
    Index cols() const override { return inner_.cols(); }
    void apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        inner_.apply(x, y, execution);
        y.map() = factor_.asDiagonal() * y.map();
    }
    void apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        const Matrix<Scalar> weighted = factor_.asDiagonal() * x.map();
        inner_.apply_adjoint(weighted, y, execution);
    }

  private:
    BlockOperator<Scalar>& inner_;
    Vector<RealOf<Scalar>> factor_;
};

}  // namespace eigenscope
