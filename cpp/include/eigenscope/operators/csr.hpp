// Products of a compressed-sparse-row matrix A (n x m) with blocks of vectors. Rows may be empty, their entries
// unsorted or repeated. Blocks must not overlap. Bits do not depend on the number of threads.
#pragma once

#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>

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

/// Y = A^H (A X), A is read once. Peak memory: as for the adjoint, and one row-major copy of X.
template <class Scalar, class IndexType>
void csr_gram_times_block(const CsrView<Scalar, IndexType>& a, ConstBlock<Scalar> x, Block<Scalar> y,
                          const Execution& execution);

}  // namespace eigenscope
