//! A connection's socket, which reports what comes and whether the peer takes what is written.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::Connection;

/// Socket or TLS session of a connection.
pub(super) struct WatchedIo<I> {
    io: TokioIo<I>,
    connection: Arc<Connection>,
}

impl<I> WatchedIo<I> {
    pub(super) fn new(io: I, connection: Arc<Connection>) -> WatchedIo<I> {
        WatchedIo { io: TokioIo::new(io), connection }
    }

    /// Passes on a result of writing, and notes it.
    fn wrote<T>(&self, result: Poll<T>) -> Poll<T> {
        self.connection.wrote(result.is_ready());
        result
    }
}

impl<I: AsyncRead + Unpin> Read for WatchedIo<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_read(cx, buffer);
        if result.is_ready() {
            self.connection.heard();
        }
        result
    }
}

impl<I: AsyncWrite + Unpin> Write for WatchedIo<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.wrote(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_flush(cx);
        self.wrote(result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_shutdown(cx);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, bytes);
        self.wrote(result)
    }
}
