//! Protocol data units: what travels on an association (C706 12.6, [MS-RPCE] 2.2.2).
//!
//! [`Pdu::decode`] borrows from the bytes and [`Pdu::encode`] writes them again. Neither checks signatures:
//! that is the association's part.

mod auth;
mod bind;
mod call;
mod features;
mod header;
mod parse;
mod verification;

use windlass_core::cursor::ReadCursor;

pub use auth::{AuthLevel, AuthType, AuthVerifier};
pub use bind::{Bind, BindAck, BindNak, BindNakReason, ContextElement, ContextOutcome, ContextResult};
pub use call::{Fault, FaultStatus, Request, Response};
pub use features::BindFeatures;
pub use header::{Header, PduFlags, PduType};
pub use verification::VerificationTrailer;

use crate::RpcError;
use parse::short;

/// One fragment of an association's traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu<'a> {
    /// Flags.
    pub flags: PduFlags,
    /// Which call it belongs to.
    pub call_id: u32,
    /// What it says.
    pub body: Body<'a>,
    /// Who vouches for it, if somebody does.
    pub auth: Option<AuthVerifier<'a>>,
}

/// What a PDU says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// Opens an association.
    Bind(Bind),
    /// The association is open.
    BindAck(BindAck),
    /// The association is refused.
    BindNak(BindNak<'a>),
    /// More contexts, or the next step of a logon.
    AlterContext(Bind),
    /// The answer to that.
    AlterContextResponse(BindAck),
    /// The last step of a logon. The four bytes mean nothing.
    Auth3([u8; 4]),
    /// Parameters of a call.
    Request(Request<'a>),
    /// Results of a call.
    Response(Response<'a>),
    /// A call failed.
    Fault(Fault<'a>),
    /// The server asks the client to close the association.
    Shutdown,
    /// The client would like a call to end early.
    Cancel,
    /// The client has given a call up.
    Orphaned,
}

impl Body<'_> {
    /// The type of PDU.
    pub fn kind(&self) -> PduType {
        match self {
            Self::Bind(_) => PduType::Bind,
            Self::BindAck(_) => PduType::BindAck,
            Self::BindNak(_) => PduType::BindNak,
            Self::AlterContext(_) => PduType::AlterContext,
            Self::AlterContextResponse(_) => PduType::AlterContextResponse,
            Self::Auth3(_) => PduType::Auth3,
            Self::Request(_) => PduType::Request,
            Self::Response(_) => PduType::Response,
            Self::Fault(_) => PduType::Fault,
            Self::Shutdown => PduType::Shutdown,
            Self::Cancel => PduType::Cancel,
            Self::Orphaned => PduType::Orphaned,
        }
    }

    /// The type by its name in the specifications.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }
}

impl<'a> Pdu<'a> {
    /// Reads one whole PDU: `bytes` are as long as its header says.
    ///
    /// # Errors
    /// What is malformed, and where.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, RpcError> {
        let header = Header::decode(bytes)?;
        let pdu = header.kind.name();
        let length = usize::from(header.frag_length);
        if length != bytes.len() {
            let reason = "not the length of the PDU";
            return Err(RpcError::Malformed { pdu, field: "frag_length", offset: 8, reason });
        }
        let mut cursor = ReadCursor::new(bytes);
        cursor.take(Header::SIZE, "header").map_err(short(pdu))?;
        let auth_length = usize::from(header.auth_length);
        let trailer = if auth_length == 0 { 0 } else { auth_length + AuthVerifier::SIZE };
        let space = cursor.remaining().saturating_sub(trailer);
        let space = cursor.take(space, "body").map_err(short(pdu))?;
        let mut auth = None;
        let mut content = space;
        if auth_length > 0 {
            let start = cursor.position();
            let tail = cursor.rest();
            let (_, verifier) = AuthVerifier::parse(tail)
                .map_err(|error| parse::Fault::into_error(error, pdu, start, tail.len()))?;
            // Only stubs are padded by a known length; other bodies know where they end.
            if matches!(header.kind, PduType::Request | PduType::Response | PduType::Fault) {
                let stub_end = space
                    .len()
                    .checked_sub(usize::from(verifier.pad_length))
                    .filter(|end| *end >= fixed_length(&header))
                    .ok_or(RpcError::Malformed {
                        pdu,
                        field: "auth_pad_length",
                        offset: start + 2,
                        reason: "more padding than there is body",
                    })?;
                let (stub, pad) = space.split_at_checked(stub_end).unwrap_or((space, &[]));
                content = stub;
                auth = Some(AuthVerifier { pad, ..verifier });
            } else {
                auth = Some(verifier);
            }
        }
        let (rest, body) = body(content, &header)
            .map_err(|error| parse::Fault::into_error(error, pdu, Header::SIZE, content.len()))?;
        if !rest.is_empty() {
            match &mut auth {
                // Some peers leave more bytes than they say before the trailer.
                Some(verifier) => verifier.pad = rest,
                None => {
                    let offset = Header::SIZE + content.len() - rest.len();
                    return Err(RpcError::Malformed {
                        pdu,
                        field: "body",
                        offset,
                        reason: "bytes left over",
                    });
                }
            }
        }
        Ok(Self { flags: header.flags, call_id: header.call_id, body, auth })
    }

    /// The wire form.
    ///
    /// # Errors
    /// The PDU is longer than 65,535 bytes, or its token is.
    pub fn encode(&self) -> Result<Vec<u8>, RpcError> {
        let mut out = vec![0; Header::SIZE];
        let mut flags = self.flags;
        match &self.body {
            Body::Bind(bind) | Body::AlterContext(bind) => bind.write(&mut out),
            Body::BindAck(ack) | Body::AlterContextResponse(ack) => ack.write(&mut out),
            Body::BindNak(nak) => nak.write(&mut out),
            Body::Auth3(filler) => out.extend_from_slice(filler),
            Body::Request(request) => {
                flags = flags.with_if(PduFlags::OBJECT, request.object.is_some());
                request.write(&mut out);
            }
            Body::Response(response) => response.write(&mut out),
            Body::Fault(fault) => fault.write(&mut out),
            Body::Shutdown | Body::Cancel | Body::Orphaned => {}
        }
        let mut auth_length = 0;
        if let Some(auth) = &self.auth {
            auth.write_trailer(&mut out);
            out.extend_from_slice(auth.value);
            auth_length = auth.value.len();
        }
        let short = |what, actual: usize| {
            let limit = usize::from(u16::MAX);
            u16::try_from(actual).map_err(|_| RpcError::Limit { what, actual, limit })
        };
        let header = Header {
            kind: self.body.kind(),
            flags,
            frag_length: short("bytes of a PDU", out.len())?,
            auth_length: short("bytes of a security token", auth_length)?,
            call_id: self.call_id,
        };
        if let Some(start) = out.first_chunk_mut::<{ Header::SIZE }>() {
            *start = header.to_bytes();
        }
        Ok(out)
    }
}

/// Where the stub of a call starts, in bytes from the end of the common header.
pub(crate) fn fixed_length(header: &Header) -> usize {
    match header.kind {
        PduType::Request if header.flags.contains(PduFlags::OBJECT) => Request::FIXED + Request::OBJECT,
        PduType::Request => Request::FIXED,
        PduType::Response => Response::FIXED,
        PduType::Fault => Fault::FIXED,
        _ => 0,
    }
}

fn body<'a>(input: &'a [u8], header: &Header) -> parse::Parsed<'a, Body<'a>> {
    fn wrap<'a, T>(
        parsed: parse::Parsed<'a, T>,
        body: impl FnOnce(T) -> Body<'a>,
    ) -> parse::Parsed<'a, Body<'a>> {
        parsed.map(|(rest, value)| (rest, body(value)))
    }
    match header.kind {
        PduType::Bind => wrap(Bind::parse(input), Body::Bind),
        PduType::AlterContext => wrap(Bind::parse(input), Body::AlterContext),
        PduType::BindAck => wrap(BindAck::parse(input), Body::BindAck),
        PduType::AlterContextResponse => wrap(BindAck::parse(input), Body::AlterContextResponse),
        PduType::BindNak => wrap(BindNak::parse(input), Body::BindNak),
        PduType::Auth3 => wrap(parse::array("pad")(input), Body::Auth3),
        PduType::Request => {
            wrap(Request::parse(input, header.flags.contains(PduFlags::OBJECT)), Body::Request)
        }
        PduType::Response => wrap(Response::parse(input), Body::Response),
        PduType::Fault => wrap(Fault::parse(input), Body::Fault),
        PduType::Shutdown => Ok((input, Body::Shutdown)),
        PduType::Cancel => Ok((input, Body::Cancel)),
        PduType::Orphaned => Ok((input, Body::Orphaned)),
    }
}
