//! Oracles of envelopes, headers and faults.

use windlass_soap::{Envelope, Fault, Limits, ns, write_envelope};
use windlass_xml::{Event, Reader};

/// Reads an envelope: the header that was read, written again, is read the same; so is a fault.
pub(super) fn soap(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let limits = Limits::default();
    let Ok(mut envelope) = Envelope::open(text, &limits) else { return };
    if envelope.check().is_err() || !is_readable(text) {
        return;
    }
    let header = envelope.header.clone();
    let fault = match envelope.body().next_element() {
        Ok(Some(root)) if root.is(ns::SOAP, "Fault") => Fault::read(envelope.body(), &limits).ok(),
        _ => None,
    };
    let written = write_envelope(&header, &[], 0, |writer| {
        if let Some(fault) = &fault {
            fault.write(writer);
        }
    });
    let mut again = Envelope::open(&written, &limits)
        .unwrap_or_else(|error| panic!("our own envelope is refused: {error}\n{written}"));
    assert_eq!(again.check(), Ok(()));
    let mut expected = header;
    expected.not_understood.clear();
    assert_eq!(again.header, expected);
    let Some(fault) = fault else { return };
    assert!(!fault.to_string().is_empty());
    let root = again.body().next_element().expect("our own body").expect("our own fault");
    assert!(root.is(ns::SOAP, "Fault"));
    let read = Fault::read(again.body(), &limits).expect("our own fault");
    assert_eq!(read, fault);
    again.finish().expect("our own envelope");
}

/// Whether every attribute can be read, too: what passes through unread is not looked into.
pub(super) fn is_readable(text: &str) -> bool {
    let mut reader = Reader::new(text, windlass_xml::Limits::default());
    loop {
        match reader.next() {
            Ok(Event::Start(element)) if element.attributes().any(|attribute| attribute.is_err()) => {
                return false;
            }
            Ok(Event::Eof) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}
