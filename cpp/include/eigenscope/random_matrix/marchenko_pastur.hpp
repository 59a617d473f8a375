// The Marchenko–Pastur law: the limit of the eigenvalues of a sample covariance of white noise.
#pragma once

#include <complex>

namespace eigenscope::random_matrix {

/// Law of the eigenvalues of X Xᵀ / n for p x n noise of variance s², with c = p / n. In the angle φ of
/// x = s² (1 + c - 2 √c cos φ) its density has no edges: f(x) dx = (2/π) sin²φ / (1 + c - 2 √c cos φ) dφ.
class MarchenkoPastur {
  public:
    /// `ratio` is c = p / n and `variance` is s²; both positive.
    MarchenkoPastur(double ratio, double variance);

    double lower_edge() const { return variance_ * gap_ * gap_; }
    double upper_edge() const { return variance_ * (1 + root_) * (1 + root_); }
    /// Probability of an eigenvalue that is exactly zero: max(0, 1 - 1/c).
    double atom() const { return ratio_ > 1 ? 1 - 1 / ratio_ : 0; }

    /// Density of the continuous part.
    double pdf(double x) const;
    double cdf(double x) const;
    /// 1 - cdf with full relative precision up to the upper edge.
    double sf(double x) const;
    /// Smallest x with cdf(x) >= probability; NaN outside [0, 1].
    double ppf(double probability) const;
    /// ∫ dF(x) / (x - z); for real z inside the bulk the limit from the side that the sign of Im z names.
    std::complex<double> stieltjes(std::complex<double> z) const;

  private:
    // In the angle φ the continuous part of ratio c is that of 1/c, scaled: everything below is for q <= 1 and mass 1.
    /// Mass within the angle φ of the lower (upper) edge.
    double mass(double angle, bool lower) const;
    /// φ that solves mass(φ) = target.
    double solve_angle(double target, bool lower) const;
    double angular_density(double angle, bool lower) const;

    double ratio_;
    double variance_;
    double root_;   // √c
    double gap_;    // |1 - √c|, without cancellation
    double q_;      // √c or 1/√c, whichever is at most 1
    double share_;  // mass of the continuous part
};

}  // namespace eigenscope::random_matrix
