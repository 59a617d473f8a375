#include <algorithm>
#include <atomic>
#include <chrono>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#if defined(EIGENSCOPE_OPENMP)
#include <omp.h>
#elif defined(EIGENSCOPE_STD_THREADS)
#include "worker_pool.hpp"
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

/// This thread's part in a run, for as long as it lasts.
class Membership {
  public:
    Membership(Run* run, bool is_caller)
        : outer_run_(std::exchange(current_run, run)), outer_is_caller_(std::exchange(current_is_caller, is_caller)) {}
    ~Membership() {
        current_run = outer_run_;
        current_is_caller = outer_is_caller_;
    }
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;

  private:
    Run* const outer_run_;
    const bool outer_is_caller_;
};

/// State of one run shared by its workers.
class Run {
  public:
    Run(Index count, const Execution& execution, const std::function<void(Index, int)>& task)
        : count_(count), workers_(allowed_workers(count, execution)), stop_(execution.stop), task_(task) {}

    int workers() const { return workers_; }

    /// Do tasks as long as there are any. Worker 0 is the thread that called run_tasks.
    void work(int worker) {
        const Membership membership(this, worker == 0 && caller_listens_);
        if (current_is_caller) poll_if_due();
        while (!halted()) {
            const Index number = next_.fetch_add(1, std::memory_order_relaxed);
            if (number >= count_) break;
            attempt(number, worker);
            if (current_is_caller) poll_if_due();
        }
    }

    /// Wait until nobody is at work. Signals reach the calling thread only, so it listens while others finish.
    void await(const std::atomic<int>& at_work) {
        const Membership membership(this, caller_listens_);
        const auto began = std::chrono::steady_clock::now();
        while (at_work.load(std::memory_order_acquire) > 0) {
            if (std::chrono::steady_clock::now() - began < eager_interval) {
                std::this_thread::yield();
                continue;
            }
            if (current_is_caller) poll_if_due();
            std::this_thread::sleep_for(idle_interval);
        }
    }

    void checkpoint() {
        if (current_is_caller) poll_if_due();
        if (halted()) throw Abandoned();
    }

    void finish() {
        if (failure_) std::rethrow_exception(failure_);
        if (stop_ && stop_->stop_requested()) throw Interrupted();
    }

  private:
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

    /// The tasks of a run that a team works for are not divided again.
    static int allowed_workers(Index count, const Execution& execution) {
        if (forked.load() || (current_run && current_run->workers_ > 1)) return 1;
        return static_cast<int>(std::min<Index>(std::max(1, execution.threads), count));
    }

    const Index count_;
    const int workers_;
    /// Signals reach the thread that called the outermost run.
    const bool caller_listens_ = may_listen();
    StopToken* const stop_;
    const std::function<void(Index, int)>& task_;
    std::atomic<Index> next_{0};
    std::atomic<bool> failed_{false};
    std::mutex mutex_;
    std::exception_ptr failure_;
};

void run_team(Run& run) {
#if defined(EIGENSCOPE_OPENMP)
    std::atomic<int> at_work{run.workers()};
#pragma omp parallel num_threads(run.workers())
    {
        // OpenMP may give fewer threads than it was asked for.
        if (omp_get_thread_num() == 0) at_work.fetch_sub(run.workers() - omp_get_num_threads());
        run.work(omp_get_thread_num());
        at_work.fetch_sub(1, std::memory_order_release);
        if (omp_get_thread_num() == 0) run.await(at_work);
    }
#elif defined(EIGENSCOPE_STD_THREADS)
    const std::function<void(int)> work = [&run](int worker) { run.work(worker); };
    SharedWork shared(run.workers() - 1, work);
    WorkerPool::instance().open(shared);
    run.work(0);
    WorkerPool::instance().close(shared);
    run.await(shared.inside());
#else
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

bool may_listen() {
    return !current_run || current_is_caller;
}

void run_tasks(Index count, const Execution& execution, const std::function<void(Index, int)>& task) {
    if (count <= 0) return;
    Run run(count, execution, task);
    if (run.workers() > 1) {
        run_team(run);
    } else {
        run.work(0);
    }
    run.finish();
}

void for_ranges(Index count, Index grain, const Execution& execution, const std::function<void(Index, Index)>& body) {
    const Index tasks = (count + grain - 1) / grain;
    run_tasks(tasks, execution, [&](Index task, int) { body(task * grain, std::min(count, (task + 1) * grain)); });
}

}  // namespace eigenscope::parallel
