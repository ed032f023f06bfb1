// SPDX-License-Identifier: GPL-2.0-or-later
// Forgets files: leak_rs COUNT. Says "ready" at first, waits for a line, leaks, says "done"
// and waits again. Threads open and close correctly beside it all the time.
use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::thread;
use std::time::Duration;

mod store {
    pub struct Shelf<T> {
        pub kept: Vec<T>,
    }
}

use store::Shelf;

trait Keeper {
    fn keep(&mut self, path: &str);
}

impl Keeper for Shelf<usize> {
    #[inline(never)]
    fn keep(&mut self, path: &str) {
        let file = File::open(path).expect("it is there"); // LEAK
        self.kept.push(path.len());
        std::mem::forget(file);
    }
}

fn churn() {
    loop {
        let mut text = String::new();
        let _ = File::open("/proc/self/comm").and_then(|mut f| f.read_to_string(&mut text));
        thread::sleep(Duration::from_micros(300));
    }
}

fn say(word: &str) {
    println!("{}", word);
    io::stdout().flush().unwrap();
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line).unwrap_or(0) == 0 {
        std::process::exit(0);
    }
}

fn main() {
    let count: usize = std::env::args().nth(1).map_or(100, |n| n.parse().unwrap());
    let mut shelf = Shelf { kept: Vec::new() };
    for _ in 0..2 {
        thread::spawn(churn);
    }
    say("ready");
    for _ in 0..count {
        shelf.keep("/dev/null");
        thread::sleep(Duration::from_millis(1));
    }
    say("done");
}
