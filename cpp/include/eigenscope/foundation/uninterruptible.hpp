// Calls into libraries that cannot be stopped from inside: LAPACK takes minutes for one large matrix.
#pragma once

#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>
#include <functional>
#include <memory>
#include <utility>

namespace eigenscope {

/// From this order on, LAPACK's cubic algorithms take longer than a wish to stop may wait.
inline constexpr Index smallest_order_apart = 384;

/// Runs `work` on a thread of its own while the calling thread listens. When asked to stop, the caller leaves with
/// Interrupted and the thread comes to its end alone, so `work` must own whatever it touches.
void run_apart(std::function<void()> work, StopToken& stop);

/// Threads that were left behind and are still at work; a process must not end under them.
int abandoned_calls();

/// After fork the child has none of its parent's threads.
void forget_abandoned_calls();

/// `call(state)` for matrices of this order, then the state. Large ones run apart where the calling thread may listen;
/// `call` holds no references, and `state` owns its memory.
template <class State, class Call>
State run_uninterruptible(Index order, State state, Call call, const Execution& execution) {
    if (order < smallest_order_apart || !execution.stop || !parallel::may_listen()) {
        call(state);
        return state;
    }
    const auto owned = std::make_shared<State>(std::move(state));
    run_apart([owned, call] { call(*owned); }, *execution.stop);
    return std::move(*owned);
}

}  // namespace eigenscope
