// The Tracy–Widom laws: the limit of the largest eigenvalue of white noise, centred and scaled.
#pragma once

namespace eigenscope::random_matrix {

/// Tracy–Widom law for real (beta = 1), complex (2) and quaternion (4, without the factor √2) matrices.
/// Absolute error below 1e-14; relative error of F for -10 < s < -2 and of 1 - F for s > -2 below 1e-12.
class TracyWidom {
  public:
    explicit TracyWidom(int beta);

    double cdf(double s) const;
    double sf(double s) const;
    double pdf(double s) const;
    /// F''(s), the derivative of the density.
    double pdf_slope(double s) const;
    /// Quantile of a lower-tail probability; NaN outside [0, 1].
    double ppf(double probability) const;
    /// Quantile of an upper-tail probability; keeps its precision where 1 - probability would not.
    double isf(double probability) const;
    double mean() const;
    double variance() const;

  private:
    int beta_;
};

}  // namespace eigenscope::random_matrix
