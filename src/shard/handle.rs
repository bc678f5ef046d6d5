//! Owns the shards of the process: starting them, their mailboxes, their end.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use mio::{Poll, Waker};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};

use super::parcel::Neighbour;
use super::port::Port;
use super::report::Report;
use super::tcp::Guests;
use super::udp::Udp;
use super::worker::{Media, Parts, WAKE, Worker};
use crate::limits::{SHARD_COMMANDS_MAX, SHARD_HOPS_MAX};
use crate::sfu::{Command, Event, ShardId};

/// The shards of the process. Dropped, they end by themselves; [`Shards::stop`] waits for that.
pub struct Shards {
    address: SocketAddr,
    threads: Vec<JoinHandle<()>>,
    mailboxes: Mailboxes,
    reports: Reports,
    stop: Arc<AtomicBool>,
    failed: Arc<Notify>,
}

/// The shards' mailboxes for commands.
#[derive(Clone)]
pub struct Mailboxes(Arc<[(mpsc::Sender<Command>, Arc<Waker>)]>);

/// The shards' figures.
#[derive(Debug, Clone, Default)]
pub struct Reports(Vec<Arc<Mutex<Report>>>);

impl Mailboxes {
    /// How many shards there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none, which never happens.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives a shard a command. While its mailbox is full ([`SHARD_COMMANDS_MAX`]) this waits, and so does the hub: a shard never
    /// waits for the hub, so that this ends. A shard that does not exist, or has ended, gets nothing.
    pub async fn tell(&self, shard: ShardId, command: Command) {
        let Some((commands, waker)) = self.0.get(usize::from(shard.0)) else { return };
        if commands.send(command).await.is_ok() {
            let _ = waker.wake();
        }
    }

    fn wake(&self) {
        for (_, waker) in self.0.iter() {
            let _ = waker.wake();
        }
    }
}

impl Reports {
    /// The figures of all shards, by number; each at most a second old.
    pub fn read(&self) -> Vec<Report> {
        self.0.iter().map(|report| report.lock().clone()).collect()
    }
}

impl Shards {
    /// Starts one thread for each UDP socket of the port; `media` makes what each drives, on the thread that calls this.
    ///
    /// # Errors
    /// When the system gives no thread, or nothing to wait with.
    pub fn start<M: Media + Send + 'static>(
        port: Port,
        mut media: impl FnMut(ShardId) -> M,
        events: &mpsc::Sender<Event>,
    ) -> io::Result<Self> {
        let Port { address, udp, tcp } = port;
        let (stop, failed, guests) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()), Arc::new(Guests::default()));
        let mut posts = Vec::new();
        for _ in &udp {
            let poll = Poll::new()?;
            let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
            posts.push((poll, waker, sync_channel(SHARD_HOPS_MAX), mpsc::channel(SHARD_COMMANDS_MAX)));
        }
        let ways: Vec<_> = posts.iter().map(|(_, waker, hops, _)| (hops.0.clone(), Arc::clone(waker))).collect();
        let mailboxes = posts.iter().map(|(_, waker, _, commands)| (commands.0.clone(), Arc::clone(waker))).collect();
        let mut shards =
            Self { address, threads: Vec::new(), mailboxes: Mailboxes(mailboxes), reports: Reports::default(), stop, failed };
        for (number, (socket, (poll, _, hops, commands))) in udp.into_iter().zip(posts).enumerate() {
            let shard = ShardId(number as u8);
            let neighbour = |(other, (hops, waker)): (usize, &(_, _))| {
                let (hops, waker): (&std::sync::mpsc::SyncSender<_>, &Arc<Waker>) = (hops, waker);
                (other != number).then(|| Neighbour::new(hops.clone(), Arc::clone(waker)))
            };
            let report = Arc::new(Mutex::new(Report::default()));
            shards.reports.0.push(Arc::clone(&report));
            let parts = Parts {
                shard,
                udp: Udp::new(socket)?,
                listener: tcp.try_clone()?,
                guests: Arc::clone(&guests),
                poll,
                hops: hops.1,
                commands: commands.1,
                neighbours: ways.iter().enumerate().map(neighbour).collect(),
                events: events.clone(),
                stop: Arc::clone(&shards.stop),
                report,
            };
            let worker = Worker::new(media(shard), parts)?;
            let failed = Arc::clone(&shards.failed);
            let run = move || run(shard, worker, &failed);
            shards.threads.push(thread::Builder::new().name(format!("shard-{number}")).spawn(run)?);
        }
        Ok(shards)
    }

    /// The media port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Their mailboxes.
    pub fn mailboxes(&self) -> Mailboxes {
        self.mailboxes.clone()
    }

    /// Their figures.
    pub fn reports(&self) -> Reports {
        self.reports.clone()
    }

    /// Rung once when a shard has ended before it was told to: the rooms on it are lost, and the process should end.
    pub fn failed(&self) -> Arc<Notify> {
        Arc::clone(&self.failed)
    }

    /// Ends all threads, and waits for them.
    pub async fn stop(mut self) {
        self.end();
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join(); // a panic has been told when it happened
            }
        });
        let _ = joined.await;
    }

    fn end(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.mailboxes.wake();
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        self.end();
    }
}

/// A shard's thread, from its first to its last moment.
fn run<M: Media>(shard: ShardId, worker: Worker<M>, failed: &Notify) {
    let what = match catch_unwind(AssertUnwindSafe(|| worker.run())) {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            format!("panic: {}", text.unwrap_or("without a message"))
        }
    };
    tracing::error!(shard = shard.0, what, "a shard has failed; its rooms have no media");
    failed.notify_one();
}
