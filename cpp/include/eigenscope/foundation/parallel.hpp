// The only door to threads that share work. Tasks are numbered, and what a task computes may depend on its number
// alone: that is what makes results equal for any number of threads.
#pragma once

#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>
#include <functional>

namespace eigenscope::parallel {

/// "openmp", "threads" or "serial".
const char* backend();

/// Processors this process may run on.
int available_processors();

/// After fork, children of a threaded parent must not start threads again: one thread from now on.
void forbid_threads_after_fork();
bool forbidden_after_fork();

/// Run task(number, worker) for number = 0 … count-1, handed out in order to `execution.threads` workers.
/// `worker` < max(1, execution.threads) names scratch space. The first exception is rethrown after all threads
/// have come home; a requested stop raises Interrupted likewise.
void run_tasks(Index count, const Execution& execution, const std::function<void(Index task, int worker)>& task);

/// Long tasks call this between panels: it listens for a stop on the calling thread and leaves the task
/// (by an exception that run_tasks catches) when a stop was requested anywhere.
void checkpoint();

/// Whether this thread may poll a stop token: it works in no run, or called the outermost one.
bool may_listen();

/// Contiguous ranges of about `grain` elements, one task each.
void for_ranges(Index count, Index grain, const Execution& execution,
                const std::function<void(Index first, Index last)>& body);

}  // namespace eigenscope::parallel
