//! One io_uring ● with the buffers that the kernel receives into: the crate's one file with unsafe code.
//!
//! What it offers is safe: a buffer is [`Held`] by exactly one of ring, kernel and driver, and its
//! memory stays as long as the kernel may touch it. Nothing here knows of legs or packets' meaning.
#![expect(
    unsafe_code,
    reason = "the kernel shares the ring and the buffers with this process; each block says why it is sound"
)]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::io;
use std::mem::size_of;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use io_uring::squeue::Entry;
use io_uring::types::{BufRingEntry, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode};

use crate::media::uring::address;

/// Sends and orders under way to the kernel; a turn that has more submits more often.
const SUBMISSIONS: u32 = 1024;

/// Completions that may wait for us: those of every buffer, of as many sends, and of orders. What does not fit the kernel keeps.
const COMPLETIONS: u32 = 4096;

/// How many buffers there are: packets received and not yet sent on. 10 ms of the most calls that a
/// core carries. A power of two, as the kernel wants it.
const BUFFERS: u16 = 1024;

/// How many of them are handed out at first, and more at a time once they were used up: they are used in
/// turn, and what was used keeps its page.
const SUPPLY: u16 = 256;

/// What lies before a packet in its buffer: the kernel's lengths, and its sender's address, which makes
/// way for its receiver's.
const LENGTHS: usize = 16;
const NAME: u32 = 28;
const FRONT: usize = LENGTHS + address::BYTES;

/// What the kernel may fill of a buffer: the largest UDP packet, so that nothing is ever cut.
const FULL: u32 = 16 + NAME + 65_536;

/// Room behind that for what protecting a packet may add.
const ROOM: usize = FULL as usize - FRONT + 64;

/// From one buffer to the next. Pages that nothing was received into take no memory; the odd 320 bytes
/// keep the buffers' beginnings from sharing the same few lines of the processor's cache.
const STRIDE: usize = (FRONT + ROOM).next_multiple_of(64) + 320;

/// How often an order is offered. Handing over what lies before it makes room at once.
const PUSHES_MAX: usize = 4;

/// How far most packets reach: sound of 20 ms with what the kernel puts before it.
const ORDINARY: usize = FRONT + 256;

/// Memory that begins anywhere: zeroed memory that has to begin with a page is zeroed byte by byte, and so takes all of
/// its pages at once.
const PACKETS: Layout = layout(BUFFERS as usize * STRIDE, 16);
/// Memory that begins with a page, as the kernel wants that of the entries.
const ENTRIES: Layout = layout(BUFFERS as usize * size_of::<BufRingEntry>(), PAGE);

const PAGE: usize = 4096;

/// Memory of so many bytes.
#[expect(
    clippy::panic,
    reason = "evaluated by the compiler, where it is an error"
)]
const fn layout(bytes: usize, align: usize) -> Layout {
    match Layout::from_size_align(bytes, align) {
        Ok(layout) => layout,
        Err(_) => panic!("a size that the compiler has seen"),
    }
}

/// The group that the kernel takes buffers of.
const GROUP: u16 = 0;

/// What tells one of our own orders' answers from another's: the upper byte of what the kernel hands back.
const KIND_SHIFT: u32 = 56;
const RECEIVE: u64 = 0;
const SEND: u64 = 1;
const WATCH: u64 = 2;
const CANCEL: u64 = 3;

/// What every receive asks for: the sender's address. The kernel only reads it.
static WANTED: Wanted = Wanted({
    // SAFETY: a msghdr is numbers and pointers, for which zero is a value.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_namelen = NAME;
    header
});

struct Wanted(libc::msghdr);

// SAFETY: its pointers are null and nobody writes to it.
unsafe impl Sync for Wanted {}

/// A ring.
pub(in crate::media) struct Ring {
    ring: IoUring,
    buffers: Buffers,
    /// Requests that the kernel may still answer by touching buffers.
    under_way: usize,
    /// Buffers that were handed out so far.
    supplied: u16,
    /// Whether the kernel can wait for several events at most for a while.
    gathers: bool,
    /// Orders that find no room, in trials.
    #[cfg(test)]
    pub(in crate::media) refuses: u32,
}

/// A buffer that belongs to whoever has this, and to nobody else.
#[derive(Debug)]
pub(in crate::media) struct Held(u16);

impl Held {
    /// Returns the buffer's number, below a few thousand.
    pub(in crate::media) fn number(&self) -> usize {
        self.0.into()
    }
}

/// What the kernel tells.
#[derive(Debug)]
pub(in crate::media) enum Event {
    /// A packet came to a socket.
    Received {
        /// The socket's token.
        token: u64,
        /// Where the packet is.
        held: Held,
        /// Whether the socket goes on being read.
        more: bool,
    },
    /// A socket is no longer read: it was cancelled, or has an error to tell.
    Ended {
        /// The socket's token.
        token: u64,
        /// Why.
        error: io::Error,
    },
    /// A packet was sent or refused.
    Sent {
        /// Where it is.
        held: Held,
        /// What became of it.
        result: io::Result<()>,
    },
    /// What is watched has something to read.
    Ready {
        /// Whether it goes on being watched.
        more: bool,
    },
}

impl Ring {
    /// Makes a ring that its user has yet to [begin](Self::begin), on its own thread.
    ///
    /// # Errors
    ///
    /// The kernel has no io_uring, an old one, or none for us; or no memory is left.
    pub(in crate::media) fn new() -> io::Result<Self> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_cqsize(COMPLETIONS)
            .setup_r_disabled()
            .build(SUBMISSIONS)?;
        let mut buffers = Buffers::new()?;
        // SAFETY: the entries are page-aligned, as many as named, and live as long as the ring: it is
        // declared, and so dropped, before them.
        unsafe {
            let entries = buffers.entries.as_ptr() as u64;
            ring.submitter()
                .register_buf_ring_with_flags(entries, BUFFERS, GROUP, 0)?;
        }
        for number in 0..SUPPLY {
            buffers.give(Held(number));
        }
        let gathers = ring.params().is_feature_min_timeout();
        Ok(Self {
            ring,
            buffers,
            under_way: 0,
            supplied: SUPPLY,
            gathers,
            #[cfg(test)]
            refuses: 0,
        })
    }

    /// Makes the calling thread the one that uses the ring.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub(in crate::media) fn begin(&self) -> io::Result<()> {
        self.ring.submitter().register_enable_rings()
    }

    /// Begins to receive from a socket, until that [ends](Event::Ended).
    ///
    /// # Errors
    ///
    /// The kernel takes no orders.
    pub(in crate::media) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        token: u64,
    ) -> io::Result<()> {
        let entry = opcode::RecvMsgMulti::new(Fd(socket.as_raw_fd()), &raw const WANTED.0, GROUP)
            .build()
            .user_data(RECEIVE << KIND_SHIFT | token);
        self.push(&entry)?;
        self.under_way += 1;
        Ok(())
    }

    /// Ends the receiving of a token. Nothing comes of it but [`Event::Ended`].
    ///
    /// # Errors
    ///
    /// The kernel takes no orders.
    pub(in crate::media) fn cancel(&mut self, token: u64) -> io::Result<()> {
        let entry = opcode::AsyncCancel::new(RECEIVE << KIND_SHIFT | token)
            .build()
            .user_data(CANCEL << KIND_SHIFT);
        self.push(&entry)
    }

    /// Begins to watch something for reading.
    ///
    /// # Errors
    ///
    /// The kernel takes no orders.
    pub(in crate::media) fn watch(&mut self, what: BorrowedFd<'_>) -> io::Result<()> {
        let events = u32::try_from(libc::POLLIN).unwrap_or_default();
        let entry = opcode::PollAdd::new(Fd(what.as_raw_fd()), events)
            .multi(true)
            .build()
            .user_data(WATCH << KIND_SHIFT);
        self.push(&entry)
    }

    /// Sends the packet in a buffer, to `to` where the socket is not connected. The buffer comes back with [`Event::Sent`].
    ///
    /// # Errors
    ///
    /// The kernel takes no orders; the buffer is free again.
    pub(in crate::media) fn send(
        &mut self,
        socket: BorrowedFd<'_>,
        held: Held,
        length: usize,
        to: Option<SocketAddr>,
    ) -> io::Result<()> {
        let number = held.0;
        let length = u32::try_from(length.min(ROOM)).unwrap_or_default();
        // SAFETY: both places are inside of the buffer.
        let (name, packet) = unsafe {
            let start = self.buffers.start(number);
            (start.add(LENGTHS), start.add(FRONT))
        };
        let mut send = opcode::Send::new(Fd(socket.as_raw_fd()), packet.as_ptr(), length)
            .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
        if let Some(to) = to {
            let (bytes, length) = address::write(to);
            // SAFETY: the place has room for as many bytes, the buffer is ours alone while it is held, and
            // it stays as it is until the send is over.
            unsafe { name.copy_from_nonoverlapping(NonNull::from(&bytes).cast(), bytes.len()) };
            send = send
                .dest_addr(name.as_ptr().cast())
                .dest_addr_len(u32::from(length));
        }
        let entry = send
            .build()
            .user_data(SEND << KIND_SHIFT | u64::from(number));
        match self.push(&entry) {
            Ok(()) => {
                self.under_way += 1;
                Ok(())
            }
            Err(error) => {
                self.give_back(held);
                Err(error)
            }
        }
    }

    /// Returns who sent the packet in a buffer, the packet with the room behind it, and its length.
    pub(in crate::media) fn packet<'a>(
        &'a self,
        held: &'a mut Held,
    ) -> Option<(SocketAddr, &'a mut [u8], usize)> {
        // SAFETY: the buffer is STRIDE bytes that were zeroed once, and ours alone while it is held; the
        // borrow of both keeps it so.
        let buffer: &mut [u8] = unsafe {
            let start = self.buffers.start(held.0);
            NonNull::slice_from_raw_parts(start, STRIDE).as_mut()
        };
        let (front, room) = buffer.split_at_mut_checked(FRONT)?;
        let (lengths, name) = front.split_at_checked(LENGTHS)?;
        // struct io_uring_recvmsg_out: namelen, controllen, payloadlen, flags.
        let [_, _, _, _, _, _, _, _, p0, p1, p2, p3, ..] = *lengths else {
            return None;
        };
        let length = usize::try_from(u32::from_ne_bytes([p0, p1, p2, p3])).ok()?;
        Some((address::read(name)?, room, length))
    }

    /// Gives a buffer back to the kernel.
    pub(in crate::media) fn give_back(&mut self, held: Held) {
        self.buffers.give(held);
    }

    /// Hands out more buffers, where there are more: those that were there have been used up.
    pub(in crate::media) fn supply(&mut self) {
        let more = self.supplied.saturating_add(SUPPLY).min(BUFFERS);
        for number in self.supplied..more {
            self.buffers.give(Held(number));
        }
        self.supplied = more;
    }

    /// Hands the kernel what was ordered, and waits for `want` events or for `at_most`. Where `gather` is
    /// more than nothing it comes back after that with fewer, if there are any.
    ///
    /// # Errors
    ///
    /// Only a mistake in the program: a signal or the end of the time just ends the wait.
    pub(in crate::media) fn enter(
        &self,
        want: usize,
        at_most: Option<Duration>,
        gather: Duration,
    ) -> io::Result<()> {
        let timeout = at_most.map(Timespec::from);
        let mut args = SubmitArgs::new();
        if let Some(timeout) = &timeout {
            args = args.timespec(timeout);
        }
        if self.gathers && want > 1 {
            args = args.min_wait_usec(u32::try_from(gather.as_micros()).unwrap_or(u32::MAX));
        }
        let want = if self.gathers { want } else { want.min(1) };
        match self.ring.submitter().submit_with_args(want, &args) {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // What of it was submitted is the ring's to know: the rest is still in it.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Whether something was ordered that the kernel has not been handed.
    pub(in crate::media) fn has_orders(&mut self) -> bool {
        !self.ring.submission().is_empty()
    }

    /// Returns how many events there are to take.
    pub(in crate::media) fn waiting(&mut self) -> usize {
        self.ring.completion().len()
    }

    /// Takes the next event.
    pub(in crate::media) fn next(&mut self) -> Option<Event> {
        loop {
            let done = self.ring.completion().next()?;
            if let Some(event) = self.event(&done) {
                return Some(event);
            }
        }
    }

    fn event(&mut self, done: &cqueue::Entry) -> Option<Event> {
        let more = cqueue::more(done.flags());
        let token = done.user_data() & ((1 << KIND_SHIFT) - 1);
        let result = match u32::try_from(done.result()) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::from_raw_os_error(-done.result())),
        };
        match done.user_data() >> KIND_SHIFT {
            RECEIVE => {
                if !more {
                    self.under_way = self.under_way.saturating_sub(1);
                }
                let held = cqueue::buffer_select(done.flags()).map(Held);
                match (held, result) {
                    (Some(held), Ok(())) => Some(Event::Received { token, held, more }),
                    (held, result) => {
                        if let Some(held) = held {
                            self.give_back(held);
                        }
                        let error = result.err();
                        let error = error.unwrap_or_else(|| io::ErrorKind::Interrupted.into());
                        Some(Event::Ended { token, error })
                    }
                }
            }
            SEND => {
                self.under_way = self.under_way.saturating_sub(1);
                let held = Held(u16::try_from(token).ok()?);
                Some(Event::Sent { held, result })
            }
            WATCH => Some(Event::Ready { more }),
            _ => None,
        }
    }

    fn push(&mut self, entry: &Entry) -> io::Result<()> {
        #[cfg(test)]
        if let Some(left) = self.refuses.checked_sub(1) {
            self.refuses = left;
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        for _ in 0..PUSHES_MAX {
            // SAFETY: what the entry points to lives until it is answered: the kernel keeps the descriptors'
            // files, `WANTED` is static, and the buffers outlive what is under way.
            if unsafe { self.ring.submission().push(entry) }.is_ok() {
                return Ok(());
            }
            self.enter(0, None, Duration::ZERO)?;
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }
}

impl Drop for Ring {
    /// What the kernel may still write to is left to the process, which ends soon: a worker that could
    /// not close its sockets is the only one that gets here with something under way.
    fn drop(&mut self) {
        self.buffers.kept = self.under_way > 0;
    }
}

/// The buffers' memory, and the ring of entries by which the kernel is told which of them are free.
struct Buffers {
    packets: NonNull<u8>,
    entries: NonNull<BufRingEntry>,
    tail: u16,
    kept: bool,
}

// SAFETY: it owns its memory, which no other thread knows of.
unsafe impl Send for Buffers {}

impl Buffers {
    fn new() -> io::Result<Self> {
        let packets = allocate(PACKETS)?;
        let entries = match allocate(ENTRIES) {
            Ok(entries) => entries.cast(),
            Err(error) => {
                // SAFETY: it was allocated with this layout, and nobody knows of it.
                unsafe { dealloc(packets.as_ptr(), PACKETS) };
                return Err(error);
            }
        };
        let buffers = Self {
            packets,
            entries,
            tail: 0,
            kept: false,
        };
        // Where sound lies is touched once here, so that no page is made in the middle of a call.
        for number in 0..BUFFERS {
            for place in [0, ORDINARY] {
                // SAFETY: both places are inside of the buffer, which nobody else knows of yet.
                unsafe { buffers.start(number).add(place).write_volatile(0) };
            }
        }
        Ok(buffers)
    }

    /// Where a buffer begins.
    fn start(&self, number: u16) -> NonNull<u8> {
        // SAFETY: the remainder is below BUFFERS, so the place is inside of the memory.
        unsafe { self.packets.add(usize::from(number % BUFFERS) * STRIDE) }
    }

    fn give(&mut self, held: Held) {
        let start = self.start(held.0).as_ptr() as u64;
        // SAFETY: the remainder is below BUFFERS, so the entry is inside of the memory, and the kernel reads
        // only entries before the tail that is moved below. Of the first entry the last two bytes are
        // that tail, which setting the other fields leaves alone.
        unsafe {
            let entry = self.entries.add(usize::from(self.tail % BUFFERS)).as_mut();
            entry.set_addr(start);
            entry.set_len(FULL);
            entry.set_bid(held.0);
        }
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the tail lies in the first entry, aligned to two bytes, and only this thread writes it.
        unsafe {
            let tail = BufRingEntry::tail(self.entries.as_ptr()).cast_mut();
            AtomicU16::from_ptr(tail).store(self.tail, Ordering::Release);
        }
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // SAFETY: both were allocated with these layouts, and the kernel has let go of them.
        unsafe {
            dealloc(self.packets.as_ptr(), PACKETS);
            dealloc(self.entries.as_ptr().cast(), ENTRIES);
        }
    }
}

/// A machine that promises no more memory than it has may refuse: there it is epoll.
fn allocate(layout: Layout) -> io::Result<NonNull<u8>> {
    // SAFETY: neither layout is empty.
    let memory = unsafe { alloc_zeroed(layout) };
    NonNull::new(memory).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}
