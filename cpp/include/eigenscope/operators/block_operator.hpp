// What a solver knows of a matrix: its size and its products with blocks of vectors.
#pragma once

#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>

namespace eigenscope {

template <class Scalar>
class BlockOperator {
  public:
    virtual ~BlockOperator() = default;

    virtual Index rows() const = 0;
    virtual Index cols() const = 0;

    /// y := A x, x is cols x b, y is rows x b.
    virtual void apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) = 0;
    /// y := A^H x, x is rows x b, y is cols x b.
    virtual void apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) = 0;
    /// z := A^H (A x), both cols x b; one pass over A where the operator can.
    virtual void apply_gram(ConstBlock<Scalar> x, Block<Scalar> z, const Execution& execution) {
        Matrix<Scalar> product(rows(), x.cols);
        apply(x, product, execution);
        apply_adjoint(product, z, execution);
    }
    /// y := A x and z := A^H y.
    virtual void apply_with_gram(ConstBlock<Scalar> x, Block<Scalar> y, Block<Scalar> z, const Execution& execution) {
        apply(x, y, execution);
        apply_adjoint(y, z, execution);
    }
    /// Times A is read by apply_with_gram of that many vectors.
    virtual int passes_with_gram([[maybe_unused]] Index vectors) const { return 2; }
    /// Times A is read by one apply_gram.
    virtual int passes_per_gram() const { return 2; }
};

}  // namespace eigenscope
