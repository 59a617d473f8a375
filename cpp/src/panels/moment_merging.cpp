#include <eigenscope/panels/moments.hpp>
#include <limits>

// Summaries of two runs of rows become the summary of both: Chan, Golub & LeVeque (1983), equations 1.5.

namespace eigenscope {

FeatureSums::FeatureSums(Index n_features)
    : mean(Vector<double>::Zero(n_features)),
      mean_remainder(Vector<double>::Zero(n_features)),
      squared_deviation(Vector<double>::Zero(n_features)),
      lag_product(Vector<double>::Zero(n_features)),
      first(Vector<double>::Zero(n_features)),
      last(Vector<double>::Zero(n_features)) {}

void FeatureSums::merge(const FeatureSums& later) {
    if (later.count == 0) return;
    if (count == 0) {
        *this = later;
        return;
    }
    const auto n_a = static_cast<double>(count), n_b = static_cast<double>(later.count), n = n_a + n_b;
    for (Index j = 0; j < mean.size(); ++j) {
        const double difference = mean_difference(later, j);
        // Lag products about the merged mean: with d = mean - merged, every sum of (x_t - mean + d)(x_{t+1} - mean + d)
        // gains d * (sum over t of both deviations) + (count - 1) d²; deviations sum to zero but for the ends.
        const double d_a = -difference * (n_b / n), d_b = difference * (n_a / n);
        const double about_a =
            lag_product[j] - d_a * (deviation(first, j) + deviation(last, j)) + (n_a - 1) * d_a * d_a;
        const double about_b = later.lag_product[j] -
                               d_b * (later.deviation(later.first, j) + later.deviation(later.last, j)) +
                               (n_b - 1) * d_b * d_b;
        const double across = (deviation(last, j) + d_a) * (later.deviation(later.first, j) + d_b);
        lag_product[j] = about_a + across + about_b;
        squared_deviation[j] += later.squared_deviation[j] + difference * difference * (n_a * n_b / n);
        const double step = mean_remainder[j] - d_a, merged = mean[j] + step;
        mean_remainder[j] = (mean[j] - merged) + step;
        mean[j] = merged;
    }
    last = later.last;
    count += later.count;
}

double FeatureSums::lag_one_autocorrelation() const {
    const double total = squared_deviation.sum();
    if (count < 2 || !(total > 0.0)) return std::numeric_limits<double>::quiet_NaN();
    return lag_product.sum() / total;
}

Moments::Moments(Index n_features)
    : features(n_features), cross_products(Matrix<double>::Zero(n_features, n_features)) {}

void Moments::merge(const Moments& later) {
    if (later.features.count == 0) return;
    const auto n_a = static_cast<double>(features.count), n_b = static_cast<double>(later.features.count);
    const double weight = features.count > 0 ? n_a * n_b / (n_a + n_b) : 0.0;
    const Index p = features.mean.size();
    Vector<double> difference(p);
    for (Index j = 0; j < p; ++j) difference[j] = features.mean_difference(later.features, j);
    for (Index j = 0; j < p; ++j)
        for (Index i = j; i < p; ++i)
            cross_products(i, j) += later.cross_products(i, j) + weight * difference[i] * difference[j];
    features.merge(later.features);
}

}  // namespace eigenscope
