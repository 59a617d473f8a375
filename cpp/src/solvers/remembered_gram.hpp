// Products that a Krylov iteration has made anyway, kept so that those of its result need no further pass.
#pragma once

#include <eigenscope/operators/block_operator.hpp>
#include <eigenscope/solvers/tall_products.hpp>

namespace eigenscope {

/// A^H A that keeps, for up to `capacity` vectors X it was applied to, X itself, Y = A X and Z = A^H A X.
template <class Scalar>
class RememberedGramOperator final : public BlockOperator<Scalar> {
  public:
    RememberedGramOperator(BlockOperator<Scalar>& inner, Index capacity) : inner_(inner), capacity_(capacity) {}

    Index rows() const override { return inner_.cols(); }
    Index cols() const override { return inner_.cols(); }
    Index bytes() const { return (x_.size() + y_.size() + z_.size()) * Index{sizeof(Scalar)}; }

    void apply(ConstBlock<Scalar> x, Block<Scalar> z, const Execution& execution) override {
        if (count_ + x.cols > capacity_) return inner_.apply_gram(x, z, execution);
        if (count_ == 0) {
            x_.resize(inner_.cols(), capacity_);
            y_.resize(inner_.rows(), capacity_);
            z_.resize(inner_.cols(), capacity_);
        }
        inner_.apply_with_gram(x, Block<Scalar>(y_).columns(count_, x.cols), z, execution);
        Block<Scalar>(x_).columns(count_, x.cols).map() = x.map();
        Block<Scalar>(z_).columns(count_, x.cols).map() = z.map();
        count_ += x.cols;
    }
    void apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> z, const Execution& execution) override {
        apply(x, z, execution);
    }

    /// y := A v and z := A^H A v for orthonormal v = X H + D: H = X^H v, as X was orthonormal where v has a part in it.
    /// False, and nothing is written, when a column of D is longer than `tolerance`.
    bool recall(ConstBlock<Scalar> v, double tolerance, Block<Scalar> y, Block<Scalar> z,
                const Execution& execution) const {
        if (count_ < v.cols) return false;
        const ConstBlock<Scalar> x = kept(x_);
        const Matrix<Precise<Scalar>> h = inner<Scalar>(x, v, execution);
        Matrix<Scalar> difference = v.map();
        subtract_product<Scalar>(x, h, difference, execution);
        if (!(column_norms<Scalar>(difference, execution).maxCoeff() <= tolerance)) return false;
        multiply<Scalar>(kept(y_), h, y, execution);
        multiply<Scalar>(kept(z_), h, z, execution);
        return true;
    }

  private:
    ConstBlock<Scalar> kept(const Matrix<Scalar>& matrix) const {
        return ConstBlock<Scalar>(matrix).columns(0, count_);
    }

    BlockOperator<Scalar>& inner_;
    Index capacity_;
    Index count_ = 0;
    Matrix<Scalar> x_, y_, z_;
};

}  // namespace eigenscope
