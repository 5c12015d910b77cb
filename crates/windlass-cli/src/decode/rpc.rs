//! DCE/RPC PDUs, with the security tokens in them.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use windlass_rpc::epm;
use windlass_rpc::pdu::{
    AuthLevel, AuthVerifier, Bind, BindAck, BindFeatures, Body, ContextOutcome, Header, Pdu,
};

use super::{hex, tokens};

/// One PDU after the other.
pub(super) fn pdus(bytes: &[u8]) -> Result<Value> {
    let mut pdus = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let offset = bytes.len() - rest.len();
        let at = || format!("in the PDU at offset {offset}");
        let header = Header::decode(rest).with_context(at)?;
        let length = usize::from(header.frag_length).min(rest.len());
        let (pdu, tail) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        pdus.push(value(&header, &Pdu::decode(pdu).with_context(at)?));
        rest = tail;
    }
    Ok(json!({ "format": "dce-rpc", "pdus": pdus }))
}

fn value(header: &Header, pdu: &Pdu<'_>) -> Value {
    let mut value = json!({
        "type": pdu.body.name(),
        "flags": format!("{:#04x}", pdu.flags.0),
        "length": header.frag_length,
        "call": pdu.call_id,
    });
    let sealed = pdu.auth.is_some_and(|auth| AuthLevel::from_u8(auth.level) == Some(AuthLevel::Privacy));
    let stub = |bytes: &[u8]| json!({ "bytes": bytes.len(), "sealed": sealed, "hex": hex(bytes) });
    let body = match &pdu.body {
        Body::Bind(bind) | Body::AlterContext(bind) => contexts(bind),
        Body::BindAck(ack) | Body::AlterContextResponse(ack) => results(ack),
        Body::BindNak(nak) => json!({ "reason": nak.reason.to_string() }),
        Body::Request(request) => json!({
            "context": request.context_id,
            "opnum": request.opnum,
            "object": request.object.map(|object| object.to_string()),
            "stub": stub(request.stub),
        }),
        Body::Response(response) => json!({
            "context": response.context_id,
            "cancels": response.cancel_count,
            "stub": stub(response.stub),
        }),
        Body::Fault(fault) => json!({
            "context": fault.context_id,
            "status": format!("{:#010x}", fault.status.0),
            "meaning": fault.status.message(),
        }),
        Body::Auth3(_) | Body::Shutdown | Body::Cancel | Body::Orphaned => Value::Null,
    };
    let is_call = matches!(pdu.body, Body::Request(_) | Body::Response(_) | Body::Fault(_));
    let auth = pdu.auth.as_ref().map(|auth| verifier(auth, is_call));
    if let Some(object) = value.as_object_mut() {
        let members = [("body", Some(body).filter(|body| !body.is_null())), ("auth", auth)];
        for (name, member) in members {
            object.extend(member.map(|member| (name.to_owned(), member)));
        }
    }
    value
}

fn contexts(bind: &Bind) -> Value {
    let contexts: Vec<Value> = bind
        .contexts
        .iter()
        .map(|context| {
            let transfer: Vec<String> = context
                .transfer_syntaxes
                .iter()
                .map(|syntax| match BindFeatures::from_syntax(syntax) {
                    Some(features) => format!("features {:#x}", features.0),
                    None => syntax.to_string(),
                })
                .collect();
            let known = (context.abstract_syntax == epm::INTERFACE).then_some("endpoint mapper");
            json!({
                "id": context.id,
                "interface": context.abstract_syntax.to_string(),
                "name": known,
                "transfer": transfer,
            })
        })
        .collect();
    json!({
        "max_xmit": bind.max_xmit_frag,
        "max_recv": bind.max_recv_frag,
        "group": bind.assoc_group_id,
        "contexts": contexts,
    })
}

fn results(ack: &BindAck) -> Value {
    let results: Vec<Value> = ack
        .results
        .iter()
        .map(|result| match result.outcome {
            ContextOutcome::Accepted => {
                json!({ "outcome": "accepted", "transfer": result.transfer_syntax.to_string() })
            }
            outcome => json!({ "outcome": outcome.to_string() }),
        })
        .collect();
    let address = String::from_utf8_lossy(&ack.secondary_address);
    json!({
        "max_xmit": ack.max_xmit_frag,
        "max_recv": ack.max_recv_frag,
        "group": ack.assoc_group_id,
        "address": address.trim_end_matches('\0'),
        "results": results,
    })
}

fn verifier(auth: &AuthVerifier<'_>, is_signature: bool) -> Value {
    let token = match auth.value {
        value if is_signature => json!({ "signature": hex(value) }),
        value @ [b'N', b'T', b'L', b'M', b'S', b'S', b'P', 0, ..] => tokens::ntlm(value).unwrap_or_default(),
        value @ [0x60 | 0xA0 | 0xA1, ..] => tokens::spnego(value).unwrap_or_default(),
        value => json!({ "hex": hex(value) }),
    };
    json!({
        "type": auth.auth_type.to_string(),
        "level": AuthLevel::from_u8(auth.level).map(|level| level.to_string()),
        "context": auth.context_id,
        "padding": auth.pad_length,
        "token": token,
    })
}
