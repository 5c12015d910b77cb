//! A client and a server coupled in memory.

use uuid::Uuid;
use windlass_psrp::{
    ClientEvent, ClientPool, CreatePipeline, PoolOptions, PoolState, ServerEvent, ServerOptions, ServerPool,
    Stream,
};

/// Bytes that go over at once: little, so that messages are cut.
pub const ROOM: usize = 300;

pub struct Pair {
    pub client: ClientPool,
    pub server: ServerPool,
}

impl Pair {
    pub fn new(client: PoolOptions, server: ServerOptions) -> Self {
        Self { client: ClientPool::new(client), server: ServerPool::new(server) }
    }

    /// A pair with an open pool, its first events taken.
    pub fn open(client: PoolOptions, server: ServerOptions) -> Self {
        let mut pair = Self::new(client, server);
        let creation = pair.client.creation_fragments(ROOM).unwrap();
        pair.server.receive(None, Stream::Default, &creation).unwrap();
        pair.exchange();
        assert_eq!(pair.client.state(), PoolState::Opened);
        pair.client_events();
        pair.server_events();
        pair
    }

    pub fn opened() -> Self {
        Self::open(PoolOptions::default(), ServerOptions::default())
    }

    /// Moves bytes both ways until neither side has any.
    pub fn exchange(&mut self) {
        loop {
            let to_server = self.client.poll_send(ROOM);
            if let Some(outgoing) = &to_server {
                self.server.receive(outgoing.pipeline, outgoing.stream, &outgoing.data).unwrap();
            }
            let to_client = self.server.poll_send(ROOM);
            if let Some(outgoing) = &to_client {
                self.client.receive(outgoing.pipeline, &outgoing.data).unwrap();
            }
            if to_server.is_none() && to_client.is_none() {
                return;
            }
        }
    }

    /// Makes a pipeline and starts it on the server.
    pub fn start(&mut self, create: impl Into<CreatePipeline>) -> Uuid {
        let id = self.client.create_pipeline(create).unwrap();
        let data = self.client.command_arguments(id, ROOM).unwrap().unwrap();
        self.server.receive(Some(id), Stream::Default, &data).unwrap();
        self.exchange();
        id
    }

    pub fn client_events(&mut self) -> Vec<ClientEvent> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }

    pub fn server_events(&mut self) -> Vec<ServerEvent> {
        std::iter::from_fn(|| self.server.poll_event()).collect()
    }
}
