//! Reading declarations.

use std::collections::HashMap;
use std::sync::Arc;

use super::lexer::{Lexer, Token};
use super::{MofFile, MofLimits};
use crate::class::{CimClass, PropertyDecl};
use crate::error::Error;
use crate::list::{Named, NamedList};
use crate::method::{MethodDecl, ParameterDecl};
use crate::name::CimName;
use crate::path::ObjectPath;
use crate::qualifier::{Flavor, Qualifier};
use crate::schema::Schema;
use crate::types::{CimType, DataType};
use crate::value::CimValue;

/// A text read with one token in advance.
pub(super) struct Parser<'a> {
    pub(super) lexer: Lexer<'a>,
    pub(super) token: Token<'a>,
    pub(super) position: usize,
    pub(super) limits: MofLimits,
    pub(super) schema: &'a dyn Schema,
    /// The flavors of qualifiers that the text declares.
    flavors: HashMap<CimName, Flavor>,
    /// What aliases refer to.
    pub(super) aliases: HashMap<CimName, ObjectPath>,
    pub(super) declared: HashMap<CimName, Arc<CimClass>>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, schema: &'a dyn Schema, limits: MofLimits) -> Result<Self, Error> {
        let mut lexer = Lexer::new(text);
        let (token, position) = lexer.next()?;
        let (flavors, aliases, declared) = (HashMap::new(), HashMap::new(), HashMap::new());
        Ok(Self { lexer, token, position, limits, schema, flavors, aliases, declared })
    }

    /// Reads the whole text.
    pub(super) fn file(mut self) -> Result<MofFile, Error> {
        let mut file = MofFile::default();
        loop {
            if self.token == Token::End {
                return Ok(file);
            }
            if self.accept_sign('#')? {
                self.pragma(&mut file)?;
                continue;
            }
            let qualifiers = self.qualifiers()?;
            if self.accept_word("class")? {
                let class = self.class(qualifiers)?;
                self.declared.insert(class.name.clone(), Arc::new(class.clone()));
                file.classes.push(class);
            } else if self.accept_word("instance")? {
                let mut instance = self.instance()?;
                instance.qualifiers = qualifiers;
                instance.namespace.clone_from(&file.namespace);
                self.expect_sign(';')?;
                file.instances.push(instance);
            } else if self.accept_word("qualifier")? {
                self.qualifier_declaration()?;
            } else {
                return Err(self.unexpected("class, instance, qualifier or #pragma"));
            }
        }
    }

    /// The token at hand; the next one takes its place.
    pub(super) fn advance(&mut self) -> Result<Token<'a>, Error> {
        let (token, position) = self.lexer.next()?;
        self.position = position;
        Ok(std::mem::replace(&mut self.token, token))
    }

    pub(super) fn accept_sign(&mut self, sign: char) -> Result<bool, Error> {
        let found = self.token == Token::Sign(sign);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn expect_sign(&mut self, sign: char) -> Result<(), Error> {
        if self.accept_sign(sign)? { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    pub(super) fn accept_word(&mut self, word: &str) -> Result<bool, Error> {
        let found = matches!(self.token, Token::Word(w) if w.eq_ignore_ascii_case(word));
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn name(&mut self, expected: &str) -> Result<CimName, Error> {
        match self.token {
            Token::Word(word) => {
                self.advance()?;
                Ok(word.into())
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    pub(super) fn unexpected(&self, expected: &str) -> Error {
        self.error_at(self.position, format!("expected {expected}"))
    }

    pub(super) fn error_at(&self, offset: usize, reason: impl Into<String>) -> Error {
        self.lexer.error(offset, reason)
    }

    pub(super) fn add<T: Named>(&self, list: &mut NamedList<T>, item: T, offset: usize) -> Result<(), Error> {
        if list.len() >= self.limits.elements {
            return Err(Error::Limit { what: "elements in a list of MOF", limit: self.limits.elements });
        }
        match list.insert(item) {
            None => Ok(()),
            Some(old) => Err(self.error_at(offset, format!("`{}` is declared before", old.name()))),
        }
    }

    /// `#pragma name("value")`: the namespace is taken, a file cannot be included.
    fn pragma(&mut self, file: &mut MofFile) -> Result<(), Error> {
        let position = self.position;
        if !self.accept_word("pragma")? {
            return Err(self.unexpected("pragma"));
        }
        let name = self.name("the name of a pragma")?;
        self.expect_sign('(')?;
        let value = self.text()?;
        self.expect_sign(')')?;
        if name.is("include") {
            return Err(self.error_at(position, "files are not included"));
        }
        if name.is("namespace") {
            let (_, namespace) = crate::path::parse_namespace_path(&value)
                .map_err(|e| self.error_at(position, e.to_string()))?;
            file.namespace = Some(namespace);
        }
        Ok(())
    }

    /// One or more strings in a row, joined.
    pub(super) fn text(&mut self) -> Result<String, Error> {
        let mut joined: Option<String> = None;
        while let Token::Text(_) = self.token {
            if let Token::Text(text) = self.advance()? {
                joined.get_or_insert_default().push_str(&text);
            }
        }
        joined.ok_or_else(|| self.unexpected("a string"))
    }

    /// `[a, b(1), c{"x"} : flavors]`, or nothing.
    pub(super) fn qualifiers(&mut self) -> Result<NamedList<Qualifier>, Error> {
        let mut list = NamedList::new();
        if !self.accept_sign('[')? {
            return Ok(list);
        }
        loop {
            let position = self.position;
            let qualifier = self.qualifier()?;
            self.add(&mut list, qualifier, position)?;
            if !self.accept_sign(',')? {
                self.expect_sign(']')?;
                return Ok(list);
            }
        }
    }

    fn qualifier(&mut self) -> Result<Qualifier, Error> {
        let name = self.name("the name of a qualifier")?;
        let value = if self.accept_sign('(')? {
            let value = self.qualifier_value()?;
            self.expect_sign(')')?;
            value
        } else if self.token == Token::Sign('{') {
            self.untyped_array()?
        } else {
            CimValue::Boolean(true)
        };
        let mut flavor = self.flavors.get(&name).copied().unwrap_or_else(|| Flavor::standard(&name));
        if self.accept_sign(':')? {
            while let Token::Word(word) = self.token {
                self.flavor(&mut flavor, word)?;
                self.advance()?;
            }
        }
        Ok(Qualifier { name, value, flavor, is_propagated: false })
    }

    fn flavor(&self, flavor: &mut Flavor, word: &str) -> Result<(), Error> {
        match word.to_ascii_lowercase().as_str() {
            "enableoverride" => flavor.overridable = true,
            "disableoverride" | "notoverridable" => flavor.overridable = false,
            "tosubclass" => flavor.to_subclass = true,
            "restricted" => flavor.to_subclass = false,
            "toinstance" => flavor.to_instance = true,
            "translatable" | "amended" => flavor.translatable = true,
            _ => return Err(self.unexpected("a flavor")),
        }
        Ok(())
    }

    /// `qualifier Name : type = default, scope(…), flavor(…);`
    fn qualifier_declaration(&mut self) -> Result<(), Error> {
        let name = self.name("the name of a qualifier")?;
        self.expect_sign(':')?;
        let mut flavor = Flavor::default();
        let cim_type = self.name("a type")?;
        cim_type.parse::<CimType>().map_err(|e| self.error_at(self.position, e.to_string()))?;
        self.array_size()?;
        if self.accept_sign('=')? {
            match self.token {
                Token::Sign('{') => self.untyped_array()?,
                _ => self.qualifier_value()?,
            };
        }
        while self.accept_sign(',')? {
            let is_flavor = self.accept_word("flavor")?;
            if !is_flavor && !self.accept_word("scope")? {
                return Err(self.unexpected("scope or flavor"));
            }
            self.expect_sign('(')?;
            loop {
                let position = self.position;
                let word = self.name("a word")?;
                if is_flavor {
                    self.flavor(&mut flavor, &word)
                        .map_err(|_| self.error_at(position, "expected a flavor"))?;
                }
                if !self.accept_sign(',')? {
                    break;
                }
            }
            self.expect_sign(')')?;
        }
        self.expect_sign(';')?;
        self.flavors.insert(name, flavor);
        Ok(())
    }

    fn class(&mut self, qualifiers: NamedList<Qualifier>) -> Result<CimClass, Error> {
        let mut class = CimClass::new(self.name("the name of a class")?);
        class.qualifiers = qualifiers;
        if self.accept_word("as")? {
            self.alias()?;
        }
        if self.accept_sign(':')? {
            // Some tools print all superclasses, the nearest first.
            class.derivation.push(self.name("the name of a superclass")?);
            while let Token::Word(_) = self.token {
                if class.derivation.len() >= self.limits.elements {
                    return Err(Error::Limit { what: "superclasses", limit: self.limits.elements });
                }
                class.derivation.push(self.name("the name of a superclass")?);
            }
        }
        self.expect_sign('{')?;
        while !self.accept_sign('}')? {
            self.feature(&mut class)?;
        }
        self.expect_sign(';')?;
        Ok(class)
    }

    fn alias(&mut self) -> Result<CimName, Error> {
        match self.token {
            Token::Alias(name) => {
                self.advance()?;
                Ok(name.into())
            }
            _ => Err(self.unexpected("an alias")),
        }
    }

    /// `as $alias`, or nothing.
    pub(super) fn optional_alias(&mut self) -> Result<Option<CimName>, Error> {
        if self.accept_word("as")? { self.alias().map(Some) } else { Ok(None) }
    }

    /// A property, reference or method.
    fn feature(&mut self, class: &mut CimClass) -> Result<(), Error> {
        let qualifiers = self.qualifiers()?;
        let is_void = self.accept_word("void")?;
        let data_type = if is_void { DataType::scalar(CimType::UInt32) } else { self.data_type()? };
        let position = self.position;
        let name = self.name("the name of a property or method")?;
        if self.accept_sign('(')? {
            let data_type = self.embedded(data_type, &qualifiers)?;
            let return_type = (!is_void).then_some(data_type);
            let parameters = self.parameters()?;
            self.expect_sign(';')?;
            let plain = MethodDecl::new(name, CimType::UInt32);
            let method = MethodDecl { return_type, parameters, qualifiers, ..plain };
            return self.add(&mut class.methods, method, position);
        }
        if is_void {
            return Err(self.unexpected("`(` after the name of a method"));
        }
        let (data_type, default) = self.rest_of_declaration(data_type, &qualifiers)?;
        self.expect_sign(';')?;
        let property = PropertyDecl { default, qualifiers, ..PropertyDecl::new(name, data_type) };
        self.add(&mut class.properties, property, position)
    }

    fn parameters(&mut self) -> Result<NamedList<ParameterDecl>, Error> {
        let mut list = NamedList::new();
        if self.accept_sign(')')? {
            return Ok(list);
        }
        loop {
            let qualifiers = self.qualifiers()?;
            let data_type = self.data_type()?;
            let position = self.position;
            let name = self.name("the name of a parameter")?;
            let (data_type, default) = self.rest_of_declaration(data_type, &qualifiers)?;
            let parameter = ParameterDecl { default, qualifiers, ..ParameterDecl::new(name, data_type) };
            self.add(&mut list, parameter, position)?;
            if !self.accept_sign(',')? {
                self.expect_sign(')')?;
                return Ok(list);
            }
        }
    }

    /// An intrinsic type, `Class ref`, or a class whose instances are embedded.
    fn data_type(&mut self) -> Result<DataType, Error> {
        let word = self.name("a type")?;
        if self.accept_word("ref")? {
            let class = (!word.is("object")).then_some(word);
            return Ok(DataType { class, ..DataType::scalar(CimType::Reference) });
        }
        Ok(match word.parse::<CimType>() {
            Ok(cim_type) if cim_type != CimType::Reference && cim_type != CimType::Instance => {
                DataType::scalar(cim_type)
            }
            _ => DataType::instance(word),
        })
    }

    fn embedded(&self, data_type: DataType, qualifiers: &NamedList<Qualifier>) -> Result<DataType, Error> {
        let reason = "a type that agrees with EmbeddedInstance or EmbeddedObject";
        embedded(data_type, qualifiers).ok_or_else(|| self.unexpected(reason))
    }

    /// `[size]` and `= value` after a name.
    fn rest_of_declaration(
        &mut self,
        mut data_type: DataType,
        qualifiers: &NamedList<Qualifier>,
    ) -> Result<(DataType, CimValue), Error> {
        if let Some(size) = self.array_size()? {
            data_type.is_array = true;
            data_type.array_size = size;
        }
        let data_type = self.embedded(data_type, qualifiers)?;
        let default = if self.accept_sign('=')? { self.value_of(&data_type, 0)? } else { CimValue::Null };
        Ok((data_type, default))
    }

    /// `[]` or `[n]`, or nothing.
    fn array_size(&mut self) -> Result<Option<Option<u32>>, Error> {
        if !self.accept_sign('[')? {
            return Ok(None);
        }
        let size = match self.token {
            Token::Number(text) => {
                let size = text.parse().map_err(|_| self.unexpected("the size of an array"))?;
                self.advance()?;
                Some(size)
            }
            _ => None,
        };
        self.expect_sign(']')?;
        Ok(Some(size))
    }
}

/// Applies the qualifiers that make a string an embedded instance or object; `None` when they
/// contradict the type or name no class.
fn embedded(mut data_type: DataType, qualifiers: &NamedList<Qualifier>) -> Option<DataType> {
    let instance = qualifiers.get("EmbeddedInstance");
    let object = qualifiers.get("EmbeddedObject");
    match (data_type.element, instance, object) {
        (CimType::String, Some(qualifier), _) => {
            let class = qualifier.value.as_str().filter(|name| CimName::is_identifier(name))?;
            data_type.class = Some(class.into());
            data_type.element = CimType::Instance;
        }
        (CimType::Instance, Some(qualifier), _) => {
            let class = qualifier.value.as_str().map(CimName::from);
            return Some(data_type).filter(|data_type| data_type.class == class);
        }
        (CimType::String, None, Some(qualifier)) if qualifier.is_true() => {
            data_type.element = CimType::Object;
        }
        (CimType::Object, _, Some(qualifier)) if !qualifier.is_true() => return None,
        (CimType::Object, Some(_), _) => return None,
        _ => {}
    }
    Some(data_type)
}
