#include <atomic>
#include <chrono>
#include <cmath>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/uninterruptible.hpp>
#include <eigenscope/operators/views.hpp>
#include <eigenscope/solvers/block_krylov.hpp>
#include <eigenscope/solvers/eigenpairs.hpp>
#include <memory>
#include <stdexcept>
#include <thread>

#include "testing.hpp"

using namespace eigenscope;

namespace {

constexpr auto nap = std::chrono::milliseconds(5);

/// Wishes to stop at certain polls, counted from 1.
class StopAt : public StopToken {
  public:
    explicit StopAt(int first, int second = 0) : first_(first), second_(second) {}
    void poll() override {
        ++polls_;
        if (polls_ == first_ || polls_ == second_) request_stop();
    }

  private:
    int first_, second_, polls_ = 0;
};

/// A handler that raises something of its own.
class Raising : public StopToken {
  public:
    void poll() override { throw std::range_error("of the handler"); }
};

/// What a call that cannot be stopped works on: it holds until the gate opens.
struct Gate {
    std::shared_ptr<std::atomic<bool>> open = std::make_shared<std::atomic<bool>>(false);
    int answer = 0;

    static void pass(Gate& gate) {
        while (!*gate.open) std::this_thread::sleep_for(nap);
        gate.answer = 42;
    }
};

void wait_for_the_abandoned() {
    while (abandoned_calls() > 0) std::this_thread::sleep_for(nap);
}

}  // namespace

TEST(apart_and_in_place_give_the_same_state) {
    StopAt never(-1);
    for (const Index order : {Index{1}, smallest_order_apart}) {
        const auto caller = std::this_thread::get_id();
        struct State {
            Vector<double> values;
            std::thread::id thread;
        };
        const auto call = [](State& state) {
            state.values *= 2.0;
            state.thread = std::this_thread::get_id();
        };
        const State state = run_uninterruptible(order, State{Vector<double>::Ones(3), {}}, call, Execution{1, &never});
        CHECK((state.values.array() == 2.0).all());
        CHECK((state.thread == caller) == (order < smallest_order_apart));
    }
    CHECK(abandoned_calls() == 0);
}

TEST(a_stop_leaves_the_call_behind) {
    StopAt at_once(1);
    const Gate gate;
    bool left = false;
    try {
        run_uninterruptible(smallest_order_apart, gate, &Gate::pass, Execution{1, &at_once});
    } catch (const Interrupted&) {
        left = true;
    }
    CHECK(left);
    CHECK(abandoned_calls() == 1);
    *gate.open = true;
    wait_for_the_abandoned();
    CHECK(abandoned_calls() == 0);
}

TEST(what_a_handler_raises_comes_back) {
    Raising handler;
    const Gate gate;
    bool raised = false;
    try {
        run_uninterruptible(smallest_order_apart, gate, &Gate::pass, Execution{1, &handler});
    } catch (const std::range_error&) {
        raised = true;
    }
    CHECK(raised);
    *gate.open = true;
    wait_for_the_abandoned();
}

TEST(failures_of_the_call_come_back) {
    StopAt never(-1);
    bool raised = false;
    try {
        run_uninterruptible(
            smallest_order_apart, 0, [](int&) { throw LapackFailure("as told"); }, Execution{1, &never});
    } catch (const LapackFailure&) {
        raised = true;
    }
    CHECK(raised);
    CHECK(abandoned_calls() == 0);
}

TEST(tasks_of_a_team_do_not_listen) {
    StopAt never(-1);
    std::atomic<int> apart{0};
    parallel::run_tasks(8, Execution{2, &never}, [&](Index, int worker) {
        const auto here = std::this_thread::get_id();
        const auto there = run_uninterruptible(
            smallest_order_apart, std::thread::id{}, [](std::thread::id& id) { id = std::this_thread::get_id(); },
            Execution{1, &never});
        if (worker > 0 && here != there) ++apart;
    });
    CHECK(apart == 0);
}

TEST(eigenpairs_apart_are_those_of_lapack) {
    const Index n = smallest_order_apart + 1;
    Matrix<double> matrix = Matrix<double>::Zero(n, n);
    for (Index i = 0; i < n; ++i) matrix(i, i) = static_cast<double>(i), matrix(i, 0) += 0.5;
    StopAt never(-1);
    const auto apart = hermitian_eigenpairs<double>(matrix, Execution{1, &never});
    const auto here = hermitian_eigenpairs<double>(matrix, Execution{1, nullptr});
    CHECK(apart.values == here.values);
    CHECK(apart.vectors == here.vectors);
}

TEST(a_second_wish_gives_up_the_partial_result) {
    const Index n = 600;
    // Slow enough that every product is followed by a poll.
    const auto multiply = [](ConstBlock<double> x, Block<double> y) {
        std::this_thread::sleep_for(std::chrono::milliseconds(25));
        for (Index j = 0; j < x.cols; ++j)
            for (Index i = 0; i < x.rows; ++i) y.column(j)[i] = std::sqrt(static_cast<double>(i)) * x.column(j)[i];
    };
    CallbackOperator<double> op(n, n, multiply, multiply);
    SvdOptions options;
    options.k = 3;
    options.tolerance = 0.0;
    options.block = 2;
    StopAt once(8);
    const auto partial = block_krylov_svd<double>(op, options, Execution{1, &once});
    CHECK(partial.interrupted);
    CHECK(partial.status == Status::budget);
    CHECK(partial.residual_norms.allFinite());
    StopAt twice(8, 9);
    bool left = false;
    try {
        block_krylov_svd<double>(op, options, Execution{1, &twice});
    } catch (const Interrupted&) {
        left = true;
    }
    CHECK(left);
}
