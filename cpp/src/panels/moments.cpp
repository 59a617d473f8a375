#include <algorithm>
#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/panels/moments.hpp>
#include <eigenscope/panels/pass.hpp>
#include <memory>
#include <vector>

namespace eigenscope {

namespace {

/// Up to here every lane keeps a p x p summary of its own; beyond, threads share one and divide it in tiles.
constexpr Index largest_lane_summary = 512;
/// Rows per panel. All its products meet one tile of the result while that is in cache.
constexpr Index moment_panel_rows = 1024;
/// Rows whose products are summed in Scalar before they are added in double.
constexpr Index slice_rows = 512;
/// Columns of a tile: 512 x 512 products run at the full speed of BLAS and leave enough tiles for many threads.
constexpr Index large_tile = 512;
constexpr Index small_tile = 128;

Index tile_width(Index extent) {
    return extent >= 4 * large_tile ? large_tile : std::max(small_tile, Index{256});
}

Index count_tiles(Index extent, Index width) {
    return (extent + width - 1) / width;
}

/// Tile (i, j), j <= i, of the lower triangle with number `task`.
struct TilePosition {
    Index i;
    Index j;
    explicit TilePosition(Index task) {
        i = static_cast<Index>((std::sqrt(8.0 * static_cast<double>(task) + 1.0) - 1.0) / 2.0);
        while ((i + 1) * (i + 2) / 2 <= task) ++i;
        while (i * (i + 1) / 2 > task) --i;
        j = task - i * (i + 1) / 2;
    }
};

/// Store mean + correction as the nearest double and what that leaves.
void set_mean(FeatureSums& sums, Index feature, double mean, double correction) {
    const double corrected = mean + correction;
    sums.mean[feature] = corrected;
    sums.mean_remainder[feature] = (mean - corrected) + correction;
}

/// Leading part of the feature's mean in Scalar, and what it leaves.
template <class Scalar>
struct SplitMean {
    Scalar leading;
    Scalar remainder;

    SplitMean(const FeatureSums& sums, Index feature)
        : leading(static_cast<Scalar>(sums.mean[feature])),
          remainder(static_cast<Scalar>((sums.mean[feature] - static_cast<double>(leading)) +
                                        sums.mean_remainder[feature])) {}
};

/// Sums of one column over the rows of a panel, and the column centred by its own mean. The mean of the distances from
/// a first mean corrects that one: a plain sum of values 1e8 deviations from zero is not accurate enough.
template <class Scalar>
void center_and_sum(Scalar* column, Index rows, Index feature, FeatureSums& sums) {
    double total = 0.0, rest = 0.0;
    for (Index i = 0; i < rows; ++i) total += static_cast<double>(column[i]);
    const double mean = total / static_cast<double>(rows);
    for (Index i = 0; i < rows; ++i) rest += static_cast<double>(column[i]) - mean;
    set_mean(sums, feature, mean, rest / static_cast<double>(rows));
    sums.first[feature] = static_cast<double>(column[0]);
    sums.last[feature] = static_cast<double>(column[rows - 1]);
    const SplitMean<Scalar> split(sums, feature);
    double squares = 0.0, lagged = 0.0, previous = 0.0;
    for (Index i = 0; i < rows; ++i) {
        column[i] = (column[i] - split.leading) - split.remainder;
        const auto value = static_cast<double>(column[i]);
        squares += value * value;
        lagged += previous * value;
        previous = value;
    }
    sums.squared_deviation[feature] = squares;
    sums.lag_product[feature] = lagged;
}

/// The same for a block of columns of a row-major panel; every column's sums run over rows in the same order.
template <class Scalar>
void center_and_sum_rows(Scalar* block, Index rows, Index stride, Index first, Index cols, FeatureSums& sums) {
    Vector<double> total = Vector<double>::Zero(cols), rest = total, squares = total, lagged = total, previous = total;
    const auto count = static_cast<double>(rows);
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < cols; ++j) total[j] += static_cast<double>(block[i * stride + j]);
    const Vector<double> mean = total / count;
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < cols; ++j) rest[j] += static_cast<double>(block[i * stride + j]) - mean[j];
    std::vector<SplitMean<Scalar>> split;
    for (Index j = 0; j < cols; ++j) {
        set_mean(sums, first + j, mean[j], rest[j] / count);
        sums.first[first + j] = static_cast<double>(block[j]);
        sums.last[first + j] = static_cast<double>(block[(rows - 1) * stride + j]);
        split.emplace_back(sums, first + j);
    }
    for (Index i = 0; i < rows; ++i) {
        Scalar* row = block + i * stride;
        for (Index j = 0; j < cols; ++j) {
            const auto& [leading, remainder] = split[static_cast<std::size_t>(j)];
            row[j] = (row[j] - leading) - remainder;
            const auto value = static_cast<double>(row[j]);
            squares[j] += value * value;
            lagged[j] += previous[j] * value;
            previous[j] = value;
        }
    }
    sums.squared_deviation.segment(first, cols) = squares;
    sums.lag_product.segment(first, cols) = lagged;
}

/// A panel in a buffer of our own: rows x cols, row-major or column-major as the source is.
template <class Scalar>
struct OwnedPanel {
    std::vector<Scalar> buffer;
    Index rows = 0;
    Index cols = 0;
    bool row_major = true;

    OwnedPanel(Index most_rows, Index cols_, bool row_major_)
        : buffer(static_cast<std::size_t>(most_rows * cols_)), cols(cols_), row_major(row_major_) {}

    Scalar* columns(Index first) { return buffer.data() + (row_major ? first : first * rows); }
    Index stride() const { return row_major ? cols : rows; }
};

/// Cast columns [first, first + count) of the panel and replace them by deviations from the panel's means.
template <class Scalar>
void fill_columns(const DenseSource& source, double scale, Index first_row, Index first, Index count,
                  OwnedPanel<Scalar>& panel, FeatureSums& sums) {
    std::vector<Scalar> scratch(static_cast<std::size_t>(panel.rows * count));
    const auto read =
        read_panel<Scalar>(source, first_row, panel.rows, first, count, ColumnTransform{}, scratch.data());
    const auto factor = static_cast<Scalar>(scale);
    Scalar* to = panel.columns(first);
    if (panel.row_major) {
        for (Index i = 0; i < panel.rows; ++i)
            for (Index j = 0; j < count; ++j) to[i * panel.cols + j] = read.data[i * read.stride + j] * factor;
        center_and_sum_rows(to, panel.rows, panel.cols, first, count, sums);
    } else {
        for (Index j = 0; j < count; ++j) {
            for (Index i = 0; i < panel.rows; ++i) to[i + j * panel.rows] = read.data[i + j * read.stride] * factor;
            center_and_sum(to + j * panel.rows, panel.rows, first + j, sums);
        }
    }
}

/// Add the tile product P_i^T P_j (over rows of the panel), width_i x width_j, to `target`, slice by slice; of a tile
/// on the diagonal (first_i = first_j) the lower triangle.
template <class Scalar>
void add_tile_product(OwnedPanel<Scalar>& panel, Index first_i, Index width_i, Index first_j, Index width_j,
                      std::vector<Scalar>& product, Block<double> target) {
    const auto left = panel.row_major ? blas::Op::none : blas::Op::transpose;
    const auto right = panel.row_major ? blas::Op::transpose : blas::Op::none;
    const bool diagonal = first_i == first_j;
    product.resize(static_cast<std::size_t>(width_i * width_j));
    for (Index first = 0; first < panel.rows; first += slice_rows) {
        const Index offset = panel.row_major ? first * panel.stride() : first;
        const Index rows = std::min(slice_rows, panel.rows - first);
        if (diagonal)
            blas::gram_lower<Scalar>(left, width_i, rows, panel.columns(first_i) + offset, panel.stride(), 0,
                                     product.data(), width_i);
        else
            blas::gemm<Scalar>(left, right, width_i, width_j, rows, Scalar(1), panel.columns(first_i) + offset,
                               panel.stride(), panel.columns(first_j) + offset, panel.stride(), Scalar(0),
                               product.data(), width_i);
        for (Index column = 0; column < width_j; ++column) {
            double* to = target.column(column);
            const Scalar* addend = product.data() + column * width_i;
            for (Index row = diagonal ? column : 0; row < width_i; ++row) to[row] += static_cast<double>(addend[row]);
        }
    }
}

/// M2 := M2 + P^T P + d d^T n_a n_b / (n_a + n_b) on the lower triangle, d the difference of the means (Chan).
template <class Scalar>
void absorb_panel(const DenseSource& source, double scale, Index first_row, OwnedPanel<Scalar>& panel,
                  std::vector<std::vector<Scalar>>& products, Moments& moments, const Execution& execution) {
    const Index p = source.cols, width = tile_width(p), n_tiles = count_tiles(p, width);
    FeatureSums sums(p);
    sums.count = panel.rows;
    parallel::run_tasks(n_tiles, execution, [&](Index task, int) {
        fill_columns(source, scale, first_row, task * width, std::min(width, p - task * width), panel, sums);
    });
    Vector<double> difference(p);
    for (Index j = 0; j < p; ++j) difference[j] = moments.features.mean_difference(sums, j);
    const auto earlier = static_cast<double>(moments.features.count), later = static_cast<double>(panel.rows);
    const double weight = moments.features.count > 0 ? earlier * later / (earlier + later) : 0.0;

    parallel::run_tasks(n_tiles * (n_tiles + 1) / 2, execution, [&](Index task, int worker) {
        const TilePosition tile(task);
        const Index i = tile.i * width, j = tile.j * width;
        const Index width_i = std::min(width, p - i), width_j = std::min(width, p - j);
        const Block<double> target = Block<double>(moments.cross_products).columns(j, width_j).rows_range(i, width_i);
        add_tile_product(panel, i, width_i, j, width_j, products[static_cast<std::size_t>(worker)], target);
        if (weight == 0.0) return;
        for (Index column = 0; column < width_j; ++column) {
            const double shift = weight * difference[j + column];
            for (Index row = i == j ? column : 0; row < width_i; ++row)
                target.column(column)[row] += shift * difference[i + row];
        }
    });
    moments.features.merge(sums);
}

}  // namespace

template <class Scalar>
Moments moments(const DenseSource& source, double scale, const Execution& execution) {
    const Index p = source.cols;
    const bool row_major = source.row_major();
    if (p > largest_lane_summary) {
        Moments result(p);
        OwnedPanel<Scalar> panel(std::min(moment_panel_rows, source.rows), p, row_major);
        std::vector<std::vector<Scalar>> products(static_cast<std::size_t>(std::max(1, execution.threads)));
        for (Index first = 0; first < source.rows; first += moment_panel_rows) {
            panel.rows = std::min(moment_panel_rows, source.rows - first);
            absorb_panel(source, scale, first, panel, products, result, execution);
        }
        return result;
    }
    Partition partition = cut_rows(source.rows, p * Index{sizeof(Scalar)}, p * p * Index{sizeof(double)});
    partition.panel_rows = moment_panel_rows;
    partition.panels = (source.rows + moment_panel_rows - 1) / moment_panel_rows;
    partition.lanes = std::max<Index>(1, std::min(partition.lanes, partition.panels));
    return run_pass(
        partition, execution, [&] { return Moments(p); },
        [&](Moments& summary, Index number, int) {
            OwnedPanel<Scalar> panel(partition.rows_in(number), p, row_major);
            panel.rows = partition.rows_in(number);
            std::vector<std::vector<Scalar>> products(1);
            absorb_panel(source, scale, partition.first_row(number), panel, products, summary, Execution{});
        },
        [](Moments& into, const Moments& from) { into.merge(from); });
}

namespace {

/// Centre, scale and store features [first, first + count) for all samples; their sums go to `sums`.
template <class Scalar>
void fill_features(const DenseSource& source, double scale, bool center, bool standardize, Index first, Index count,
                   Scalar* panel, FeatureSums& sums) {
    const Index n = source.rows;
    std::vector<Scalar> scratch(static_cast<std::size_t>(n * count));
    const auto read = read_panel<Scalar>(source, 0, n, first, count, ColumnTransform{}, scratch.data());
    const Index row_step = read.row_major ? read.stride : 1, column_step = read.row_major ? 1 : read.stride;
    for (Index j = 0; j < count; ++j) {
        Scalar* column = panel + j * n;
        for (Index i = 0; i < n; ++i)
            column[i] = read.data[i * row_step + j * column_step] * static_cast<Scalar>(scale);
        center_and_sum(column, n, first + j, sums);
        const double mean = sums.mean[first + j];
        double squares = sums.squared_deviation[first + j];
        if (!center) {
            for (Index i = 0; i < n; ++i) column[i] = static_cast<Scalar>(static_cast<double>(column[i]) + mean);
            squares += static_cast<double>(n) * mean * mean;
        }
        if (standardize) {
            const double deviation = std::sqrt(squares / static_cast<double>(center ? n - 1 : n));
            const bool varies = deviation > (center ? constant_feature_deviation * std::abs(mean) : 0.0);
            const auto factor = static_cast<Scalar>(varies ? 1.0 / deviation : 0.0);
            for (Index i = 0; i < n; ++i) column[i] *= factor;
        }
    }
}

}  // namespace

template <class Scalar>
Moments sample_gram(const DenseSource& source, double scale, bool center, bool standardize,
                    const Execution& execution) {
    const Index n = source.rows, p = source.cols, width = tile_width(n), n_tiles = count_tiles(n, width);
    Moments result(0);
    result.features = FeatureSums(p);
    result.features.count = n;
    result.cross_products = Matrix<double>::Zero(n, n);
    const Index panel_features = slice_rows, chunk = 32;
    std::vector<Scalar> buffer(static_cast<std::size_t>(n * std::min(panel_features, p)));
    for (Index first = 0; first < p; first += panel_features) {
        const Index count = std::min(panel_features, p - first);
        parallel::run_tasks(count_tiles(count, chunk), execution, [&](Index task, int) {
            const Index offset = task * chunk;
            fill_features(source, scale, center, standardize, first + offset, std::min(chunk, count - offset),
                          buffer.data() + offset * n, result.features);
        });
        // K := K + P P^T, P is n samples x count features.
        parallel::run_tasks(n_tiles * (n_tiles + 1) / 2, execution, [&](Index task, int) {
            const TilePosition tile(task);
            const Index i = tile.i * width, j = tile.j * width;
            const Index width_i = std::min(width, n - i), width_j = std::min(width, n - j);
            std::vector<Scalar> product(static_cast<std::size_t>(width_i * width_j));
            blas::gemm<Scalar>(blas::Op::none, blas::Op::transpose, width_i, width_j, count, Scalar(1),
                               buffer.data() + i, n, buffer.data() + j, n, Scalar(0), product.data(), width_i);
            for (Index column = 0; column < width_j; ++column)
                for (Index row = 0; row < width_i; ++row)
                    result.cross_products(i + row, j + column) +=
                        static_cast<double>(product[static_cast<std::size_t>(row + column * width_i)]);
        });
    }
    return result;
}

template <class Scalar>
FeatureSums feature_sums(const DenseSource& source, double scale, const Execution& execution) {
    const Index p = source.cols;
    const Partition partition = cut_rows(source.rows, p * Index{sizeof(Scalar)}, 5 * p * Index{sizeof(double)});
    return run_pass(
        partition, execution, [&] { return FeatureSums(p); },
        [&](FeatureSums& summary, Index number, int) {
            OwnedPanel<Scalar> panel(partition.rows_in(number), p, source.row_major());
            panel.rows = partition.rows_in(number);
            FeatureSums sums(p);
            sums.count = panel.rows;
            fill_columns(source, scale, partition.first_row(number), 0, p, panel, sums);
            summary.merge(sums);
        },
        [](FeatureSums& into, const FeatureSums& from) { into.merge(from); });
}

template <class Scalar>
Index moments_workspace_bytes(Index rows, Index cols, int threads) {
    const Index width = tile_width(cols), tile_bytes = width * width * Index{sizeof(Scalar)};
    const Index panel = std::min(moment_panel_rows, rows) * cols * Index{sizeof(Scalar)};
    if (cols > largest_lane_summary) return panel + threads * (tile_bytes + panel * width / cols) + 16 * cols * 8;
    const Partition partition = cut_rows(rows, cols * Index{sizeof(Scalar)}, cols * cols * Index{sizeof(double)});
    return partition.lanes * cols * cols * Index{sizeof(double)} + threads * (2 * panel + tile_bytes);
}

#define EIGENSCOPE_INSTANTIATE(S)                                                              \
    template Moments moments<S>(const DenseSource&, double, const Execution&);                 \
    template Moments sample_gram<S>(const DenseSource&, double, bool, bool, const Execution&); \
    template FeatureSums feature_sums<S>(const DenseSource&, double, const Execution&);        \
    template Index moments_workspace_bytes<S>(Index, Index, int);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope
