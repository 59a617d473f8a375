// Operators made of other operators, without forming a product.
#pragma once

#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/operators/block_operator.hpp>
#include <functional>

namespace eigenscope {

/// A given by two functions; a missing adjoint is an error when it is called.
template <class Scalar>
class CallbackOperator final : public BlockOperator<Scalar> {
  public:
    using Product = std::function<void(ConstBlock<Scalar>, Block<Scalar>)>;

    CallbackOperator(Index rows, Index cols, Product apply, Product apply_adjoint)
        : rows_(rows), cols_(cols), apply_(std::move(apply)), apply_adjoint_(std::move(apply_adjoint)) {}

    Index rows() const override { return rows_; }
    Index cols() const override { return cols_; }
    bool is_repeatable() const override { return false; }
    void apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution&) override { apply_(x, y); }
    void apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> y, const Execution&) override { apply_adjoint_(x, y); }

  private:
    Index rows_;
    Index cols_;
    Product apply_;
    Product apply_adjoint_;
};

/// scale * (A - 1 shift^T) diag(factor) for an A that cannot be changed while it is read (sparse, callback): the
/// mean enters as a rank-one term.
template <class Scalar>
class StandardizedOperator final : public BlockOperator<Scalar> {
  public:
    StandardizedOperator(BlockOperator<Scalar>& inner, Vector<Scalar> shift, Vector<RealOf<Scalar>> factor,
                         double scale)
        : inner_(inner), shift_(std::move(shift)), factor_(factor * static_cast<RealOf<Scalar>>(scale)) {}

    Index rows() const override { return inner_.rows(); }
    Index cols() const override { return inner_.cols(); }

    void apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        const Matrix<Scalar> scaled = factor_.asDiagonal() * x.map();
        inner_.apply(scaled, y, execution);
        if (shift_.size() == 0) return;
        const Eigen::Matrix<Scalar, 1, Eigen::Dynamic> offset = shift_.transpose() * scaled;
        y.map().rowwise() -= offset;
    }

    void apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        inner_.apply_adjoint(x, y, execution);
        auto result = y.map();
        if (shift_.size() > 0) {
            const Eigen::Matrix<Scalar, 1, Eigen::Dynamic> sums = x.map().colwise().sum();
            result.noalias() -= shift_.conjugate() * sums;
        }
        result = factor_.asDiagonal() * result;
    }

    void apply_gram(ConstBlock<Scalar> x, Block<Scalar> z, const Execution& execution) override {
        if (shift_.size() > 0) return BlockOperator<Scalar>::apply_gram(x, z, execution);
        const Matrix<Scalar> scaled = factor_.asDiagonal() * x.map();
        inner_.apply_gram(scaled, z, execution);
        z.map() = factor_.asDiagonal() * z.map();
    }

    void apply_with_gram(ConstBlock<Scalar> x, Block<Scalar> y, Block<Scalar> z, const Execution& execution) override {
        if (shift_.size() > 0) return BlockOperator<Scalar>::apply_with_gram(x, y, z, execution);
        const Matrix<Scalar> scaled = factor_.asDiagonal() * x.map();
        inner_.apply_with_gram(scaled, y, z, execution);
        z.map() = factor_.asDiagonal() * z.map();
    }

    int passes_per_gram() const override { return shift_.size() > 0 ? 2 : inner_.passes_per_gram(); }
    int passes_with_gram() const override { return shift_.size() > 0 ? 2 : inner_.passes_with_gram(); }
    bool is_repeatable() const override { return inner_.is_repeatable(); }

  private:
    BlockOperator<Scalar>& inner_;
    Vector<Scalar> shift_;
    Vector<RealOf<Scalar>> factor_;
};

/// A^H, by exchanging the two products.
template <class Scalar>
class AdjointOperator final : public BlockOperator<Scalar> {
  public:
    explicit AdjointOperator(BlockOperator<Scalar>& inner) : inner_(inner) {}
    Index rows() const override { return inner_.cols(); }
    Index cols() const override { return inner_.rows(); }
    bool is_repeatable() const override { return inner_.is_repeatable(); }
    void apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        inner_.apply_adjoint(x, y, execution);
    }
    void apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        inner_.apply(x, y, execution);
    }

  private:
    BlockOperator<Scalar>& inner_;
};

/// A^H A, symmetric positive semidefinite.
template <class Scalar>
class GramOperator final : public BlockOperator<Scalar> {
  public:
    explicit GramOperator(BlockOperator<Scalar>& inner) : inner_(inner) {}
    Index rows() const override { return inner_.cols(); }
    Index cols() const override { return inner_.cols(); }
    void apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        inner_.apply_gram(x, y, execution);
    }
    void apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        inner_.apply_gram(x, y, execution);
    }

  private:
    BlockOperator<Scalar>& inner_;
};

/// [0 A; A^H 0] (Jordan 1874, Wielandt): eigenvalues ±σ with vectors (u; ±v)/√2, so that small singular values keep
/// their digits, which squaring in A^H A loses below sqrt(eps) σ₁.
template <class Scalar>
class JordanWielandtOperator final : public BlockOperator<Scalar> {
  public:
    explicit JordanWielandtOperator(BlockOperator<Scalar>& inner) : inner_(inner) {}
    Index rows() const override { return inner_.rows() + inner_.cols(); }
    Index cols() const override { return rows(); }
    void apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        const Index m = inner_.rows(), n = inner_.cols();
        inner_.apply(x.rows_range(m, n), y.rows_range(0, m), execution);
        inner_.apply_adjoint(x.rows_range(0, m), y.rows_range(m, n), execution);
    }
    void apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        apply(x, y, execution);
    }

  private:
    BlockOperator<Scalar>& inner_;
};

}  // namespace eigenscope
