// The Silverstein equation: eigenvalues of a sample covariance whose population has any spectrum.
#pragma once

#include <complex>
#include <span>
#include <vector>

namespace eigenscope::random_matrix {

/// A point of the population axis where the law has an edge: base + offset, so that the distance to an atom next to
/// it keeps its digits.
struct SupportEdge {
    double base = 0;
    double offset = 0;
    double location = 0;   // x = ψ(u), on the axis of sample eigenvalues
    double curvature = 0;  // ψ''(u)
    double point() const { return base + offset; }
};

/// One interval of the support and the share of eigenvalues in it.
struct SupportInterval {
    SupportEdge low;
    SupportEdge high;
    double mass = 0;
};

/// Limit of the eigenvalues of A^½ X Xᵀ A^½ / n for white p x n noise X, c = p / n, where A has the eigenvalues t_i
/// with shares w_i. Everything happens on the population axis: with u = -1/v (v the companion Stieltjes transform)
/// the equation is ψ(u) = u + c Σ w_i t_i u / (u - t_i) = x. Outside the support u is real and ψ' > 0; inside,
/// Im u > 0 and the density is Im u / (π c |u|²).
class SilversteinLaw {
  public:
    /// Atoms positive and strictly ascending, weights positive; their sum may fall short of 1 by the share at zero.
    SilversteinLaw(std::span<const double> atoms, std::span<const double> weights, double ratio);

    /// Ascending.
    const std::vector<SupportInterval>& intervals() const { return intervals_; }
    double map(double u) const;
    double slope(double u) const;
    double curvature(double u) const;

    /// u at points of interval `which`, ascending, given by their distances to its two edges.
    void solve_inside(std::size_t which, std::span<const double> above_low, std::span<const double> below_high,
                      std::span<std::complex<double>> points) const;
    /// u at a point outside the support; NaN inside.
    double solve_outside(double x) const;
    /// u for Im z > 0.
    std::complex<double> solve_complex(std::complex<double> z) const;
    /// ∫ dF_+(x) / (x - z) at z = ψ(u), F_+ the law without the population's share at zero.
    std::complex<double> stieltjes(std::complex<double> u, std::complex<double> z) const;

  private:
    struct Sums;
    struct EdgeExpansion;
    class March;

    /// ρ = 1 - ψ' with two derivatives, at base + offset.
    Sums sums(double base, double offset) const;
    double critical_offset(double base, double inside, double outside) const;
    SupportEdge edge_between(double base, double inside, double outside) const;
    SupportEdge lowest_edge() const;
    bool find_gap(std::size_t left, double& offset) const;

    std::vector<double> atoms_;
    std::vector<double> loads_;  // c w_i
    double ratio_;
    double total_load_;
    std::vector<SupportInterval> intervals_;
};

}  // namespace eigenscope::random_matrix
