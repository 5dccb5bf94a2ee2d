//! What a test's own thread has cost so far. A machine with other work to do makes a test slow, but not expensive: so
//! tests that promise an effort in proportion to its input look here and never at the clock.

/// Seconds of processor time of this thread; `None` where the system (other than Linux) does not say.
pub fn of_thread() -> Option<f64> {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = spent.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

/// Does the work cost this thread less than so many seconds of processor time?
#[track_caller]
pub fn assert_cheap(what: &str, seconds: f64, work: impl FnOnce()) {
    let before = of_thread();
    work();
    if let (Some(before), Some(after)) = (before, of_thread()) {
        assert!(after - before < seconds, "{what}: {:.1} s of processor time", after - before);
    }
}
