// Leading singular triplets from block Krylov spaces of A^H A, one fused pass over A per block.
#pragma once

#include <eigenscope/solvers/lanczos.hpp>

namespace eigenscope {

/// The random vectors that a fixed number of passes begins with.
enum class TestMatrix { gaussian, sparse_sign };

struct SvdOptions {
    Index k = 6;
    /// A triplet is accepted when sqrt(‖A v - σ u‖² + ‖A^H u - σ v‖²) <= tolerance * σ₁.
    double tolerance = 1e-8;
    Index block = 16;
    Index basis_size = 0;
    /// 0: until the tolerance is met. Otherwise exactly this many block steps, without a certificate.
    Index n_blocks = 0;
    /// With n_blocks: keep the last block alone, G^n_blocks Omega with G = A^H A (subspace iteration).
    bool keeps_last_block_only = false;
    TestMatrix test_matrix = TestMatrix::gaussian;
    Index max_matvecs = 0;
    double max_seconds = 0.0;
    bool certify = true;
    /// Gaussian probes of ‖A - U S V^H‖_F; 0 for none.
    Index n_error_probes = 0;
    std::uint64_t seed = 0;
    std::function<bool(const LanczosProgress&)> monitor;
};

template <class Scalar>
struct SvdResult {
    Matrix<Scalar> u;
    Vector<double> singular_values;
    Matrix<Scalar> v;
    Vector<double> right_residuals;  // ‖A v - σ u‖
    Matrix<Scalar> adjoint_product;  // A^H u, where the last pass gave it; empty otherwise
    Vector<double> residual_norms;   // two-sided
    std::vector<bool> converged;
    Status status = Status::converged;
    bool interrupted = false;
    /// Small values were recomputed from [0 A; A^H 0], because A^H A had lost them.
    bool refined = false;
    /// ‖(A - U S V^H) w_j‖² for the Gaussian probes w_j.
    Vector<double> squared_errors;
    Index n_matvecs = 0;
    Index n_passes = 0;
    Index n_restarts = 0;
    Index basis_bytes = 0;
};

/// Leading triplets of an m x n operator; m >= n is the cheaper orientation.
template <class Scalar>
SvdResult<Scalar> block_krylov_svd(BlockOperator<Scalar>& op, const SvdOptions& options, const Execution& execution);

/// The k leading triplets that an orthonormal right basis (n x q, q >= k) holds, checked and, where the tolerance is
/// not met, recomputed.
template <class Scalar>
SvdResult<Scalar> svd_from_basis(BlockOperator<Scalar>& op, ConstBlock<Scalar> right, const SvdOptions& options,
                                 const Execution& execution);

/// All triplets up to k by LAPACK, from the operator applied to the identity.
template <class Scalar>
SvdResult<Scalar> dense_svd(BlockOperator<Scalar>& op, const SvdOptions& options, const Execution& execution);

}  // namespace eigenscope
