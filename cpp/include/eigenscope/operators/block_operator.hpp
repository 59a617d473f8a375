// What a solver knows of a matrix: its size and its products with blocks of vectors.
#pragma once

#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>
#include <stdexcept>

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
    /// Times A is read by one apply_with_gram.
    virtual int passes_with_gram() const { return 2; }
    /// Whether equal vectors are sure to have equal products; of a caller's function that is not known.
    virtual bool is_repeatable() const { return true; }
    /// z := alpha A x + beta x + gamma z for row-major blocks of `width` vectors, square A. Only where
    /// has_recurrence().
    virtual void recur(const Scalar* /*x*/, Scalar* /*z*/, Index /*width*/, const RecurrenceStep& /*step*/,
                       const Execution& /*execution*/) {
        throw std::logic_error("this operator has no product with row-major blocks");
    }
    virtual bool has_recurrence() const { return false; }
    /// z := A x - coupling z for row-major blocks of `width` vectors with one coupling per real of a row, two for a
    /// complex vector; returns Re <x, z>, summed over rows, for every real of a row. Only where has_recurrence().
    virtual Vector<double> lanczos(const Scalar* /*x*/, Scalar* /*z*/, Index /*width*/, const Scalar* /*coupling*/,
                                   const Execution& /*execution*/) {
        throw std::logic_error("this operator has no product with row-major blocks");
    }
    /// How many of `width` vectors are best multiplied together as one row-major block.
    virtual Index row_major_width(Index width) const { return width; }
    /// y := A itself, where that is cheaper than products with the identity; false where it is not.
    virtual bool form(Block<Scalar> /*y*/, const Execution& /*execution*/) { return false; }
    /// Times A is read by one apply_gram.
    virtual int passes_per_gram() const { return 2; }
};

}  // namespace eigenscope
