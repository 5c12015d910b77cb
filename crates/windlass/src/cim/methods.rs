//! Calling methods (DSP0227 10).

use std::sync::Arc;

use windlass_cim::wscim::{Decoder, Encoder};
use windlass_cim::{CimInstance, CimName, CimProperty, CimValue, MethodDecl, Mismatch, ObjectPath};
use windlass_wsman::{Operation, Reply, Xml};

use super::classes;
use super::objects::refused;
use super::session::Shared;
use crate::client::Sending;
use crate::error::{Error, Result};

/// What a method returned.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MethodResult {
    /// `ReturnValue`; null for a method without one. 0 mostly means success.
    pub return_value: CimValue,
    /// The output parameters.
    pub outputs: Vec<CimProperty>,
}

impl MethodResult {
    /// The value of an output parameter.
    pub fn output(&self, name: &str) -> Option<&CimValue> {
        self.outputs.iter().find(|output| output.name.is(name)).map(|output| &output.value)
    }
}

pub(super) async fn invoke(
    shared: &Shared,
    path: &ObjectPath,
    method: &CimName,
    input: &CimInstance,
) -> Result<MethodResult> {
    if let Some(dcom) = &shared.dcom {
        let namespace = path.namespace.as_ref().unwrap_or(&shared.options.namespace);
        let class = classes::get(shared, namespace, &path.class_name).await?;
        let output = dcom.invoke(namespace, &class, path, method, input).await;
        return output
            .map(|output| result_of(&output))
            .map_err(|error| error.while_doing("calling a method"));
    }
    let resource = shared.naming().object(path)?;
    let declared = declared_method(shared, path, method).await;
    let mut input = input.clone();
    if let Some(declared) = &declared {
        if let Some(unknown) = input.properties.iter().find(|given| declared.parameter(&given.name).is_none())
        {
            let text =
                format!("method {} of {} has no parameter {}", declared.name, path.class_name, unknown.name);
            return Err(Error::usage(text));
        }
        let class = Arc::new(declared.input_class());
        input.attach_class(&class, Mismatch::Fail).map_err(|error| refused(&error))?;
    }
    let outputs = declared.map(|declared| Arc::new(declared.output_class()));
    let mut writer = windlass_xml::Writer::new();
    let element = format!("{method}_INPUT");
    let encoder = Encoder::new(resource.uri.clone());
    let written = encoder.parameters(&mut writer, &path.class_name, &element, &input.properties);
    written.map_err(|error| refused(&error))?;
    let mut request = shared.request(&resource, Operation::Invoke(Some(Xml::from(writer.finish()))));
    request.header.action = Some(format!("{}/{method}", resource.uri));
    let limits = shared.client.limits().xml;
    let namespace = path.namespace.as_ref().unwrap_or(&shared.options.namespace);
    let known = shared.classes.of(namespace);
    let called = shared.client.call(&request, Sending::ONCE, |reply| match reply {
        Reply::Invoke(Some(xml)) => {
            let mut reader = xml.reader(limits);
            let expected = windlass_cim::Error::Element { offset: 0, expected: "the output of a method" };
            let element = reader.next_element().map_err(windlass_wsman::Error::from)?.ok_or(expected)?;
            let mut decoder = Decoder::new().with_schema(&known, Mismatch::Keep);
            Ok(decoder.parameters(&mut reader, &element, outputs.as_ref())?)
        }
        Reply::Invoke(None) => Ok(CimInstance::new("")),
        _ => Err(windlass_wsman::Error::OtherReply("a method").into()),
    });
    let output = called.await.map_err(|error| error.while_doing("calling a method"))?;
    let mut result = result_of(&output);
    if shared.is_typed() {
        classes::attach_values(shared, namespace, &mut result.outputs).await;
    }
    Ok(result)
}

/// Takes the return value from among the outputs.
fn result_of(output: &CimInstance) -> MethodResult {
    let mut result = MethodResult { return_value: CimValue::Null, outputs: Vec::new() };
    for property in &output.properties {
        if property.name.is("ReturnValue") {
            result.return_value = property.value.clone();
        } else {
            result.outputs.push(property.clone());
        }
    }
    result
}

/// The method as its class declares it, where the session wants types and the host tells them.
async fn declared_method(shared: &Shared, path: &ObjectPath, method: &CimName) -> Option<MethodDecl> {
    if !shared.is_typed() {
        return None;
    }
    let namespace = path.namespace.as_ref().unwrap_or(&shared.options.namespace);
    classes::known(shared, namespace, &path.class_name).await?.method(method).cloned()
}
