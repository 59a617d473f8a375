// An operator with given vectors taken out of it.
#pragma once

#include <eigenscope/operators/block_operator.hpp>
#include <eigenscope/solvers/tall_products.hpp>

namespace eigenscope {

/// P A P + shift Q Q^H with P = I - Q Q^H: on the complement of the orthonormal Q the operator A, on Q a multiple of
/// the identity that moves it away from the wanted end.
template <class Scalar>
class DeflatedOperator final : public BlockOperator<Scalar> {
  public:
    DeflatedOperator(BlockOperator<Scalar>& inner, Matrix<Scalar> q, double shift)
        : inner_(inner), q_(std::move(q)), shift_(shift) {}

    Index rows() const override { return inner_.rows(); }
    Index cols() const override { return inner_.cols(); }

    void apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        // y = P A (x - Q c) + shift Q c with c = Q^H x
        const auto c = inner<Scalar>(q_, x, execution);
        Matrix<Scalar> kept = x.map();
        subtract_product<Scalar>(q_, c, kept, execution);
        inner_.apply(kept, y, execution);
        const Matrix<Precise<Scalar>> taken = inner<Scalar>(q_, y, execution) - shift_ * c;
        subtract_product<Scalar>(q_, taken, y, execution);
    }
    void apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        apply(x, y, execution);
    }

  private:
    BlockOperator<Scalar>& inner_;
    const Matrix<Scalar> q_;
    const double shift_;
};

}  // namespace eigenscope
