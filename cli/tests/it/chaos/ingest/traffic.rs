//! What the group has to take: bursts and pauses, poison, transactions that are committed and aborted.

use std::sync::mpsc::{self, RecvTimeoutError, Sender as Channel};
use std::thread::JoinHandle;
use std::time::Duration;

use gugus_damage::Draw;

use crate::kit::messages::Message;
use crate::kit::sender::{End, Produced, Reached, Sender};

/// One message in so many is poison.
const POISON: usize = 14;

/// A producer on a thread of its own.
pub(super) struct Traffic {
    /// Closed to stop it; a number asks for a burst of that many at once.
    orders: Channel<usize>,
    thread: JoinHandle<Sent>,
    reached: Reached,
}

/// What was sent in all.
pub(super) struct Sent {
    pub(super) messages: Vec<Produced>,
    pub(super) transactions: usize,
}

impl Traffic {
    pub(super) fn start(seed: u64, brokers: &str, topic: &str, partitions: i32) -> Self {
        let (orders, inbox) = mpsc::channel();
        let mut sender = Sender::new(brokers, topic, partitions);
        let reached = sender.reached();
        let mut source = Source {
            draw: Draw::new(seed, 2),
            next: 0,
        };
        let thread = std::thread::spawn(move || {
            let mut pause = Duration::ZERO;
            loop {
                match inbox.recv_timeout(pause) {
                    Ok(count) => sender.send(source.messages(count)),
                    Err(RecvTimeoutError::Timeout) => pause = source.burst(&mut sender),
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            Sent {
                transactions: sender.transactions(),
                messages: sender.finish(),
            }
        });
        Self {
            orders,
            thread,
            reached,
        }
    }

    /// Sends so many messages now, unless a transaction is waited for.
    pub(super) fn burst(&self, count: usize) {
        // Had the thread panicked, its end would say so.
        let _ = self.orders.send(count);
    }

    /// How far the topic has come.
    pub(super) fn reached(&self) -> &Reached {
        &self.reached
    }

    /// Ends it, and waits for the broker to have everything.
    pub(super) fn stop(self) -> Sent {
        drop(self.orders);
        self.thread.join().expect("the producer's thread")
    }
}

struct Source {
    draw: Draw,
    next: i64,
}

impl Source {
    fn messages(&mut self, count: usize) -> Vec<Message> {
        let mut message = || {
            let n = self.next;
            self.next += 1;
            if self.draw.below(POISON) == 0 {
                Message::poison(n / POISON as i64)
            } else {
                Message::row(n)
            }
        };
        (0..count).map(|_| message()).collect()
    }

    /// Sends a burst of whatever is drawn. Returns how long to pause after it: mostly less than an open batch waits, and
    /// now and then long enough for one to be closed by its idle time.
    fn burst(&mut self, sender: &mut Sender) -> Duration {
        let count = match self.draw.below(10) {
            0 => 1,
            1 => 200 + self.draw.below(200),
            _ => 5 + self.draw.below(60),
        };
        let messages = self.messages(count);
        match self.draw.below(12) {
            0 => drop(sender.transaction(messages, End::Abort)),
            1 | 2 => drop(sender.transaction(messages, End::Commit)),
            _ => sender.send(messages),
        }
        if self.draw.chance(8) {
            self.draw.time(600, 1_200)
        } else {
            self.draw.time(20, 250)
        }
    }
}
