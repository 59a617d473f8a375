// A pass: every lane turns its panels into one summary, in order; summaries merge in a tree fixed by lane number.
#pragma once

#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/panels/partition.hpp>
#include <memory>
#include <vector>

namespace eigenscope {

/// `make()` → summary; `absorb(summary, panel, worker)`; `merge(into, from)`. Returns the merged summary.
template <class Make, class Absorb, class Merge>
auto run_pass(const Partition& partition, const Execution& execution, Make&& make, Absorb&& absorb, Merge&& merge) {
    using Summary = decltype(make());
    std::vector<std::unique_ptr<Summary>> lanes(static_cast<std::size_t>(partition.lanes));
    parallel::run_tasks(partition.lanes, execution, [&](Index lane, int worker) {
        auto summary = std::make_unique<Summary>(make());
        for (Index panel = partition.first_panel(lane); panel < partition.first_panel(lane + 1); ++panel) {
            absorb(*summary, panel, worker);
            parallel::checkpoint();
        }
        lanes[static_cast<std::size_t>(lane)] = std::move(summary);
    });
    // ((0+1)+(2+3))+…: the tree is a function of the number of lanes.
    for (std::size_t width = 1; width < lanes.size(); width *= 2) {
        const Index pairs = static_cast<Index>((lanes.size() - width + 2 * width - 1) / (2 * width));
        parallel::run_tasks(pairs, execution, [&](Index pair, int) {
            const std::size_t left = 2 * width * static_cast<std::size_t>(pair);
            merge(*lanes[left], *lanes[left + width]);
            lanes[left + width].reset();
        });
    }
    return std::move(*lanes.front());
}

}  // namespace eigenscope
