#include <atomic>
#include <chrono>
#include <condition_variable>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/uninterruptible.hpp>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

namespace eigenscope {

namespace {

/// The calling thread asks the outside world this often.
constexpr auto poll_interval = std::chrono::milliseconds(20);

std::atomic<int> n_abandoned{0};

/// One call, known to the thread that runs it and to the one that waits for it.
class ApartCall {
  public:
    explicit ApartCall(std::function<void()> work) : work_(std::move(work)) {}

    void run() {
        std::exception_ptr failure;
        try {
            work_();
        } catch (...) {
            failure = std::current_exception();
        }
        // Nobody may take the end of the call for the end of its memory.
        work_ = nullptr;
        const std::lock_guard<std::mutex> lock(mutex_);
        failure_ = failure;
        finished_ = true;
        if (abandoned_) n_abandoned.fetch_sub(1);
        changed_.notify_all();
    }

    bool finishes_soon() {
        std::unique_lock<std::mutex> lock(mutex_);
        return changed_.wait_for(lock, poll_interval, [this] { return finished_; });
    }

    void abandon() {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (finished_) return;
        abandoned_ = true;
        n_abandoned.fetch_add(1);
    }

    std::exception_ptr failure() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return failure_;
    }

  private:
    std::function<void()> work_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::exception_ptr failure_;
    bool finished_ = false;
    bool abandoned_ = false;
};

}  // namespace

void run_apart(std::function<void()> work, StopToken& stop) {
    const auto call = std::make_shared<ApartCall>(std::move(work));
    try {
        std::thread([call] { call->run(); }).detach();
    } catch (const std::system_error&) {
        // No thread to be had: the caller does the work and cannot listen meanwhile.
        call->run();
    }
    while (!call->finishes_soon()) {
        try {
            stop.poll();
            if (stop.stop_requested()) throw Interrupted();
        } catch (...) {
            call->abandon();
            throw;
        }
    }
    if (const std::exception_ptr failure = call->failure()) std::rethrow_exception(failure);
}

int abandoned_calls() {
    return n_abandoned.load();
}

void forget_abandoned_calls() {
    n_abandoned.store(0);
}

}  // namespace eigenscope
