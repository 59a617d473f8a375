// Gauss quadratures of spectral measures (Golub and Welsch 1969; Ubaru, Chen and Saad 2017): one Lanczos recurrence
// per random probe, all probes of a group in one block product. No basis is kept unless it fits.
#pragma once

#include <cstdint>
#include <eigenscope/operators/block_operator.hpp>
#include <functional>
#include <memory>
#include <vector>

namespace eigenscope {

/// Unit vectors with E v v^H = I / n: uniform on the sphere; signs; or uniform and orthonormal within a group.
enum class ProbeKind { sphere, rademacher, orthogonal };

/// Reported to the monitor after every block product.
struct QuadratureProgress {
    Index n_probes = 0;  // whose recurrences are complete
    Index step = 0;      // of the recurrences at work
    Index n_matvecs = 0;
};

struct QuadratureOptions {
    /// Nodes per probe, at most the order of the operator.
    Index degree = 80;
    /// Probes first_probe … first_probe + n_probes - 1; probe p is a function of (seed, p).
    Index first_probe = 0;
    Index n_probes = 16;
    /// Probes multiplied at once.
    Index block = 16;
    ProbeKind probe = ProbeKind::sphere;
    /// The measure of A^H A, by Golub-Kahan bidiagonalisation, instead of that of a Hermitian A.
    bool gram = false;
    /// Keep the vectors of a group and orthogonalise against them. Without it, converged eigenvalues appear in
    /// several copies whose weights add up to the right one (Greenbaum 1989).
    bool reorthogonalize = false;
    double max_seconds = 0.0;
    std::uint64_t seed = 0;
    /// Returns true to stop.
    std::function<bool(const QuadratureProgress&)> monitor;
};

/// Quadratures of many probes, degree x n_probes; behind a probe's last node stands NaN.
struct QuadratureRules {
    Matrix<double> nodes;
    Matrix<double> weights;         // they sum to one
    Matrix<double> residual_norms;  // of the Ritz pairs: an eigenvalue lies within this distance of the node
};

struct Quadrature {
    QuadratureRules fine;
    /// From the first half of each recurrence: what the second half changed is the error of the quadrature.
    QuadratureRules coarse;
    bool interrupted = false;
    /// Everything asked for was done.
    bool complete = true;
    Index n_matvecs = 0;
    Index n_applications = 0;
    Index workspace_bytes = 0;
};

template <class Scalar>
Quadrature spectral_quadrature(BlockOperator<Scalar>& op, const QuadratureOptions& options, const Execution& execution);

/// The probes of one group as columns of `block`.
template <class Scalar>
void fill_probes(const QuadratureOptions& options, Index first_probe, Block<Scalar> block, const Execution& execution);

/// Coefficients of the recurrences of one group, one column per probe. Lanczos: diagonal and sub-diagonal of T.
/// Golub-Kahan: diagonal and super-diagonal of the upper bidiagonal B, T = B^T B.
struct RecurrenceCoefficients {
    Matrix<double> diagonal;
    Matrix<double> off_diagonal;
    std::vector<Index> lengths;
};

template <class Scalar>
class RowMajorProbes;

/// The recurrences of one group of probes, a block product at a time.
template <class Scalar>
class ProbeRecurrences {
  public:
    ProbeRecurrences(BlockOperator<Scalar>& op, const QuadratureOptions& options, Index first_probe, Index width,
                     const Execution& execution);
    ~ProbeRecurrences();

    /// One step of every recurrence. Interrupted inside, it leaves the coefficients as they were.
    void step();
    /// Whether every recurrence has reached its degree or an invariant subspace.
    bool finished() const;
    /// Coefficients of `scale` A, the power of two that keeps squares inside the floating range.
    const RecurrenceCoefficients& coefficients() const { return coefficients_; }
    double scale() const { return scale_; }
    Index steps() const { return steps_; }
    Index width() const { return factor_.size(); }
    Index bytes() const;

  private:
    /// What a Lanczos step finds for every probe.
    struct Step {
        Vector<double> alpha, beta;
    };

    void lanczos_step();
    void golub_kahan_step();
    void choose_scale(double largest);
    Step step_by_rows();
    Step step_by_columns();
    Vector<double> orthogonalized_norms(const Vector<double>& norms, Matrix<Scalar>& vectors);
    void keep_basis_vector();
    bool is_negligible(double length, Index probe) const;
    void end_probe(Index probe);

    BlockOperator<Scalar>& op_;
    const QuadratureOptions& options_;
    const Execution& execution_;
    Index degree_;
    Index steps_ = 0;
    double scale_ = 1.0;
    // Vectors are kept with the length they came with: v = factor * column. A factor of zero marks the end.
    Matrix<Scalar> current_, previous_, product_, left_product_;
    // In place of these where products run on rows and no basis is kept.
    std::unique_ptr<RowMajorProbes<Scalar>> by_rows_;
    Vector<double> factor_, previous_factor_, coupling_;
    Vector<double> norms_;  // of the operator, as seen by each probe
    std::vector<Matrix<Scalar>> bases_;
    RecurrenceCoefficients coefficients_;
};

}  // namespace eigenscope
