//! A TCP proxy in front of the provider: it can refuse answers, or pass them on and swallow the replies, so that a process can be
//! killed at exactly that moment. It keeps a copy of everything that went through.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::PATIENCE;

/// What the proxy does with `POST …/answer`. Everything else passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// They pass.
    Pass,
    /// The connection is closed before a byte of the answer reaches the provider.
    Refuse,
    /// The provider gets the answer; from then on nothing it says reaches anybody, on this connection or another (the stream
    /// would tell the outcome too), until the proxy has cut them.
    SwallowReply,
}

/// What the proxy did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// Refused an answer.
    Refused,
    /// Swallowed the reply to an answer: the provider has committed it, and nobody knows.
    Swallowed,
}

/// The proxy. Its threads end with the connections they serve.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    done: Receiver<Did>,
}

struct State {
    upstream: SocketAddr,
    answers: Mutex<Answers>,
    open: Mutex<Vec<TcpStream>>,
    traffic: Mutex<Vec<u8>>,
    stopped: AtomicBool,
    /// Nothing the provider sends is passed on any more.
    silent: AtomicBool,
    doing: Sender<Did>,
}

impl Proxy {
    /// Listens at one address and passes on to another.
    ///
    /// # Panics
    /// If it can't listen.
    pub fn start(address: SocketAddr, upstream: SocketAddr) -> Proxy {
        let listener = TcpListener::bind(address).expect("the proxy's address is free");
        let (doing, done) = channel();
        let state = Arc::new(State {
            upstream,
            answers: Mutex::new(Answers::Pass),
            open: Mutex::default(),
            traffic: Mutex::default(),
            stopped: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            doing,
        });
        let accepting = state.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let state = accepting.clone();
                std::thread::spawn(move || state.serve(connection));
            }
        });
        Proxy { address, state, done }
    }

    /// What happens to answers from now on.
    pub fn answers(&self, rule: Answers) {
        *locked(&self.state.answers) = rule;
    }

    /// Cuts every connection there is, and lets answers and replies pass on those to come.
    pub fn recover(&self) {
        self.answers(Answers::Pass);
        self.cut();
        self.state.silent.store(false, Ordering::SeqCst);
    }

    /// Waits until the proxy has done this.
    ///
    /// # Panics
    /// If it doesn't come to that.
    pub fn wait_until(&self, did: Did) {
        loop {
            match self.done.recv_timeout(PATIENCE) {
                Ok(done) if done == did => return,
                Ok(_) => {}
                Err(_) => panic!("the proxy was to have {did:?} within 30 seconds"),
            }
        }
    }

    fn cut(&self) {
        for connection in locked(&self.state.open).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Everything that went through, in both directions.
    pub fn traffic(&self) -> Vec<u8> {
        locked(&self.state.traffic).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        self.cut();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    /// Both directions of one connection.
    fn serve(self: Arc<State>, device: TcpStream) {
        let Ok(provider) = TcpStream::connect(self.upstream) else {
            let _ = device.shutdown(Shutdown::Both);
            return;
        };
        let clones = (device.try_clone(), provider.try_clone());
        let (Ok(device_writes), Ok(provider_writes)) = clones else { return };
        locked(&self.open).extend([&device, &provider].into_iter().flat_map(TcpStream::try_clone));
        let answered = Arc::new(AtomicBool::new(false));
        let (back, answered_back) = (self.clone(), answered.clone());
        std::thread::spawn(move || back.provider_to_device(provider, device_writes, &answered_back));
        self.device_to_provider(device, provider_writes, &answered);
    }

    fn device_to_provider(&self, mut device: TcpStream, mut provider: TcpStream, answered: &AtomicBool) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = device.read(&mut buffer) {
            let chunk = &buffer[..length];
            locked(&self.traffic).extend_from_slice(chunk);
            if is_answer(chunk) {
                match *locked(&self.answers) {
                    Answers::Pass => {}
                    Answers::Refuse => {
                        let _ = device.shutdown(Shutdown::Both);
                        let _ = provider.shutdown(Shutdown::Both);
                        let _ = self.doing.send(Did::Refused);
                        return;
                    }
                    Answers::SwallowReply => {
                        answered.store(true, Ordering::SeqCst);
                        self.silent.store(true, Ordering::SeqCst);
                    }
                }
            }
            if provider.write_all(chunk).is_err() {
                break;
            }
        }
        let _ = provider.shutdown(Shutdown::Write);
    }

    fn provider_to_device(&self, mut provider: TcpStream, mut device: TcpStream, answered: &AtomicBool) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = provider.read(&mut buffer) {
            locked(&self.traffic).extend_from_slice(&buffer[..length]);
            if self.silent.load(Ordering::SeqCst) {
                if answered.load(Ordering::SeqCst) {
                    let _ = self.doing.send(Did::Swallowed);
                }
                // What was lost would leave a hole: nothing more goes this way.
                return;
            }
            if device.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        if !self.silent.load(Ordering::SeqCst) {
            let _ = device.shutdown(Shutdown::Write);
        }
    }
}

/// Whether a request for an answer begins here. Nobody pipelines, so that a request begins with its own packet.
fn is_answer(chunk: &[u8]) -> bool {
    let line = chunk.split(|byte| *byte == b'\r').next().unwrap_or_default();
    line.starts_with(b"POST ") && line.ends_with(b"/answer HTTP/1.1")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
