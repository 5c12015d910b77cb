//! What a source of CIM objects implements.

use std::sync::Arc;

use windlass_cim::wql::Condition;
use windlass_cim::{CimClass, CimInstance, CimStatus, MethodDecl, Namespace, ObjectPath};

use super::events::Events;
use crate::facts::Facts;

/// Instances, made as they are asked for.
pub type Instances = Box<dyn Iterator<Item = Result<CimInstance, CimFailure>> + Send>;

/// A source of the instances of some classes of one namespace.
///
/// Only the classes and [`CimProvider::enumerate`] are needed; everything else has a default. Methods may
/// block: they are called on threads of their own.
pub trait CimProvider: Send + Sync {
    /// The namespace, such as `root/cimv2`.
    fn namespace(&self) -> Namespace;

    /// The classes, each after its superclass.
    ///
    /// # Errors
    /// When the declarations cannot be read; the host does not start then.
    fn classes(&self) -> Result<Vec<CimClass>, windlass_cim::Error>;

    /// The instances of exactly this class, not of those that derive from it. The condition may be used to
    /// leave out instances early; the host evaluates it again.
    ///
    /// # Errors
    /// Whatever keeps the provider from telling.
    fn enumerate(
        &self,
        request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        condition: Option<&Condition>,
    ) -> Result<Instances, CimFailure>;

    /// The instance of this path, whose keys have the types of the class. By default it is looked for among
    /// those that [`CimProvider::enumerate`] gives with its keys as the condition.
    ///
    /// # Errors
    /// [`CimStatus::NOT_FOUND`] where there is none.
    fn get(
        &self,
        request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        path: &ObjectPath,
    ) -> Result<CimInstance, CimFailure> {
        for instance in self.enumerate(request, class, Some(&super::keys_condition(path)))? {
            let instance = instance?;
            if super::has_keys(&instance, path) {
                return Ok(instance);
            }
        }
        Err(CimFailure::new(CimStatus::NOT_FOUND))
    }

    /// Calls a method of the class, or of the instance that the path names. Returns the output parameters,
    /// the return value among them as `ReturnValue`.
    ///
    /// # Errors
    /// Whatever keeps the method from being called; what it itself reports is its return value.
    fn invoke(
        &self,
        _request: &CimRequest<'_>,
        _class: &Arc<CimClass>,
        _path: &ObjectPath,
        _method: &MethodDecl,
        _input: &CimInstance,
    ) -> Result<CimInstance, CimFailure> {
        Err(CimFailure::new(CimStatus::METHOD_NOT_AVAILABLE))
    }

    /// Changes the properties of an instance that are given, and returns it as it is then.
    ///
    /// # Errors
    /// [`CimStatus::NOT_FOUND`] where there is none.
    fn put(
        &self,
        _request: &CimRequest<'_>,
        _class: &Arc<CimClass>,
        _path: &ObjectPath,
        _changes: CimInstance,
    ) -> Result<CimInstance, CimFailure> {
        Err(CimFailure::new(CimStatus::NOT_SUPPORTED))
    }

    /// Creates an instance and returns it as it is then, with all keys.
    ///
    /// # Errors
    /// [`CimStatus::ALREADY_EXISTS`] where there is one with these keys.
    fn create(
        &self,
        _request: &CimRequest<'_>,
        _class: &Arc<CimClass>,
        _instance: CimInstance,
    ) -> Result<CimInstance, CimFailure> {
        Err(CimFailure::new(CimStatus::NOT_SUPPORTED))
    }

    /// Deletes an instance.
    ///
    /// # Errors
    /// [`CimStatus::NOT_FOUND`] where there is none.
    fn delete(
        &self,
        _request: &CimRequest<'_>,
        _class: &Arc<CimClass>,
        _path: &ObjectPath,
    ) -> Result<(), CimFailure> {
        Err(CimFailure::new(CimStatus::NOT_SUPPORTED))
    }
}

/// Who asks, and what the host allows.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct CimRequest<'a> {
    /// The user.
    pub user: &'a str,
    /// The computer's name.
    pub computer: &'a str,
    /// The facts of the computer.
    pub facts: &'a Facts,
    /// Whether clients may start and end programs.
    pub allow_exec: bool,
    /// Where events are raised.
    pub events: &'a Events,
}

/// Why a CIM operation was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CimFailure {
    /// The status.
    pub status: CimStatus,
    /// What went wrong, as a sentence.
    pub message: String,
}

impl CimFailure {
    /// A failure with the usual words for its status.
    pub fn new(status: CimStatus) -> Self {
        Self { status, message: status.message().unwrap_or("The operation failed.").to_owned() }
    }

    /// A failure of the provider itself.
    pub fn failed(error: &dyn std::fmt::Display) -> Self {
        Self::new(CimStatus::FAILED).because(format!("The provider failed: {error}."))
    }

    /// The same with other words.
    #[must_use]
    pub fn because(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }
}
