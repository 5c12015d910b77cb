//! Both ends of the out-of-process framing against each other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "test code"
)]

use windlass_psrp::host::{HostMethod, HostReply, HostReturn};
use windlass_psrp::outofproc::{ClientLink, ServerLink};
use windlass_psrp::{
    ClientEvent, ClientPool, CreatePipeline, ErrorRecord, PipelineState, PoolOptions, PoolState, PowerShell,
    ServerEvent, ServerOptions, ServerPool,
};

struct Pipe {
    client: ClientLink,
    server: ServerLink,
    to_server: String,
    to_client: String,
}

impl Pipe {
    fn open() -> Self {
        let mut client = ClientLink::new(ClientPool::new(PoolOptions::default()));
        let server = ServerLink::new(ServerPool::new(ServerOptions::default()));
        client.open().unwrap();
        let mut pipe = Self { client, server, to_server: String::new(), to_client: String::new() };
        pipe.exchange();
        assert_eq!(pipe.client.pool.state(), PoolState::Opened);
        pipe
    }

    fn exchange(&mut self) {
        loop {
            let sent = self.client.poll_transmit();
            if let Some(bytes) = &sent {
                self.to_server.push_str(std::str::from_utf8(bytes).unwrap());
                self.server.receive(bytes).unwrap();
            }
            let answered = self.server.poll_transmit();
            if let Some(bytes) = &answered {
                self.to_client.push_str(std::str::from_utf8(bytes).unwrap());
                self.client.receive(bytes).unwrap();
            }
            if sent.is_none() && answered.is_none() {
                return;
            }
        }
    }

    fn events(&mut self) -> Vec<ClientEvent> {
        std::iter::from_fn(|| self.client.pool.poll_event()).collect()
    }

    fn names(text: &str) -> Vec<&str> {
        text.lines().map(|line| line[1..].split([' ', '>']).next().unwrap()).collect()
    }
}

#[test]
fn a_pipeline_runs_and_is_closed() {
    let mut pipe = Pipe::open();
    assert_eq!(Pipe::names(&pipe.to_server), ["Data"]);
    assert_eq!(Pipe::names(&pipe.to_client), ["Data", "DataAck"]);
    let id = pipe.client.create_pipeline(CreatePipeline::from(PowerShell::script("x")).with_input()).unwrap();
    pipe.exchange();
    for number in 0..3 {
        pipe.client.pool.send_input(id, &number.into()).unwrap();
    }
    pipe.client.pool.end_input(id).unwrap();
    pipe.exchange();
    pipe.server.pool.write_output(id, &"out".into()).unwrap();
    pipe.server.pool.complete(id, PipelineState::Completed, None).unwrap();
    pipe.exchange();
    pipe.client.close_pipeline(id);
    pipe.client.close_pipeline(id);
    pipe.exchange();
    assert_eq!((pipe.client.pool.pipelines().count(), pipe.server.pool.pipelines().count()), (0, 0));
    assert_eq!(Pipe::names(&pipe.to_server), ["Data", "Command", "Data", "Data", "Close"]);
    pipe.client.close();
    pipe.exchange();
    assert_eq!(pipe.client.pool.state(), PoolState::Closed);
    assert!(pipe.to_client.ends_with("<CloseAck PSGuid='00000000-0000-0000-0000-000000000000' />\n"));
}

#[test]
fn data_wait_for_the_acknowledgement_of_those_before() {
    let mut pipe = Pipe::open();
    let id = pipe.client.create_pipeline(CreatePipeline::from(PowerShell::script("x")).with_input()).unwrap();
    pipe.exchange();
    pipe.client.pool.send_input(id, &"x".repeat(100_000).into()).unwrap();
    let first = pipe.client.poll_transmit().unwrap();
    assert_eq!(String::from_utf8(first.clone()).unwrap().lines().count(), 1);
    assert_eq!(pipe.client.poll_transmit(), None);
    pipe.server.receive(&first).unwrap();
    let ack = pipe.server.poll_transmit().unwrap();
    pipe.client.receive(&ack).unwrap();
    assert!(pipe.client.poll_transmit().is_some());
}

#[test]
fn stopping_is_acknowledged_when_the_pipeline_has_stopped() {
    let mut pipe = Pipe::open();
    let id = pipe.client.create_pipeline(PowerShell::script("x")).unwrap();
    pipe.exchange();
    pipe.client.stop(id).unwrap();
    pipe.client.stop(id).unwrap();
    pipe.exchange();
    assert!(!pipe.to_client.contains("SignalAck"));
    assert!(
        std::iter::from_fn(|| pipe.server.pool.poll_event()).any(|event| event == ServerEvent::Stop { id })
    );
    pipe.server.pool.complete(id, PipelineState::Stopped, Some(ErrorRecord::stopped())).unwrap();
    pipe.exchange();
    assert!(pipe.to_client.lines().last().unwrap().starts_with("<SignalAck "));
    assert_eq!(pipe.client.pool.pipeline_state(id), Some(PipelineState::Stopped));
    assert_eq!(pipe.to_server.matches("<Signal ").count(), 1);
}

#[test]
fn answers_of_the_host_have_a_stream_of_their_own() {
    let mut pipe = Pipe::open();
    let id = pipe.client.create_pipeline(PowerShell::script("x")).unwrap();
    pipe.exchange();
    pipe.server.pool.host_call(id, HostMethod::ReadLine).unwrap();
    pipe.exchange();
    let calls: Vec<_> =
        pipe.events().into_iter().filter(|event| matches!(event, ClientEvent::HostCall { .. })).collect();
    let [ClientEvent::HostCall { pipeline, call }] = calls.as_slice() else { panic!("{calls:?}") };
    let reply = HostReply::Value(HostReturn::Text("typed".into()));
    pipe.client.pool.host_response(*pipeline, call, reply).unwrap();
    pipe.exchange();
    assert!(pipe.to_server.lines().last().unwrap().starts_with("<Data Stream='PromptResponse' "));
}

#[test]
fn a_line_that_is_no_element_ends_the_session() {
    let mut pipe = Pipe::open();
    let error = pipe.client.receive(b"Last login: today\n").unwrap_err().to_string();
    assert_eq!(error, "line 3: an element is expected");
    assert_eq!(pipe.client.pool.state(), PoolState::Broken);
    let mut pipe = Pipe::open();
    let error = pipe.client.receive(b"__NamedPipeError__:it \x1b[31mfailed\n").unwrap_err().to_string();
    assert_eq!(error, "line 3: the other side reports: it [31mfailed");
    let mut pipe = Pipe::open();
    pipe.client.receive_eof();
    assert_eq!(pipe.client.pool.state(), PoolState::Broken);
    let mut pipe = Pipe::open();
    let error = pipe.server.receive(b"<Foo PSGuid='00000000-0000-0000-0000-000000000000' />\n").unwrap_err();
    assert_eq!(error.to_string(), "line 2: element \"Foo\" is unknown");
    assert!(pipe.server.is_finished());
    let said = String::from_utf8(pipe.server.poll_transmit().unwrap()).unwrap();
    assert_eq!(said, "__NamedPipeError__:line 2: element \"Foo\" is unknown\n");
}
