#include <cmath>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/random_matrix/chain_moments.hpp>
#include <numeric>
#include <vector>

#include "testing.hpp"

using namespace eigenscope;

namespace {

/// Sum over the chains that go on from `path` of the products of A along them, closed to a cycle.
double chains_from(const Matrix<double>& a, std::vector<Index>& path, Index length, double product) {
    if (static_cast<Index>(path.size()) == length) return product * a(path.back(), path.front());
    double sum = 0;
    for (Index next = path.back() + 1; next < a.rows(); ++next) {
        const double longer = product * a(path.back(), next);
        path.push_back(next);
        sum += chains_from(a, path, length, longer);
        path.pop_back();
    }
    return sum;
}

double mean_over_chains(const Matrix<double>& a, Index length) {
    double sum = 0, count = 1;
    for (Index first = 0; first < a.rows(); ++first) {
        std::vector<Index> path{first};
        sum += chains_from(a, path, length, 1);
    }
    for (Index m = 0; m < length; ++m) count *= static_cast<double>(a.rows() - m) / static_cast<double>(m + 1);
    return sum / count;
}

}  // namespace

TEST(moments_are_means_over_increasing_chains) {
    for (const Index n : {1, 2, 9}) {
        const auto transposed = testing::gaussian<double>(n, n, 1);
        const Matrix<double> a = transposed.transpose();
        std::vector<double> moments(static_cast<std::size_t>(n));
        random_matrix::chain_moments<double>(transposed.data(), n, moments);
        for (Index m = 0; m < n; ++m)
            CHECK_CLOSE(moments[static_cast<std::size_t>(m)], mean_over_chains(a, m + 1), 1e-12);
    }
}

TEST(orders_have_the_same_moments_for_any_number_of_threads) {
    const Index n = 201, n_orders = 7, n_moments = 10;
    const auto cross = testing::gaussian<float>(n, n, 2);
    std::vector<Index> orders(static_cast<std::size_t>(n * n_orders));
    for (std::size_t k = 0; k < orders.size(); ++k) orders[k] = static_cast<Index>(k * 7919 % 201);
    std::vector<double> one(static_cast<std::size_t>(n_orders * n_moments)), three(one.size());
    random_matrix::paired_chain_moments<float>(cross.data(), n, orders, n_moments, Execution{.threads = 1}, one);
    random_matrix::paired_chain_moments<float>(cross.data(), n, orders, n_moments, Execution{.threads = 3}, three);
    CHECK(one == three);
    CHECK(std::isfinite(std::accumulate(one.begin(), one.end(), 0.0)));
}

TEST(orders_are_checked_before_they_are_followed) {
    const auto cross = testing::gaussian<double>(6, 6, 3);
    std::vector<double> moments(3);
    const std::vector<Index> beyond{0, 1, 2, 3, 4, 6}, fine{5, 4, 3, 2, 1, 0}, half{0, 1, 2};
    const auto run = [&](const std::vector<Index>& orders, Index n_moments) {
        random_matrix::paired_chain_moments<double>(cross.data(), 6, orders, n_moments, Execution{}, moments);
    };
    run(fine, 3);
    CHECK_THROWS(run(beyond, 3), InvalidInput);
    CHECK_THROWS(run(half, 3), InvalidInput);
    CHECK_THROWS(run(fine, 4), InvalidInput);
}
