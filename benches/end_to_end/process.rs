//! What a program costs: time, processor time with that of its children, peak memory, as the kernel counts them (Linux).

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// The kernel's clock ticks a second, as it shows them to programs on every machine.
const TICKS: f64 = 100.0;

/// The cost of one run.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// From start to end, seconds.
    pub wall: f64,
    /// Of processors, seconds.
    pub cpu: f64,
    /// The largest resident size, MB.
    pub peak: f64,
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Cost {
    let began = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut peak = 0.0_f64;
    // A process that has ended is still there, with its times but without its memory, until somebody waits for it.
    loop {
        peak = peak.max(peak_of(child.id()));
        if state(child.id()) == Some('Z') {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let cost = Cost { wall: began.elapsed().as_secs_f64(), cpu: cpu_of(child.id()), peak };
    assert!(child.wait().unwrap().success(), "{command:?}");
    cost
}

/// Largest resident size so far, MB.
pub fn peak_of(process: u32) -> f64 {
    status(process, "VmHWM:")
}

/// Resident size now, MB.
pub fn resident(process: u32) -> f64 {
    status(process, "VmRSS:")
}

fn status(process: u32, key: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() * 1.024e-3
}

/// Processor time so far, that of children that have ended included, seconds.
pub fn cpu_of(process: u32) -> f64 {
    let fields = fields(process);
    (11..15).filter_map(|at| fields.get(at)?.parse::<f64>().ok()).sum::<f64>() / TICKS
}

fn state(process: u32) -> Option<char> {
    fields(process).first()?.chars().next()
}

/// Of `/proc/PID/stat`, what follows the name.
fn fields(process: u32) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().unwrap_or_default().split(' ').map(str::to_owned).collect()
}
