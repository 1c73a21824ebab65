//! A connection whose other end has stopped reading is given up: what is sent to it would wait, and be held, for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long not a byte may be taken. A paused player's buffer is full for as long; it asks again for the rest.
const STALL_MAX: Duration = Duration::from_secs(60);

/// A connection that waits for its reader only so long.
#[derive(Debug)]
pub(in crate::api) struct Stall<S> {
    inner: S,
    /// Set while the other end takes nothing.
    gives_up: Option<Pin<Box<Sleep>>>,
}

impl<S> Stall<S> {
    pub(in crate::api) const fn new(inner: S) -> Self {
        Self {
            inner,
            gives_up: None,
        }
    }

    /// Passes on what writing came to, unless it has come to nothing for too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        done: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.gives_up = None;
            return done;
        }
        let gives_up = self
            .gives_up
            .get_or_insert_with(|| Box::pin(sleep(STALL_MAX)));
        gives_up
            .as_mut()
            .poll(context)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stall<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stall<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.watch(context, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write_vectored(context, pieces);
        self.watch(context, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.inner).poll_flush(context);
        self.watch(context, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.inner).poll_shutdown(context);
        self.watch(context, done)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_for_a_minute_is_given_up_and_who_reads_a_little_is_not() {
        let (near, mut far) = duplex(16);
        let mut near = Stall::new(near);
        let writing = tokio::spawn(async move { near.write_all(&[7; 80]).await });
        for _ in 0..4 {
            sleep(STALL_MAX - Duration::from_secs(1)).await;
            far.read_exact(&mut [0; 16]).await.unwrap();
        }
        writing.await.unwrap().unwrap();

        let (near, _far) = duplex(16);
        let mut near = Stall::new(near);
        let error = near.write_all(&[7; 80]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
