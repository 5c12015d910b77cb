//! Results that the server delivers by calling this side: IWbemObjectSink ([MS-WMI] 3.2.4.2.9).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use tokio::sync::{oneshot, watch};
use tokio::time::{interval, timeout};
use windlass_cim::{CimClass, CimInstance, Namespace};
use windlass_dcom::objects::PING_PERIOD;
use windlass_net::{RpcHandler, RpcListener};
use windlass_wmi::wmio::WmiObject;

use super::session::Shared;
use super::sink_call::SinkCall;
use crate::dcom::{DcomClient, Exported, Heard, Inbox};
use crate::error::{Error, Layer, Result};

/// Where a session listens for results that the server delivers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SinkOptions {
    /// The address to listen on, one of this computer that the server can reach; port 0 is any that is free.
    pub listen: SocketAddr,
    /// What the server is told to call, if not the address that is listened on: needed where that is no certain
    /// one, such as `0.0.0.0`.
    pub advertised: Option<String>,
    /// The address that the server calls from, if not the one at which the session reached it.
    pub server: Option<IpAddr>,
    /// Operations at once.
    pub operations: usize,
}

impl SinkOptions {
    /// On this address, for up to 100 operations at once.
    pub fn new(listen: SocketAddr) -> Self {
        Self { listen, advertised: None, server: None, operations: 100 }
    }
}

/// A listener for results that the server of a session delivers by calling this side, as WMI's asynchronous calls
/// do. The other operations of a session need none of this and are better in nearly every way: prefer them.
///
/// What it takes:
///
/// - The server opens connections to this computer: firewalls in between have to let it in at the port of
///   [`address`](Self::address).
/// - Windows asks for the way to an object at port 135 of the computer that it is on, whatever port stands in the
///   reference. So a real Windows delivers only where this listens on port 135, which needs the right to do so and
///   that nobody else has it. The embedded host takes the port from the reference.
///
/// What is not protected: servers call back under an account that this side cannot check, or anonymously, and
/// results travel readable, whatever protects the session itself. This side lets in connections from the server's
/// address only, and takes from them only calls to the random ids of sinks whose operations go on, as many bytes
/// and calls at once as fit. Whoever can read what passes between both, or send in the server's name, can read the
/// results or forge them.
///
/// It listens until it and all of its streams are dropped.
pub struct SinkListener {
    listening: Arc<Listening>,
}

/// What the streams of a listener share.
struct Listening {
    shared: Arc<Shared>,
    dcom: Arc<DcomClient>,
    inbox: Arc<Inbox>,
    address: SocketAddr,
    /// Dropped when nobody needs the listener any more.
    _end: oneshot::Sender<()>,
    /// Closed when nothing listens any more.
    ended: watch::Receiver<()>,
}

/// What a server delivers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Delivered {
    /// An instance.
    Instance(Box<CimInstance>),
    /// A class.
    Class(Box<CimClass>),
    /// The operation goes on. Servers count as they like; WMI has the work that is done in the lower 16 bits and
    /// all there is in the upper ones.
    Progress(u32),
}

impl Delivered {
    /// The instance, if it is one.
    pub fn into_instance(self) -> Option<CimInstance> {
        match self {
            Self::Instance(instance) => Some(*instance),
            _ => None,
        }
    }
}

/// The results of an operation as the server delivers them. Whoever reads slowly makes the server wait. Dropping it
/// cancels the operation.
pub struct SinkStream {
    listening: Arc<Listening>,
    namespace: Namespace,
    exported: Exported,
    current: vec::IntoIter<WmiObject>,
    /// How long the next delivery may take.
    limit: Option<Duration>,
    /// Nothing comes any more.
    is_over: bool,
    /// The server knows of the sink and has not said its last word.
    is_live: bool,
    path: Option<String>,
    details: Option<CimInstance>,
}

/// Listens for the server of a session.
pub(super) async fn listen(shared: &Arc<Shared>, options: SinkOptions) -> Result<SinkListener> {
    let dcom = shared.dcom.as_ref().ok_or_else(|| Error::usage("only servers over DCOM deliver results"))?;
    let namespace = shared.options.namespace.clone();
    let server = match options.server {
        Some(server) => Some(server.to_canonical()),
        None => dcom.server_address(&namespace).await?,
    };
    let server =
        server.ok_or_else(|| Error::usage("the session is not over TCP: no server can call back"))?;
    let failed = |error: std::io::Error| {
        Error::usage(format!("this computer does not listen on {}: {error}", options.listen))
    };
    let listener = RpcListener::bind(options.listen).await.map_err(failed)?;
    let address = listener.address().map_err(failed)?;
    let advertised = match &options.advertised {
        Some(advertised) => advertised.clone(),
        None if address.ip().is_unspecified() => {
            return Err(Error::usage("the server has to be told an address to call"));
        }
        None => address.ip().to_string(),
    };
    let inbox = Arc::new(Inbox::new(&advertised, address.port(), server, options.operations));
    let (end, ends) = oneshot::channel::<()>();
    let (running, ended) = watch::channel(());
    let served = Arc::clone(&inbox);
    let handler: Arc<dyn RpcHandler> = Arc::<Inbox>::clone(&inbox);
    shared.tasks.detach(async move {
        tokio::select! {
            () = listener.serve(server, handler) => {}
            () = expire(&served) => {}
            // The other end is only ever dropped.
            _ = ends => {}
        }
        drop(running);
    });
    let listening =
        Listening { shared: Arc::clone(shared), dcom: Arc::clone(dcom), inbox, address, _end: end, ended };
    Ok(SinkListener { listening: Arc::new(listening) })
}

/// Takes away what the server neither calls nor pings.
async fn expire(inbox: &Inbox) {
    let mut period = interval(PING_PERIOD);
    loop {
        let now = period.tick().await;
        inbox.expire(now.into_std());
    }
}

impl SinkListener {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address
    }

    /// Starts an operation. Its results come as soon as there are some.
    ///
    /// # Errors
    /// The server refuses it or does not reach this side, or too many operations go on.
    pub async fn start(&self, call: SinkCall) -> Result<SinkStream> {
        let Listening { shared, dcom, inbox, .. } = &*self.listening;
        let namespace = call.namespace_of(shared);
        let exported = inbox.export().ok_or_else(|| Error::usage("too many operations go on at once"))?;
        // From here on the operation is cancelled when the caller leaves.
        let mut stream = SinkStream {
            listening: Arc::clone(&self.listening),
            namespace: namespace.clone(),
            exported,
            current: Vec::new().into_iter(),
            limit: dcom.limit().filter(|_| !call.is_endless()),
            is_over: false,
            is_live: true,
            path: None,
            details: None,
        };
        let sent = call.send(shared, dcom, &namespace, (inbox, &stream.exported)).await;
        // A call without an answer may have been carried out.
        stream.is_live = sent.as_ref().err().is_none_or(|error| error.hresult().is_none());
        sent.map_err(|error| error.while_doing("starting an operation that delivers its results"))?;
        Ok(stream)
    }

    /// Stops listening, and waits until that is so: until all streams were dropped, too.
    pub async fn close(self) {
        let mut ended = self.listening.ended.clone();
        drop(self);
        // The other end is only ever dropped.
        while ended.changed().await.is_ok() {}
    }
}

impl SinkStream {
    /// The next result. `None` is the end of an operation that has succeeded; an error is the last that comes.
    pub async fn next(&mut self) -> Option<Result<Delivered>> {
        loop {
            if let Some(object) = self.current.next() {
                return Some(Ok(match object {
                    WmiObject::Instance(instance) => Delivered::Instance(Box::new(instance)),
                    WmiObject::Class(class) => Delivered::Class(Box::new(class)),
                }));
            }
            if self.is_over {
                return None;
            }
            match self.hear().await {
                Ok(Heard::Objects(objects)) => self.current = objects.into_iter(),
                Ok(Heard::Progress(progress)) => return Some(Ok(Delivered::Progress(progress))),
                Ok(Heard::Over { result, text, details }) => {
                    (self.is_over, self.is_live) = (true, false);
                    (self.path, self.details) = (text, details);
                    if result.is_failure() {
                        return Some(Err(self.listening.dcom.failed(result)));
                    }
                }
                Ok(Heard::Broken(reason)) => {
                    self.is_over = true;
                    return Some(Err(self.listening.dcom.broken(reason)));
                }
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
            }
        }
    }

    /// All instances that are left.
    ///
    /// # Errors
    /// The operation fails.
    pub async fn instances(&mut self) -> Result<Vec<CimInstance>> {
        let mut instances = Vec::new();
        while let Some(delivered) = self.next().await {
            instances.extend(delivered?.into_instance());
        }
        Ok(instances)
    }

    /// The path of an instance that was written, once the operation is over.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// The object by which the server explained a failure, usually an `__ExtendedStatus`.
    pub fn details(&self) -> Option<&CimInstance> {
        self.details.as_ref()
    }

    async fn hear(&mut self) -> Result<Heard> {
        let heard = match self.limit {
            None => self.exported.heard.recv().await,
            Some(limit) => timeout(limit, self.exported.heard.recv()).await.map_err(|_| {
                Error::timed_out(Layer::Cim, &self.listening.dcom.host(), "the next delivery", limit)
            })?,
        };
        let host = || self.listening.dcom.host();
        heard.ok_or_else(|| Error::unreachable(&host(), "the server gave the sink up without a last word"))
    }
}

impl Drop for SinkStream {
    fn drop(&mut self) {
        let (listening, sink) = (Arc::clone(&self.listening), self.exported.reference());
        if !self.is_live {
            return listening.inbox.withdraw(&sink);
        }
        // Calls that wait to deliver are answered from here on: nobody wants what they have.
        self.exported.heard.close();
        let namespace = self.namespace.clone();
        self.listening.shared.tasks.spawn(async move {
            listening.dcom.cancel(&namespace, &listening.inbox, &sink).await;
            listening.inbox.withdraw(&sink);
        });
    }
}
