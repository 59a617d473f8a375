// One-pass second moments that merge: count, means, centred cross products and lag-one products (Chan, Golub and
// LeVeque 1983). The whole covariance spectrum of p features costs one pass and p² doubles.
#pragma once

#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>
#include <eigenscope/panels/source.hpp>
#include <limits>

namespace eigenscope {

/// A feature whose standard deviation is below this times its mean is constant: the rest is rounding of the mean.
inline constexpr double constant_feature_deviation = 8 * std::numeric_limits<double>::epsilon();

/// Per-feature sums over samples; merges exactly, in sample order.
struct FeatureSums {
    Index count = 0;
    Vector<double> mean;               // p
    Vector<double> mean_remainder;     // p, what rounding took from the mean: differences of large means stay exact
    Vector<double> squared_deviation;  // p, sum of (x - mean)²
    Vector<double> lag_product;        // p, sum over t of (x_t - mean)(x_{t+1} - mean)
    Vector<double> first;              // p, first sample
    Vector<double> last;               // p, last sample

    explicit FeatureSums(Index n_features = 0);
    /// Mean of the samples that follow minus the mean of these.
    double mean_difference(const FeatureSums& later, Index feature) const {
        return (later.mean[feature] - mean[feature]) + (later.mean_remainder[feature] - mean_remainder[feature]);
    }
    /// One sample's distance from the mean in feature j.
    double deviation(const Vector<double>& sample, Index j) const { return (sample[j] - mean[j]) - mean_remainder[j]; }
    /// Append the sums of the samples that follow.
    void merge(const FeatureSums& later);
    /// Sum of lag products over sum of squared deviations, pooled over features; NaN when undefined.
    double lag_one_autocorrelation() const;
};

/// Sums over samples of features, with the lower triangle of the centred cross products (p x p).
struct Moments {
    FeatureSums features;
    Matrix<double> cross_products;

    explicit Moments(Index n_features = 0);
    void merge(const Moments& later);
};

/// Moments over the rows of `source` multiplied by `scale` (a power of two), one pass. `Scalar` is the precision of
/// the products inside a panel; panels are summed in double.
template <class Scalar>
Moments moments(const DenseSource& source, double scale, const Execution& execution);

/// Cross products over features of the centred (and, with `standardize`, unit-variance) data: the n x n Gram matrix,
/// lower triangle, for fewer samples than features. `features.first` and `last` are left empty.
template <class Scalar>
Moments sample_gram(const DenseSource& source, double scale, bool center, bool standardize, const Execution& execution);

/// The per-feature sums alone, one pass.
template <class Scalar>
FeatureSums feature_sums(const DenseSource& source, double scale, const Execution& execution);

/// Working memory of `moments` beyond its result, in bytes.
template <class Scalar>
Index moments_workspace_bytes(Index rows, Index cols, int threads);

}  // namespace eigenscope
