#include <algorithm>
#include <atomic>
#include <chrono>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#ifdef EIGENSCOPE_OPENMP
#include <omp.h>
#endif
#ifdef __linux__
#include <sched.h>
#endif

namespace eigenscope::parallel {

namespace {

std::atomic<bool> forked{false};

/// The calling thread asks the outside world this often; the rest of its time it works.
constexpr auto poll_interval = std::chrono::milliseconds(20);
/// An idle calling thread looks this often whether the others have finished …
constexpr auto idle_interval = std::chrono::microseconds(200);
/// … after it has looked all the time for as long as the tasks of short runs differ.
constexpr auto eager_interval = std::chrono::microseconds(100);

/// Leaves a task early; never seen outside this file.
struct Abandoned {};

class Run;
/// The run this thread works for, and whether it is the thread that called run_tasks.
thread_local Run* current_run = nullptr;
thread_local bool current_is_caller = false;

/// State of one run shared by its workers.
class Run {
  public:
    Run(Index count, const Execution& execution, const std::function<void(Index, int)>& task)
        : count_(count), stop_(execution.stop), task_(task) {}

    void work(int worker) {
        const bool caller = worker == 0;
        Run* const outer_run = std::exchange(current_run, this);
        const bool outer_is_caller = std::exchange(current_is_caller, caller && (!outer_run || outer_is_caller_));
        if (current_is_caller) poll_if_due();
        while (!halted()) {
            const Index number = next_.fetch_add(1, std::memory_order_relaxed);
            if (number >= count_) break;
            attempt(number, worker);
            if (current_is_caller) poll_if_due();
        }
        working_.fetch_sub(1, std::memory_order_acq_rel);
        // Signals reach the calling thread only, so it keeps listening while others finish their last task.
        if (caller) await_others();
        current_run = outer_run;
        current_is_caller = outer_is_caller;
    }

    void checkpoint() {
        if (current_is_caller) poll_if_due();
        if (halted()) throw Abandoned();
    }

    void start(int workers) { working_.store(workers, std::memory_order_release); }

    void finish() {
        if (failure_) std::rethrow_exception(failure_);
        if (stop_ && stop_->stop_requested()) throw Interrupted();
    }

  private:
    void await_others() {
        const auto began = std::chrono::steady_clock::now();
        while (working_.load(std::memory_order_acquire) > 0) {
            if (std::chrono::steady_clock::now() - began < eager_interval) {
                std::this_thread::yield();
                continue;
            }
            if (current_is_caller) poll_if_due();
            std::this_thread::sleep_for(idle_interval);
        }
    }

    bool halted() const { return failed_.load(std::memory_order_relaxed) || (stop_ && stop_->stop_requested()); }

    void attempt(Index number, int worker) {
        try {
            task_(number, worker);
        } catch (const Abandoned&) {
            failed_.store(true, std::memory_order_relaxed);
        } catch (...) {
            record(std::current_exception());
        }
    }

    void poll_if_due() {
        if (!stop_ || !stop_->poll_is_due(poll_interval)) return;
        try {
            stop_->poll();
        } catch (...) {
            record(std::current_exception());
        }
    }

    void record(std::exception_ptr failure) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!failure_) failure_ = failure;
        failed_.store(true, std::memory_order_relaxed);
    }

    const Index count_;
    StopToken* const stop_;
    const std::function<void(Index, int)>& task_;
    const bool outer_is_caller_ = current_is_caller;
    std::atomic<Index> next_{0};
    std::atomic<int> working_{1};
    std::atomic<bool> failed_{false};
    std::mutex mutex_;
    std::exception_ptr failure_;
};

void run_team(Run& run, int workers) {
#if defined(EIGENSCOPE_OPENMP)
#pragma omp parallel num_threads(workers)
    {
#pragma omp single
        run.start(omp_get_num_threads());
        run.work(omp_get_thread_num());
    }
#elif defined(EIGENSCOPE_STD_THREADS)
    run.start(workers);
    std::vector<std::thread> team;
    team.reserve(static_cast<std::size_t>(workers) - 1);
    for (int worker = 1; worker < workers; ++worker) team.emplace_back([&run, worker] { run.work(worker); });
    run.work(0);
    for (auto& thread : team) thread.join();
#else
    (void)workers;
    run.start(1);
    run.work(0);
#endif
}

}  // namespace

const char* backend() {
#if defined(EIGENSCOPE_OPENMP)
    return "openmp";
#elif defined(EIGENSCOPE_STD_THREADS)
    return "threads";
#else
    return "serial";
#endif
}

int available_processors() {
#ifdef __linux__
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void forbid_threads_after_fork() {
    forked.store(true);
}
bool forbidden_after_fork() {
    return forked.load();
}

void checkpoint() {
    if (current_run) current_run->checkpoint();
}

void run_tasks(Index count, const Execution& execution, const std::function<void(Index, int)>& task) {
    if (count <= 0) return;
    Run run(count, execution, task);
    const int workers = forked.load() ? 1 : static_cast<int>(std::min<Index>(std::max(1, execution.threads), count));
    if (workers == 1) {
        run.start(1);
        run.work(0);
    } else {
        run_team(run, workers);
    }
    run.finish();
}

void for_ranges(Index count, Index grain, const Execution& execution, const std::function<void(Index, Index)>& body) {
    const Index tasks = (count + grain - 1) / grain;
    run_tasks(tasks, execution, [&](Index task, int) { body(task * grain, std::min(count, (task + 1) * grain)); });
}

}  // namespace eigenscope::parallel
