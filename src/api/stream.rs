//! A body that is made while it is sent: a task fills a short queue, the connection drains it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::mpsc;

/// Pieces that may wait. A slow reader stops the task that makes them; a reader who leaves ends it.
const PIECES: usize = 2;

/// Where the pieces go in. An error ends the connection, so that nobody takes half a body for a whole one.
pub(in crate::api) type Source = mpsc::Sender<io::Result<Bytes>>;

/// Makes a body and its source.
pub(in crate::api) fn body() -> (Source, Body) {
    let (source, pieces) = mpsc::channel(PIECES);
    (source, Body::new(Stream(pieces)))
}

struct Stream(mpsc::Receiver<io::Result<Bytes>>);

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0
            .poll_recv(context)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
