// All eigenvalues of a real symmetric matrix: dense to band to tridiagonal to values. Every step divides its work by
// shape alone, so the bits are the same for any number of threads.
#pragma once

#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>

namespace eigenscope {

/// Ascending, from the lower triangle of A (n x n), which is destroyed.
Vector<double> symmetric_eigenvalues(Index n, double* a, Index lda, const Execution& execution);

/// Bytes it needs beside the matrix.
Index symmetric_eigenvalues_workspace_bytes(Index n);

}  // namespace eigenscope
