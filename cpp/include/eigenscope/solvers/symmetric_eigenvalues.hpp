// Eigenvalues of a real symmetric matrix, and its largest eigenpairs: dense to band to tridiagonal, and back. Every
// step divides its work by shape alone, so the bits are the same for any number of threads.
#pragma once

#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>
#include <eigenscope/solvers/eigenpairs.hpp>
#include <memory>

namespace eigenscope {

/// Ascending, from the lower triangle of A (n x n), which is destroyed.
Vector<double> symmetric_eigenvalues(Index n, double* a, Index lda, const Execution& execution);

/// The `count` largest eigenpairs, ascending, from the lower triangle of A (n x n, columns n apart), which is
/// destroyed; `owner` keeps its memory when the caller is told to stop.
Eigenpairs<double> largest_eigenpairs(Index n, double* a, std::shared_ptr<void> owner, Index count,
                                      const Execution& execution);

/// Whether they come in two stages, with threads of ours, or else from LAPACK, with those of its BLAS.
bool takes_two_stages(Index n, Index count);

/// Bytes that the eigenvalues need beside the matrix.
Index symmetric_eigenvalues_workspace_bytes(Index n);

}  // namespace eigenscope
