//! What another client is told that takes over the pool of a program, which knows nothing of it
//! ([MS-PSRP] 3.1.4.10).

use uuid::Uuid;
use windlass_clixml::Limits;
use windlass_psrp::fragment::{Defragmenter, FragmentLimits, Fragmenter};
use windlass_psrp::message::Destination;
use windlass_psrp::payload::{InitRunspacePool, RunspacePoolInitData};
use windlass_psrp::{Message, MessageType, Payload, ProtocolVersion};

/// Longest message that is looked at.
const LONGEST: usize = 1024 * 1024;

/// What was said when the pool was opened.
pub(super) struct Takeover {
    from_client: Option<Defragmenter>,
    from_program: Option<Defragmenter>,
    pool: Uuid,
    limits: Option<RunspacePoolInitData>,
    capability: Option<Vec<u8>>,
    private_data: Option<Vec<u8>>,
}

/// What the new client gets.
pub(super) struct Taken {
    pub(super) answer: Vec<u8>,
    /// What comes first on the stream of the pool.
    pub(super) first_output: Vec<u8>,
}

impl Default for Takeover {
    fn default() -> Self {
        let limits = FragmentLimits { object: LONGEST, total: u64::MAX };
        Self {
            from_client: Some(Defragmenter::new(limits)),
            from_program: Some(Defragmenter::new(limits)),
            pool: Uuid::nil(),
            limits: None,
            capability: None,
            private_data: None,
        }
    }
}

impl Takeover {
    /// The client sent this to the pool.
    pub(super) fn client_sent(&mut self, data: &[u8]) {
        let Some(mut stream) = self.from_client.take() else { return };
        each(&mut stream, data, |message, _| {
            if message.kind == MessageType::InitRunspacePool
                && let Ok(value) = windlass_clixml::decode(message.data, &Limits::default())
                && let Ok(init) = InitRunspacePool::from_value(&value)
            {
                self.pool = message.pool;
                let InitRunspacePool { min_runspaces, max_runspaces, .. } = init;
                self.limits = Some(RunspacePoolInitData { min_runspaces, max_runspaces });
            }
        });
        // Nothing that comes later is of interest.
        self.from_client = self.limits.is_none().then_some(stream);
    }

    /// The program sent this to the pool.
    pub(super) fn program_sent(&mut self, data: &[u8]) {
        let Some(mut stream) = self.from_program.take() else { return };
        each(&mut stream, data, |message, bytes| match message.kind {
            MessageType::SessionCapability => self.capability = Some(bytes.to_vec()),
            MessageType::ApplicationPrivateData => self.private_data = Some(bytes.to_vec()),
            _ => {}
        });
        self.from_program = self.private_data.is_none().then_some(stream);
    }

    /// Answers a new client.
    pub(super) fn take(&self, connect: &[u8]) -> Result<Taken, String> {
        let mut stream = Defragmenter::new(FragmentLimits { object: LONGEST, total: u64::MAX });
        let mut kinds = Vec::new();
        let mut pool = Uuid::nil();
        each(&mut stream, connect, |message, _| {
            pool = message.pool;
            kinds.push(message.kind);
        });
        if kinds != [MessageType::SessionCapability, MessageType::ConnectRunspacePool] {
            return Err("SESSION_CAPABILITY and CONNECT_RUNSPACEPOOL are expected".to_owned());
        }
        if pool != self.pool {
            return Err("it is another pool".to_owned());
        }
        let (Some(limits), Some(capability), Some(private_data)) =
            (self.limits, &self.capability, &self.private_data)
        else {
            return Err("the pool is not open".to_owned());
        };
        let init = self.message(MessageType::RunspacePoolInitData, &limits)?;
        let opened = windlass_clixml::PsObject::untyped().with("RunspaceState", 2).into();
        let opened = self.encode(MessageType::RunspacePoolState, &opened);
        // Numbers that the program has used already: what it sends from now on has higher ones.
        let mut fragmenter = Fragmenter::default();
        let (mut answer, mut first_output) = (Vec::new(), Vec::new());
        fragmenter.fragment_into(capability, &mut answer);
        fragmenter.fragment_into(&init, &mut answer);
        fragmenter.fragment_into(private_data, &mut first_output);
        fragmenter.fragment_into(&opened, &mut first_output);
        Ok(Taken { answer, first_output })
    }

    fn message(&self, kind: MessageType, payload: &impl Payload) -> Result<Vec<u8>, String> {
        let value = payload.to_value(ProtocolVersion::V2_3).map_err(|error| error.to_string())?;
        Ok(self.encode(kind, &value))
    }

    fn encode(&self, kind: MessageType, value: &windlass_clixml::PsValue) -> Vec<u8> {
        let data = windlass_clixml::encode(value);
        let message = Message {
            destination: Destination::Client,
            kind,
            pool: self.pool,
            pipeline: Uuid::nil(),
            byte_order_mark: true,
            data: &data,
        };
        message.encode()
    }
}

/// Shows each whole message of a stream with its bytes; what cannot be read is the program's business.
fn each(stream: &mut Defragmenter, data: &[u8], mut show: impl FnMut(&Message<'_>, &[u8])) {
    let mut objects = stream.push(data);
    while let Ok(Some(object)) = objects.next() {
        if let Ok(message) = Message::decode(object.data) {
            show(&message, object.data);
        }
    }
}
