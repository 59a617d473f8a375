// Products of tall blocks of vectors with small matrices: n is long, everything else is short. Rows are cut by the
// shape alone and inner products are summed in double in a fixed order, so bits do not depend on threads.
#pragma once

#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>

namespace eigenscope {

/// X^H Y, x.cols x y.cols, in double precision.
template <class Scalar>
Matrix<Precise<Scalar>> inner(ConstBlock<Scalar> x, ConstBlock<Scalar> y, const Execution& execution);

/// Y := Y - X C, C is x.cols x y.cols.
template <class Scalar>
void subtract_product(ConstBlock<Scalar> x, const Matrix<Precise<Scalar>>& c, Block<Scalar> y,
                      const Execution& execution);

/// X := X C in place over the first c.cols() columns, c.rows() = x.cols.
template <class Scalar>
void multiply_in_place(Block<Scalar> x, const Matrix<Precise<Scalar>>& c, const Execution& execution);

/// Y := X C.
template <class Scalar>
void multiply(ConstBlock<Scalar> x, const Matrix<Precise<Scalar>>& c, Block<Scalar> y, const Execution& execution);

/// X := X R^-1 with R upper triangular.
template <class Scalar>
void solve_right(Block<Scalar> x, const Matrix<Precise<Scalar>>& r, const Execution& execution);

/// Euclidean norm of every column, in double.
template <class Scalar>
Vector<double> column_norms(ConstBlock<Scalar> x, const Execution& execution);

}  // namespace eigenscope
