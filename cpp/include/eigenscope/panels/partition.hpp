// How rows are cut: into panels, and panels into lanes. Both depend on the shape alone, never on the threads.
#pragma once

#include <algorithm>
#include <eigenscope/foundation/types.hpp>

namespace eigenscope {

/// A panel should stay in the last-level cache between the two products of a fused Gram pass.
inline constexpr Index panel_bytes = Index{1} << 20;
/// Fewer rows than this make a product slower than the reading of its factor.
inline constexpr Index smallest_panel_rows = 64;
inline constexpr Index largest_panel_rows = 8192;
/// Lanes are the units of parallel work of a reduction: more than the cores of a large machine.
inline constexpr Index most_lanes = 64;
/// All lanes' summaries together should not take more than this.
inline constexpr Index lanes_bytes = Index{256} << 20;
/// A lane reads this many times what it accumulates, so that merging costs little beside reading.
inline constexpr Index bytes_read_per_summary = 16;

struct Partition {
    Index rows = 0;
    Index panel_rows = 1;
    Index panels = 0;
    Index lanes = 1;

    Index first_row(Index panel) const { return panel * panel_rows; }
    Index rows_in(Index panel) const { return std::min(panel_rows, rows - panel * panel_rows); }
    /// Lane `lane` holds panels [first_panel(lane), first_panel(lane + 1)).
    Index first_panel(Index lane) const { return lane * panels / lanes; }
};

/// `row_bytes`: one row in the scalar of the computation; `summary_bytes`: what one lane accumulates.
inline Partition cut_rows(Index rows, Index row_bytes, Index summary_bytes) {
    Partition partition;
    partition.rows = rows;
    const Index fitting = panel_bytes / std::max<Index>(1, row_bytes);
    partition.panel_rows = std::clamp(fitting / 16 * 16, smallest_panel_rows, largest_panel_rows);
    partition.panels = (rows + partition.panel_rows - 1) / partition.panel_rows;
    const Index summary = std::max<Index>(1, summary_bytes);
    const Index worthwhile = rows * row_bytes / (bytes_read_per_summary * summary);
    const Index affordable = std::max<Index>(4, std::min(lanes_bytes / summary, worthwhile));
    partition.lanes = std::max<Index>(1, std::min({partition.panels, most_lanes, affordable}));
    return partition;
}

}  // namespace eigenscope
