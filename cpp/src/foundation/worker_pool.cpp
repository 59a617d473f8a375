#include "worker_pool.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>

#ifndef _WIN32
#include <pthread.h>
#include <signal.h>
#endif

namespace eigenscope::parallel {

namespace {

/// A thread that has just worked looks out for the next run this long before it sleeps: solvers make many short runs in
/// a row, and to wake a thread takes about 50 microseconds.
constexpr auto alert_interval = std::chrono::microseconds(200);

/// Signals belong to the threads of the program, which know what to do with them.
class SignalsBlocked {
  public:
#ifdef _WIN32
    SignalsBlocked() {}
#else
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_;
#endif
};

}  // namespace

WorkerPool& WorkerPool::instance() {
    static WorkerPool* const pool = new WorkerPool;
    return *pool;
}

void WorkerPool::open(SharedWork& shared) {
    int sleepers = 0;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        grow_to(shared.places_);
        open_.push_back(&shared);
        invitations_.fetch_add(1, std::memory_order_release);
        sleepers = std::min(asleep_, shared.places_);
    }
    for (int i = 0; i < sleepers; ++i) invited_.notify_one();
}

void WorkerPool::close(SharedWork& shared) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto place = std::find(open_.begin(), open_.end(), &shared);
    if (place != open_.end()) open_.erase(place);
}

// Where the system gives no more threads, those there are do the work.
void WorkerPool::grow_to(int threads) {
    const SignalsBlocked blocked;
    try {
        for (; threads_ < threads; ++threads_) std::thread([this] { live(); }).detach();
    } catch (const std::system_error&) {
    }
}

void WorkerPool::live() {
    for (;;) {
        while (enter_and_work()) {
        }
        const unsigned seen = invitations_.load(std::memory_order_acquire);
        const auto began = std::chrono::steady_clock::now();
        while (invitations_.load(std::memory_order_acquire) == seen &&
               std::chrono::steady_clock::now() - began < alert_interval)
            std::this_thread::yield();
        std::unique_lock<std::mutex> lock(mutex_);
        ++asleep_;
        invited_.wait(lock, [this] { return !open_.empty(); });
        --asleep_;
    }
}

bool WorkerPool::enter_and_work() {
    SharedWork* shared = nullptr;
    int worker = 0;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (open_.empty()) return false;
        shared = open_.front();
        worker = shared->next_worker_++;
        shared->inside_.fetch_add(1, std::memory_order_relaxed);
        if (worker == shared->places_) open_.pop_front();
    }
    shared->work_(worker);
    // The last touch: from here on the caller may let `shared` go.
    shared->inside_.fetch_sub(1, std::memory_order_release);
    return true;
}

}  // namespace eigenscope::parallel
