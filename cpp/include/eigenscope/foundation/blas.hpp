// BLAS and LAPACK through one table of function pointers. The table is filled at run time: by Python from
// SciPy's public capsules, or by the linked provider of the C++ tests. All matrices are column-major.
#pragma once

#include <array>
#include <eigenscope/foundation/types.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace eigenscope::blas {

/// Names of the routines the table wants ("dgemm", "zheevd", …).
std::vector<std::string_view> routine_names();

/// Put one Fortran-callable LP64 routine into the table; throws InvalidInput on an unknown name.
void install(std::string_view name, void* routine);

/// Whether every routine is in the table.
bool ready();

#ifdef EIGENSCOPE_LINKED_BLAS
/// Fill the table from the BLAS this binary was linked with.
void install_linked();
#endif

enum class Op : char { none = 'N', transpose = 'T', adjoint = 'C' };

/// C := alpha op(A) op(B) + beta C, C is m x n.
template <class Scalar>
void gemm(Op op_a, Op op_b, Index m, Index n, Index k, Scalar alpha, const Scalar* a, Index lda, const Scalar* b,
          Index ldb, Scalar beta, Scalar* c, Index ldc);

/// Lower triangle of C (n x n) := A^H A + beta C with A k x n, or, with Op::none, A A^H + beta C with A n x k.
template <class Scalar>
void gram_lower(Op op, Index n, Index k, const Scalar* a, Index lda, RealOf<Scalar> beta, Scalar* c, Index ldc);

/// B := B R^-1 with R upper triangular n x n, B is m x n.
template <class Scalar>
void solve_upper_right(Index m, Index n, const Scalar* r, Index ldr, Scalar* b, Index ldb);

/// Upper Cholesky factor of the Hermitian n x n matrix A in place; false when A is not positive definite.
template <class Scalar>
bool cholesky_upper(Index n, Scalar* a, Index lda);

/// Householder QR with column pivoting, A P = Q R: A (m x n) becomes Q in its first min(m, n) columns, `r`
/// (min(m, n) x n) the upper triangle, and column j of A P is column pivots[j] of A.
template <class Scalar>
void pivoted_qr(Index m, Index n, Scalar* a, Index lda, Scalar* r, Index ldr, std::vector<Index>& pivots);

/// Householder QR in LAPACK's compact form: A (m x n) becomes R above its diagonal and the vectors of the reflectors
/// below; with V (unit lower trapezoid) and T (r x r, r = min(m, n)), Q = I - V T V^H.
template <class Scalar>
void householder_qr(Index m, Index n, Scalar* a, Index lda, Scalar* t, Index ldt);

/// Eigenvalues (ascending, in `diagonal`) of a real symmetric tridiagonal matrix; `off_diagonal` is destroyed.
template <class Real>
void tridiagonal_eigenvalues(Index n, Real* diagonal, Real* off_diagonal);

/// A symmetric tridiagonal matrix T, and the factors of the reflectors in A = Q T Q^T.
template <class Real>
struct Tridiagonal {
    Vector<Real> diagonal, off_diagonal, reflectors;
};

/// A = Q T Q^T from the lower triangle of A (n x n), whose place the reflectors of Q take.
template <class Real>
Tridiagonal<Real> tridiagonalize(Index n, Real* a, Index lda);

/// Eigenvalues number i - 1 and i (0-based, ascending) of T, by bisection to an absolute tolerance; none where copies
/// keep LAPACK from counting them.
template <class Real>
std::optional<std::array<Real, 2>> tridiagonal_neighbours(const Tridiagonal<Real>& t, Index i, Real tolerance);

/// The `count` eigenvalues of T in (low, high], ascending, with their vectors (n x count); false when LAPACK finds
/// others. Asked for numbers instead of an interval, LAPACK tells eigenvalues apart to the root of eps only.
template <class Real>
bool tridiagonal_eigh_between(const Tridiagonal<Real>& t, Real low, Real high, Index count, Real* eigenvalues,
                              Real* vectors, Index ldv);

/// C := Q C with the Q of tridiagonalize, C is n x cols.
template <class Real>
void multiply_by_reflectors(Index n, const Real* a, Index lda, const Tridiagonal<Real>& t, Index cols, Real* c,
                            Index ldc);

/// All eigenvalues (ascending) of the Hermitian matrix whose lower triangle is in A; with `vectors`, A becomes
/// the eigenvectors, otherwise A is destroyed.
template <class Scalar>
void eigh(Index n, Scalar* a, Index lda, RealOf<Scalar>* eigenvalues, bool vectors);

/// Eigenvalues number first … last (0-based, ascending, inclusive) with their vectors (n x count); A is destroyed.
template <class Scalar>
void eigh_range(Index n, Scalar* a, Index lda, Index first, Index last, RealOf<Scalar>* eigenvalues, Scalar* vectors,
                Index ldv);

/// Thin SVD of A (m x n, destroyed), r = min(m, n): U is m x r, Vh is r x n.
template <class Scalar>
void svd(Index m, Index n, Scalar* a, Index lda, RealOf<Scalar>* s, Scalar* u, Index ldu, Scalar* vh, Index ldvh);

}  // namespace eigenscope::blas
