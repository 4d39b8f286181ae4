//! Work that waits for the disk, shared out among threads.

/// More threads wait for the same disk.
const THREADS: usize = 8;

/// What becomes of each, in their order; at least `a_thread` of them are worth a thread.
pub(super) fn shared_out<T: Send, R: Send>(
    mut items: Vec<T>,
    a_thread: usize,
    work: &(impl Fn(T) -> R + Sync),
) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = (items.len() / a_thread).min(cores).min(THREADS);
    if threads < 2 {
        return items.into_iter().map(work).collect();
    }
    let share = items.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let mut others = Vec::new();
        while items.len() > share {
            let own = items.split_off(items.len() - share);
            others.push(scope.spawn(move || own.into_iter().map(work).collect::<Vec<R>>()));
        }
        let mut results: Vec<R> = items.into_iter().map(work).collect();
        for other in others.into_iter().rev() {
            match other.join() {
                Ok(own) => results.extend(own),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}
