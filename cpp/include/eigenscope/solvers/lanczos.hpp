// Thick-restart block Lanczos for the ends of the spectrum of a Hermitian operator (Wu and Simon 2000, in blocks),
// with a certificate against omitted eigenvalues.
#pragma once

#include <cstdint>
#include <eigenscope/operators/block_operator.hpp>
#include <functional>
#include <vector>

namespace eigenscope {

enum class Which { largest_algebraic, smallest_algebraic, largest_magnitude, both_ends };

/// "possible omission": every pair meets the tolerance, but the budget ended before the certificate was complete.
enum class Status { converged, possible_omission, budget, stagnated };

/// Reported to the monitor at every restart and convergence check.
struct LanczosProgress {
    Index n_matvecs = 0;
    Index n_converged = 0;
    Index n_wanted = 0;
    double largest_residual = 0.0;  // estimate, relative to the norm of the operator
    bool certifying = false;
};

struct LanczosOptions {
    Index k = 6;
    Which which = Which::largest_magnitude;
    /// A pair is accepted when ‖A v - θ v‖ <= tolerance * ‖A‖; never asked below `residual_floor` eps.
    double tolerance = 1e-10;
    Index block = 4;
    /// Columns of the basis between restarts; 0 chooses from k and block.
    Index basis_size = 0;
    Index max_matvecs = 0;
    double max_seconds = 0.0;
    /// Exclude omitted copies before declaring the set complete; with random vectors orthogonal to the found set
    /// where the start block itself cannot.
    bool certify = true;
    /// Recompute ‖A v - θ v‖ at the end; a caller that checks in its own way saves an application.
    bool recompute_residuals = true;
    /// Where the wanted end is crowded, go on with Chebyshev polynomials of the operator: fewer orthogonalisations for
    /// about as many products. Worth it when a product is cheaper than orthogonalising its result.
    bool filter = false;
    /// The operator is A^H A and the tolerance is meant for the singular triplets of A.
    bool squared = false;
    std::uint64_t seed = 0;
    std::function<bool(const LanczosProgress&)> monitor;
};

/// Residuals below this times eps are rounding.
inline constexpr double residual_floor = 32.0;

template <class Scalar>
struct LanczosResult {
    Vector<double> eigenvalues;  // most wanted first
    Matrix<Scalar> eigenvectors;
    Vector<double> residual_norms;  // recomputed, absolute
    std::vector<bool> converged;
    Status status = Status::converged;
    bool interrupted = false;
    Index n_matvecs = 0;
    Index n_applications = 0;
    Index n_restarts = 0;
    Index basis_bytes = 0;
    double norm = 0.0;
};

/// Columns the basis will have.
Index lanczos_basis_size(Index n, const LanczosOptions& options);

/// The k wanted eigenpairs of a Hermitian operator of order n, with basis_size + block <= n. `start` (n x any) holds
/// guesses; missing columns are random.
template <class Scalar>
LanczosResult<Scalar> lanczos(BlockOperator<Scalar>& op, const LanczosOptions& options, ConstBlock<Scalar> start,
                              const Execution& execution);

/// All or some eigenpairs by LAPACK, from the operator applied to the identity.
template <class Scalar>
LanczosResult<Scalar> dense_eigh(BlockOperator<Scalar>& op, const LanczosOptions& options, const Execution& execution);

/// Positions of `values` (ascending), most wanted first.
std::vector<Index> wanted_order(const Vector<double>& ascending, Which which);

}  // namespace eigenscope
