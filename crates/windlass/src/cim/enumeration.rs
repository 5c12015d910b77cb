//! Which instances an enumeration asks for (DSP0226 8.2, DSP0227 8 and 9).

use std::sync::Arc;

use windlass_cim::wql::{self, Query};
use windlass_cim::{CimClass, CimInstance, CimName, Namespace, ObjectPath, ResourceUri};
use windlass_soap::SelectorSet;
use windlass_wsman::{
    AssociationFilter, AssociationKind, Enumerate, EnumerationMode, Filter, PolymorphismMode, dialect,
};

use super::session::Shared;
use crate::dcom::Wanted;
use crate::error::{Error, Result};

/// Which instances are wanted, and what of them.
#[derive(Debug, Clone)]
pub struct Enumeration {
    source: Source,
    namespace: String,
    polymorphism: Option<PolymorphismMode>,
    mode: EnumerationMode,
}

#[derive(Debug, Clone)]
enum Source {
    Class { name: String, filter: Option<String>, properties: Vec<String> },
    Query { text: String, dialect: Option<String> },
    Associations(Box<ObjectPath>, Box<AssociationFilter>),
    Resource { uri: String },
}

impl Enumeration {
    /// The instances of a class and of its subclasses.
    pub fn class(name: &str) -> Self {
        Self::new(Source::Class { name: name.to_owned(), filter: None, properties: Vec::new() })
    }

    /// What a WQL query selects.
    pub fn query(wql: &str) -> Self {
        Self::new(Source::Query { text: wql.to_owned(), dialect: None })
    }

    /// What a query in another language selects; the language is named by its URI, or `WQL`.
    pub fn query_in(dialect: &str, text: &str) -> Self {
        let is_wql = dialect.eq_ignore_ascii_case("WQL") || dialect == dialect::WQL;
        let dialect = (!is_wql).then(|| dialect.to_owned());
        Self::new(Source::Query { text: text.to_owned(), dialect })
    }

    /// The instances of a resource, whatever its URI (`-ResourceUri`). A namespace goes into a selector.
    pub fn resource(uri: &str) -> Self {
        Self::new(Source::Resource { uri: windlass_cim::expand_alias(uri) })
    }

    /// What is associated with the object at a path.
    pub fn associators(path: &ObjectPath) -> Self {
        Self::associations(path, AssociationKind::Associated)
    }

    /// The associations of the object at a path.
    pub fn references(path: &ObjectPath) -> Self {
        Self::associations(path, AssociationKind::References)
    }

    fn associations(path: &ObjectPath, kind: AssociationKind) -> Self {
        let filter = Box::new(AssociationFilter { kind, ..AssociationFilter::default() });
        Self::new(Source::Associations(Box::new(path.clone()), filter))
    }

    /// Only associations of this class.
    #[must_use]
    pub fn association_class(mut self, class: &str) -> Self {
        self.narrow(|filter| filter.association_class = Some(class.to_owned()));
        self
    }

    /// Only results of this class.
    #[must_use]
    pub fn result_class(mut self, class: &str) -> Self {
        self.narrow(|filter| filter.result_class = Some(class.to_owned()));
        self
    }

    /// Only where the object has this role in the association.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.narrow(|filter| filter.role = Some(role.to_owned()));
        self
    }

    /// Only where the result has this role in the association.
    #[must_use]
    pub fn result_role(mut self, role: &str) -> Self {
        self.narrow(|filter| filter.result_role = Some(role.to_owned()));
        self
    }

    fn narrow(&mut self, narrow: impl FnOnce(&mut AssociationFilter)) {
        if let Source::Associations(_, filter) = &mut self.source {
            narrow(filter);
        }
    }

    fn new(source: Source) -> Self {
        Self { source, namespace: String::new(), polymorphism: None, mode: EnumerationMode::Object }
    }

    /// In this namespace; an empty one is that of the session.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.to_owned();
        self
    }

    /// Of a class, only the instances for which this condition of WQL holds (`-Filter`).
    #[must_use]
    pub fn filter(mut self, condition: &str) -> Self {
        if let Source::Class { filter, .. } = &mut self.source {
            *filter = Some(condition.to_owned());
        }
        self
    }

    /// Only these properties (`-Property`), of a class or of what is associated with an object.
    #[must_use]
    pub fn properties<'p>(mut self, names: impl IntoIterator<Item = &'p str>) -> Self {
        let names = names.into_iter().map(str::to_owned);
        match &mut self.source {
            Source::Class { properties, .. } => properties.extend(names),
            Source::Associations(_, filter) => filter.properties.extend(names),
            Source::Query { .. } | Source::Resource { .. } => {}
        }
        self
    }

    /// Only the keys of each instance (`-KeyOnly`).
    #[must_use]
    pub fn key_only(mut self) -> Self {
        self.mode = EnumerationMode::Reference;
        self
    }

    /// Without the instances of subclasses (`-Shallow`).
    #[must_use]
    pub fn shallow(mut self) -> Self {
        self.polymorphism = Some(PolymorphismMode::None);
        self
    }

    /// What is returned of the instances of subclasses.
    #[must_use]
    pub fn polymorphism(mut self, mode: PolymorphismMode) -> Self {
        self.polymorphism = Some(mode);
        self
    }

    /// With the path of each instance, as the host states it.
    #[must_use]
    pub fn with_paths(mut self) -> Self {
        self.mode = EnumerationMode::ObjectAndReference;
        self
    }

    /// What has to be sent.
    ///
    /// # Errors
    /// Names that are none, keys that cannot be written.
    pub(super) fn plan(self, shared: &Shared) -> Result<Plan> {
        let namespace = shared.namespace(&self.namespace);
        let naming = shared.naming();
        let mut class = CimName::from("");
        let mut filter = None;
        let resource = match self.source {
            Source::Class { name, filter: condition, properties } => {
                class = identifier(&name, "class")?;
                if condition.is_none() && properties.is_empty() {
                    naming.class(&namespace, &class)
                } else {
                    filter = Some(Filter::Wql(query_of(&class, condition.as_deref(), &properties)?));
                    naming.queries(&namespace)
                }
            }
            Source::Query { text, dialect: Some(dialect) } => {
                let content = windlass_xml::escape_text(&text).into_owned();
                filter = Some(Filter::Other { dialect: Some(dialect), content });
                naming.queries(&namespace)
            }
            Source::Query { text, dialect: None } => {
                // The host may know more of WQL than this client; its fault says it better.
                if let Ok(Query::Select(select)) = wql::parse(&text) {
                    class = select.from;
                }
                filter = Some(Filter::Wql(text));
                naming.queries(&namespace)
            }
            Source::Associations(mut path, mut associations) => {
                path.namespace.get_or_insert_with(|| namespace.clone());
                associations.object = naming.object(&path)?.reference();
                filter = Some(Filter::Association(associations));
                naming.all_classes(&namespace)
            }
            Source::Resource { uri } => {
                let parsed = uri.parse::<ResourceUri>().ok();
                let stated = parsed.and_then(|parsed| parsed.namespace);
                let mut selectors = SelectorSet::new();
                if stated.is_none() && !self.namespace.is_empty() {
                    selectors.push(windlass_cim::wscim::NAMESPACE_SELECTOR, namespace.as_str());
                }
                let request = request(shared, None, self.mode, self.polymorphism);
                let namespace = stated.unwrap_or(namespace);
                return Ok(Plan { uri, selectors, request, namespace, class });
            }
        };
        Ok(Plan {
            uri: resource.uri.to_string(),
            selectors: resource.selectors,
            request: request(shared, filter, self.mode, self.polymorphism),
            namespace,
            class,
        })
    }
}

/// An enumeration over DCOM as it is sent.
pub(super) struct DcomPlan {
    pub(super) namespace: Namespace,
    pub(super) wanted: Wanted,
    mode: EnumerationMode,
    /// The class whose properties alone the caller wants.
    pub(super) base: Option<CimName>,
    /// The properties that the caller wants of associated objects; all where none is named.
    properties: Vec<String>,
}

impl DcomPlan {
    /// What the caller gets of an instance; `base` is the class of that name.
    pub(super) fn finish(&self, mut instance: CimInstance, base: Option<&Arc<CimClass>>) -> CimInstance {
        if let Some(base) = base {
            instance.class_name = base.name.clone();
            instance.properties.retain(|property| base.property(&property.name).is_some());
            instance.class = Some(Arc::clone(base));
        }
        if !self.properties.is_empty() {
            let is_wanted = |name: &CimName| self.properties.iter().any(|wanted| name.is(wanted));
            instance.properties.retain(|property| is_wanted(&property.name));
        }
        if self.mode != EnumerationMode::Object {
            instance.stated_path = instance.path().map(Box::new);
        }
        if self.mode == EnumerationMode::Reference {
            instance.properties.retain(|property| property.is_key);
        }
        instance
    }
}

impl Enumeration {
    /// The same for DCOM, which has no resources.
    ///
    /// # Errors
    /// Names that are none, what DCOM does not have.
    pub(super) fn plan_dcom(self, shared: &Shared) -> Result<DcomPlan> {
        let namespace = shared.namespace(&self.namespace);
        let is_shallow = self.polymorphism == Some(PolymorphismMode::None);
        let mut base = None;
        let mut wanted_properties = Vec::new();
        let wql = |text: String| Wanted::Query { language: "WQL".to_owned(), text };
        let wanted = match self.source {
            Source::Class { name, filter, properties } => {
                let class = identifier(&name, "class")?;
                if self.polymorphism == Some(PolymorphismMode::ExcludeSubClassProperties) {
                    base = Some(class.clone());
                }
                match filter.is_none() && properties.is_empty() {
                    true => Wanted::Instances { class: name, shallow: is_shallow },
                    false => wql(query_of(&class, filter.as_deref(), &properties)?),
                }
            }
            Source::Query { text, dialect: None } => match wql::parse(&text) {
                Ok(query) if query.is_schema() => {
                    return Err(Error::usage("the query asks for classes, not for instances"));
                }
                // What is wrong with others the host says.
                _ => wql(text),
            },
            Source::Query { text, dialect: Some(language) } => Wanted::Query { language, text },
            Source::Associations(path, filter) => {
                let mut of = *path;
                of.server = None;
                of.namespace = None;
                wanted_properties.clone_from(&filter.properties);
                let name = |text: &Option<String>| text.as_deref().map(CimName::from);
                let query = match filter.kind {
                    AssociationKind::Associated => Query::Associators(wql::Associators {
                        association_class: name(&filter.association_class),
                        result_class: name(&filter.result_class),
                        role: name(&filter.role),
                        result_role: name(&filter.result_role),
                        ..wql::Associators::of(of)
                    }),
                    AssociationKind::References => Query::References(wql::References {
                        result_class: name(&filter.result_class),
                        role: name(&filter.role),
                        ..wql::References::of(of)
                    }),
                };
                wql(query.to_string())
            }
            Source::Resource { .. } => {
                return Err(Error::usage(
                    "resources by their URI are a matter of WS-Management, not of DCOM",
                ));
            }
        };
        Ok(DcomPlan { namespace, wanted, mode: self.mode, base, properties: wanted_properties })
    }
}

/// An enumeration as it is sent.
pub(super) struct Plan {
    pub(super) uri: String,
    pub(super) selectors: SelectorSet,
    pub(super) request: Enumerate,
    /// Where the instances come from.
    pub(super) namespace: Namespace,
    /// The class of projections, which do not name theirs.
    pub(super) class: CimName,
}

fn request(
    shared: &Shared,
    filter: Option<Filter>,
    mode: EnumerationMode,
    polymorphism: Option<PolymorphismMode>,
) -> Enumerate {
    let max_elements = Some(shared.first_elements());
    Enumerate { optimize: true, max_elements, filter, mode, polymorphism, expires: None }
}

/// The query for some instances or properties of a class.
fn query_of(class: &CimName, condition: Option<&str>, properties: &[String]) -> Result<String> {
    let mut columns = String::new();
    for name in properties {
        if !columns.is_empty() {
            columns.push_str(", ");
        }
        columns.push_str(&identifier(name, "property")?);
    }
    if columns.is_empty() {
        columns.push('*');
    }
    Ok(match condition {
        Some(condition) => format!("SELECT {columns} FROM {class} WHERE {condition}"),
        None => format!("SELECT {columns} FROM {class}"),
    })
}

fn identifier(name: &str, what: &str) -> Result<CimName> {
    if CimName::is_identifier(name) {
        Ok(CimName::from(name))
    } else {
        Err(Error::usage(format!("{name:?} is not the name of a {what}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_with_conditions_becomes_a_query() {
        let class = CimName::from("Win32_Process");
        let names = ["Name".to_owned(), "Handle".to_owned()];
        assert_eq!(
            query_of(&class, Some("ProcessId = 4"), &names).unwrap(),
            "SELECT Name, Handle FROM Win32_Process WHERE ProcessId = 4"
        );
        assert_eq!(query_of(&class, None, &[]).unwrap(), "SELECT * FROM Win32_Process");
        assert!(query_of(&class, None, &["a b".to_owned()]).is_err());
    }
}
