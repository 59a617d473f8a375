#include <atomic>
#include <chrono>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "testing.hpp"

using namespace eigenscope;

namespace {

/// Asks for a stop when it has been polled a number of times.
class StopAfter : public StopToken {
  public:
    explicit StopAfter(int polls) : left_(polls) {}
    void poll() override {
        if (--left_ <= 0) request_stop();
    }

  private:
    int left_;
};

}  // namespace

TEST(every_task_runs_exactly_once) {
    for (const int threads : {1, 2, 3, 8}) {
        std::vector<std::atomic<int>> runs(1000);
        std::atomic<bool> known_workers{true};
        parallel::run_tasks(1000, {threads, nullptr}, [&](Index task, int worker) {
            ++runs[static_cast<std::size_t>(task)];
            if (worker < 0 || worker >= threads) known_workers = false;
        });
        CHECK(known_workers);
        for (const auto& count : runs) CHECK(count == 1);
    }
}

TEST(ranges_cover_everything_once) {
    for (const Index grain : {1, 7, 1000, 5000}) {
        std::vector<std::atomic<int>> visits(1000);
        parallel::for_ranges(1000, grain, {3, nullptr}, [&](Index first, Index last) {
            for (Index i = first; i < last; ++i) ++visits[static_cast<std::size_t>(i)];
        });
        for (const auto& count : visits) CHECK(count == 1);
    }
}

TEST(no_tasks_are_no_work) {
    parallel::run_tasks(0, {3, nullptr}, [](Index, int) { CHECK(false); });
    parallel::for_ranges(0, 10, {3, nullptr}, [](Index, Index) { CHECK(false); });
}

TEST(exceptions_come_home) {
    for (const int threads : {1, 3}) {
        const Execution execution{threads, nullptr};
        std::atomic<int> n_run{0};
        CHECK_THROWS(parallel::run_tasks(100000, execution,
                                         [&](Index task, int) {
                                             ++n_run;
                                             if (task == 5) throw std::domain_error("five");
                                         }),
                     std::domain_error);
        CHECK(n_run >= 1);
        CHECK(n_run < 100000);
        // The team is whole again.
        n_run = 0;
        parallel::run_tasks(100, execution, [&](Index, int) { ++n_run; });
        CHECK(n_run == 100);
    }
}

// 20 000 tasks of a millisecond would take 7 s or more; the caller polls every 20 ms.
TEST(a_stop_is_answered_promptly) {
    for (const int threads : {1, 3}) {
        StopAfter stop(2);
        std::atomic<int> n_run{0};
        CHECK_THROWS(parallel::run_tasks(20000, {threads, &stop},
                                         [&](Index, int) {
                                             ++n_run;
                                             std::this_thread::sleep_for(std::chrono::milliseconds(1));
                                         }),
                     Interrupted);
        CHECK(n_run >= 1);
        CHECK(n_run < 2000);
    }
}

TEST(a_stop_before_the_start_runs_nothing) {
    StopAfter stop(1);
    int n_run = 0;
    CHECK_THROWS(parallel::run_tasks(10, {1, &stop}, [&](Index, int) { ++n_run; }), Interrupted);
    CHECK(n_run == 0);
}

TEST(tasks_may_start_tasks) {
    std::atomic<int> n_run{0};
    parallel::run_tasks(6, {3, nullptr},
                        [&](Index, int) { parallel::run_tasks(50, {2, nullptr}, [&](Index, int) { ++n_run; }); });
    CHECK(n_run == 300);
}

TEST(several_threads_may_ask_at_once) {
    std::vector<std::atomic<int>> n_run(4);
    std::vector<std::thread> callers;
    for (auto& count : n_run)
        callers.emplace_back([&count] {
            for (int repeat = 0; repeat < 50; ++repeat)
                parallel::run_tasks(40, {3, nullptr}, [&count](Index, int) { ++count; });
        });
    for (auto& caller : callers) caller.join();
    for (const auto& count : n_run) CHECK(count == 50 * 40);
}
