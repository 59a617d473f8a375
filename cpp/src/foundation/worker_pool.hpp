// Threads that sleep between runs. Unlike a team of OpenMP, nobody waits for a thread that has not come yet: where
// processors are taken by others, the caller does the work itself and goes on.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace eigenscope::parallel {

/// An invitation to share one run's work; lives on the stack of the thread that calls.
class SharedWork {
  public:
    /// `work(worker)` may be called by up to `helpers` threads, worker = 1 … helpers, each once.
    SharedWork(int helpers, const std::function<void(int)>& work) : places_(helpers), work_(work) {}

    /// Threads now in `work`.
    const std::atomic<int>& inside() const { return inside_; }

  private:
    friend class WorkerPool;
    int places_;
    int next_worker_ = 1;
    std::atomic<int> inside_{0};
    const std::function<void(int)>& work_;
};

class WorkerPool {
  public:
    /// The pool of this process. It is never destroyed: its threads sleep until the process ends.
    static WorkerPool& instance();

    /// Invite the threads of the pool, of which there are as many as were ever asked for at once.
    void open(SharedWork& shared);
    /// Nobody enters any more; those inside are still at work.
    void close(SharedWork& shared);

  private:
    void grow_to(int threads);
    void live();
    bool enter_and_work();

    std::mutex mutex_;
    std::condition_variable invited_;
    std::deque<SharedWork*> open_;
    std::atomic<unsigned> invitations_{0};
    int threads_ = 0;
    int asleep_ = 0;
};

}  // namespace eigenscope::parallel
