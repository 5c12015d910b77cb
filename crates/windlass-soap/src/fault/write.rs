//! Writing faults.

use windlass_xml::Writer;

use super::Fault;
use crate::ns;

impl Fault {
    /// Writes `s:Fault` into an open body.
    pub fn write(&self, writer: &mut Writer) {
        writer.start("s:Fault").start("s:Code");
        writer.start("s:Value").text("s:").text(self.side.name()).end();
        if let Some(subcode) = &self.subcode {
            writer.start("s:Subcode").start("s:Value");
            match subcode.prefix() {
                "" => {
                    writer.text(subcode.local());
                }
                prefix => {
                    writer.attr(&format!("xmlns:{prefix}"), subcode.ns());
                    writer.text(prefix).text(":").text(subcode.local());
                }
            }
            writer.end().end();
        }
        writer.end();
        writer.start("s:Reason");
        for text in &self.reason {
            writer.start("s:Text").attr("xml:lang", text.lang.as_deref().unwrap_or_default());
            writer.text(&text.text).end();
        }
        writer.end();
        self.write_detail(writer);
        writer.end();
    }

    fn write_detail(&self, writer: &mut Writer) {
        if self.detail_uri.is_none() && self.wsman.is_none() && self.details.is_empty() {
            return;
        }
        writer.start("s:Detail");
        if let Some(uri) = &self.detail_uri {
            writer.start("w:FaultDetail").attr("xmlns:w", ns::WSMAN).text(uri).end();
        }
        if let Some(fault) = &self.wsman {
            writer.start("f:WSManFault").attr("xmlns:f", ns::WSMAN_FAULT);
            writer.attr("Code", &fault.code.0.to_string());
            if let Some(machine) = &fault.machine {
                writer.attr("Machine", machine);
            }
            writer.start("f:Message").text(&fault.message);
            let mut open = 2;
            for provider in &fault.providers {
                writer.start("f:ProviderFault");
                open += 1;
                if let Some(name) = &provider.provider {
                    writer.attr("provider", name);
                }
                if let Some(path) = &provider.path {
                    writer.attr("path", path);
                }
                writer.text(&provider.text);
                for detail in &provider.details {
                    detail.write(writer);
                }
                if let Some(inner) = &provider.fault {
                    writer.start("f:WSManFault").attr("Code", &inner.code.0.to_string());
                    if let Some(machine) = &inner.machine {
                        writer.attr("Machine", machine);
                    }
                    writer.start("f:Message").text(&inner.message);
                    open += 2;
                } else {
                    writer.end();
                    open -= 1;
                }
            }
            for _ in 0..open {
                writer.end();
            }
        }
        for detail in &self.details {
            detail.write(writer);
        }
        writer.end();
    }
}
