// Stopping and reporting, without knowing who asks or who listens.
#pragma once

#include <atomic>
#include <chrono>

namespace eigenscope {

/// Polled by the calling thread between panels; every other thread reads the flag.
class StopToken {
  public:
    virtual ~StopToken() = default;

    /// Ask the outside world (signals, deadlines). Called by the calling thread only.
    virtual void poll() {}

    bool stop_requested() const { return stopped_.load(std::memory_order_relaxed); }
    void request_stop() { stopped_.store(true, std::memory_order_relaxed); }
    /// The wish was heard. What is known so far is now put together, which only another wish stops.
    void acknowledge() { stopped_.store(false, std::memory_order_relaxed); }

    /// Whether `interval` has passed since this last said so: a computation of many short steps polls as often as one
    /// of a few long ones. Called by the calling thread only.
    bool poll_is_due(std::chrono::steady_clock::duration interval) {
        const auto now = std::chrono::steady_clock::now();
        if (now - last_poll_ < interval) return false;
        last_poll_ = now;
        return true;
    }

  private:
    std::chrono::steady_clock::time_point last_poll_{};
    std::atomic<bool> stopped_{false};
};

/// Who runs a computation: how many threads, and who may stop it. Results never depend on it.
struct Execution {
    int threads = 1;
    StopToken* stop = nullptr;
};

}  // namespace eigenscope
