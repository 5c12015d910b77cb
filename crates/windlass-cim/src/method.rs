//! Methods and their parameters.

use crate::class::{CimClass, PropertyDecl};
use crate::list::{Named, NamedList};
use crate::name::CimName;
use crate::qualifier::Qualifier;
use crate::types::DataType;
use crate::value::CimValue;

/// A method as its class declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodDecl {
    /// Its name.
    pub name: CimName,
    /// The type of the return value; `None` for `void`.
    pub return_type: Option<DataType>,
    /// Its parameters, in order.
    pub parameters: NamedList<ParameterDecl>,
    /// What is said about it.
    pub qualifiers: NamedList<Qualifier>,
    /// The class that introduced it.
    pub origin: Option<CimName>,
    /// Whether it was inherited unchanged.
    pub is_propagated: bool,
}

impl MethodDecl {
    /// A method without parameters and qualifiers.
    pub fn new(name: impl Into<CimName>, return_type: impl Into<DataType>) -> Self {
        Self {
            name: name.into(),
            return_type: Some(return_type.into()),
            parameters: NamedList::new(),
            qualifiers: NamedList::new(),
            origin: None,
            is_propagated: false,
        }
    }

    /// The same method with one more parameter.
    #[must_use]
    pub fn with_parameter(mut self, parameter: ParameterDecl) -> Self {
        self.parameters.insert(parameter);
        self
    }

    /// The same method with one more qualifier.
    #[must_use]
    pub fn with_qualifier(mut self, qualifier: Qualifier) -> Self {
        self.qualifiers.insert(qualifier);
        self
    }

    /// The parameter of that name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&ParameterDecl> {
        self.parameters.get(name)
    }

    /// Whether it is called on the class rather than on an instance.
    #[must_use]
    pub fn is_static(&self) -> bool {
        self.qualifiers.has("Static")
    }

    /// The results as a class: `<name>_OUTPUT` with `ReturnValue` and the outputs as properties.
    #[must_use]
    pub fn output_class(&self) -> CimClass {
        let mut class = CimClass::new(format!("{}_OUTPUT", self.name));
        class.properties.extend(self.outputs().map(ParameterDecl::as_property));
        class.properties.extend(self.return_type.clone().map(|t| PropertyDecl::new("ReturnValue", t)));
        class
    }

    /// The inputs as a class: `<name>_INPUT` with the inputs as properties.
    #[must_use]
    pub fn input_class(&self) -> CimClass {
        let mut class = CimClass::new(format!("{}_INPUT", self.name));
        class.properties.extend(self.inputs().map(ParameterDecl::as_property));
        class
    }

    /// The parameters that a caller gives.
    pub fn inputs(&self) -> impl Iterator<Item = &ParameterDecl> {
        self.parameters.iter().filter(|p| p.is_in())
    }

    /// The parameters that the method gives back.
    pub fn outputs(&self) -> impl Iterator<Item = &ParameterDecl> {
        self.parameters.iter().filter(|p| p.is_out())
    }
}

impl Named for MethodDecl {
    fn name(&self) -> &CimName {
        &self.name
    }
}

/// A parameter of a method.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterDecl {
    /// Its name.
    pub name: CimName,
    /// The type of its values.
    pub data_type: DataType,
    /// The value that stands for one not given (a feature of WMI).
    pub default: CimValue,
    /// What is said about it.
    pub qualifiers: NamedList<Qualifier>,
}

impl ParameterDecl {
    /// A parameter without qualifiers: an input.
    pub fn new(name: impl Into<CimName>, data_type: impl Into<DataType>) -> Self {
        Self {
            name: name.into(),
            data_type: data_type.into(),
            default: CimValue::Null,
            qualifiers: NamedList::new(),
        }
    }

    /// An input.
    pub fn input(name: impl Into<CimName>, data_type: impl Into<DataType>) -> Self {
        Self::new(name, data_type).with_qualifier(Qualifier::flag("In"))
    }

    /// An output.
    pub fn output(name: impl Into<CimName>, data_type: impl Into<DataType>) -> Self {
        Self::new(name, data_type).with_qualifier(Qualifier::flag("Out"))
    }

    /// The same parameter with one more qualifier.
    #[must_use]
    pub fn with_qualifier(mut self, qualifier: Qualifier) -> Self {
        self.qualifiers.insert(qualifier);
        self
    }

    fn as_property(&self) -> PropertyDecl {
        PropertyDecl {
            default: self.default.clone(),
            qualifiers: self.qualifiers.clone(),
            ..PropertyDecl::new(self.name.clone(), self.data_type.clone())
        }
    }

    /// Whether callers give it: so it is unless it is an output alone.
    #[must_use]
    pub fn is_in(&self) -> bool {
        match self.qualifiers.get("In") {
            Some(qualifier) => qualifier.is_true(),
            None => !self.is_out(),
        }
    }

    /// Whether the method gives it back.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.qualifiers.has("Out")
    }
}

impl Named for ParameterDecl {
    fn name(&self) -> &CimName {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::CimType;

    #[test]
    fn directions_follow_the_qualifiers() {
        let both = ParameterDecl::input("b", CimType::UInt8).with_qualifier(Qualifier::flag("Out"));
        let method = MethodDecl::new("M", CimType::UInt32)
            .with_parameter(ParameterDecl::new("plain", CimType::String))
            .with_parameter(ParameterDecl::output("o", CimType::String))
            .with_parameter(both)
            .with_parameter(
                ParameterDecl::output("n", CimType::String).with_qualifier(Qualifier::new("In", false)),
            );
        let names = |list: Vec<&ParameterDecl>| list.iter().map(|p| p.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(method.inputs().collect()), ["plain", "b"]);
        assert_eq!(names(method.outputs().collect()), ["o", "b", "n"]);
        assert!(!method.is_static());
        let output = method.output_class();
        assert_eq!(output.name, "M_OUTPUT");
        let names: Vec<_> = output.properties.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["o", "b", "n", "ReturnValue"]);
        assert_eq!(method.input_class().properties.len(), 2);
    }
}
