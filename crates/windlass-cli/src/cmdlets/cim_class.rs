//! `Get-CimClass`.

use std::sync::Arc;

use windlass_cim::{CimClass, Qualifier};
use windlass_clixml::{PsObject, PsValue};
use windlass_mock::powershell::{Bound, Cmdlet, Context, Outcome};

use super::cim_reach::in_each;
use super::{cmdlet, each};
use crate::output::cim_to_value;
use crate::runspace::{Local, matcher};

pub(super) fn all(local: &Arc<Local>) -> Vec<Arc<dyn Cmdlet>> {
    vec![cmdlet(local, "Get-CimClass", "Tells the classes of CIM instances.", |l, c, x| each(l, c, x, get))]
}

fn get(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    in_each(local, call, cx, "CimClassNotFound", |reached, call| async move {
        let session = reached.session();
        let namespace = call.text("Namespace").unwrap_or_default();
        let pattern = call.text("ClassName").unwrap_or_else(|| "*".to_owned());
        let mut classes = if windlass_command::wildcard::has_wildcards(&pattern) {
            session.classes(&namespace).await?
        } else {
            vec![session.get_class(&namespace, &pattern).await?]
        };
        let fits = matcher(&pattern);
        classes.retain(|class| fits(class.name.as_str()) && has_all(&call, class));
        classes.sort_by_key(|class| class.name.as_str().to_lowercase());
        Ok(classes.iter().map(|class| class_value(class, &namespace)).collect())
    })
}

/// Whether a class has the members that are asked for.
fn has_all(call: &Bound, class: &CimClass) -> bool {
    let has = |parameter: &str, names: Vec<&str>| match call.text(parameter) {
        Some(pattern) => names.into_iter().any(matcher(&pattern)),
        None => true,
    };
    has("PropertyName", class.properties.iter().map(|property| property.name.as_str()).collect())
        && has("MethodName", class.methods.iter().map(|method| method.name.as_str()).collect())
        && has("QualifierName", class.qualifiers.iter().map(|qualifier| qualifier.name.as_str()).collect())
}

fn class_value(class: &CimClass, namespace: &str) -> PsValue {
    let namespace = if namespace.is_empty() { "ROOT/cimv2" } else { namespace };
    let listed = |names: Vec<PsValue>| PsValue::list(names);
    let property = |property: &windlass_cim::PropertyDecl| -> PsValue {
        PsObject::new("Microsoft.Management.Infrastructure.CimPropertyDeclaration")
            .with_to_string(property.name.as_str())
            .with_adapted("Name", property.name.as_str())
            .with_adapted("CimType", property.data_type.to_string())
            .with_adapted("Value", cim_to_value(&property.default))
            .with_adapted("Qualifiers", qualifiers(property.qualifiers.iter()))
            .into()
    };
    let method = |method: &windlass_cim::MethodDecl| -> PsValue {
        let parameters = method.parameters.iter().map(|parameter| parameter.name.as_str().into()).collect();
        PsObject::new("Microsoft.Management.Infrastructure.CimMethodDeclaration")
            .with_to_string(method.name.as_str())
            .with_adapted("Name", method.name.as_str())
            .with_adapted(
                "ReturnType",
                method.return_type.as_ref().map_or_else(String::new, ToString::to_string),
            )
            .with_adapted("Parameters", listed(parameters))
            .with_adapted("Qualifiers", qualifiers(method.qualifiers.iter()))
            .into()
    };
    let shown = format!("{namespace}:{}", class.name.as_str());
    let type_name = format!("Microsoft.Management.Infrastructure.CimClass#{shown}");
    PsObject::typed([type_name.as_str(), "Microsoft.Management.Infrastructure.CimClass", "System.Object"])
        .with_to_string(shown.as_str())
        .with_adapted("CimClassName", class.name.as_str())
        .with_adapted(
            "CimSuperClassName",
            class.superclass().map_or(PsValue::Null, |name| name.as_str().into()),
        )
        .with_adapted("CimClassMethods", listed(class.methods.iter().map(method).collect()))
        .with_adapted("CimClassProperties", listed(class.properties.iter().map(property).collect()))
        .with_adapted("CimClassQualifiers", qualifiers(class.qualifiers.iter()))
        .with_adapted(
            "CimSystemProperties",
            PsObject::custom().with("Namespace", namespace).with("ClassName", class.name.as_str()),
        )
        .into()
}

fn qualifiers<'q>(qualifiers: impl Iterator<Item = &'q Qualifier>) -> PsValue {
    PsValue::list(qualifiers.map(|qualifier| -> PsValue {
        PsObject::new("Microsoft.Management.Infrastructure.CimQualifier")
            .with_to_string(qualifier.name.as_str())
            .with_adapted("Name", qualifier.name.as_str())
            .with_adapted("Value", cim_to_value(&qualifier.value))
            .into()
    }))
}
