#include <algorithm>
#include <cmath>
#include <eigenscope/solvers/lanczos.hpp>
#include <numeric>

namespace eigenscope {

Index lanczos_basis_size(Index n, const LanczosOptions& options) {
    const Index b = options.block, k = options.k;
    const Index least = k + 3 * b;
    const Index chosen = options.basis_size > 0 ? options.basis_size : std::max({2 * k + 4 * b, k + 12 * b, Index{20}});
    return std::min(std::max(least, chosen), std::max(least, n - b));
}

std::vector<Index> wanted_order(const Vector<double>& ascending, Which which) {
    const Index n = ascending.size();
    std::vector<Index> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), Index{0});
    switch (which) {
        case Which::smallest_algebraic:
            break;
        case Which::largest_algebraic:
            std::reverse(order.begin(), order.end());
            break;
        case Which::largest_magnitude:
            std::stable_sort(order.begin(), order.end(),
                             [&](Index a, Index b) { return std::abs(ascending[a]) > std::abs(ascending[b]); });
            break;
        case Which::both_ends:
            for (Index j = 0; j < n; ++j) order[static_cast<std::size_t>(j)] = j % 2 == 0 ? n - 1 - j / 2 : j / 2;
            break;
    }
    return order;
}

}  // namespace eigenscope
