//! Options of operations, and the requests that carry them.

use std::time::Duration;

use windlass_cim::ResourceUri;
use windlass_soap::{OptionSet, SelectorSet};
use windlass_wsman::{Operation, Request};

use super::resource::{Naming, Resource};
use super::session::Shared;
use crate::client::Client;
use crate::dcom::CallOptions;
use crate::error::{Error, Result};

/// Instances that are asked for before their size is known.
const FIRST_ELEMENTS: u32 = 1000;

/// What some operations of a session do otherwise than the others, see
/// [`CimSession::with_options`](crate::CimSession::with_options).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OperationOptions {
    /// How long the host may work at one request (`-OperationTimeoutSec`).
    pub timeout: Option<Duration>,
    /// The language by which data is formatted.
    pub culture: Option<String>,
    /// The language of texts.
    pub ui_culture: Option<String>,
    /// How many instances one answer may hold.
    pub max_elements: Option<u32>,
    /// Whether instances get the types of their classes.
    pub typed: Option<bool>,
    resource_uri: Option<ResourceUri>,
    custom: OptionSet,
}

impl OperationOptions {
    /// How long the host may work at one request.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// One more option for the provider, which it may ignore unless it must comply.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str, must_comply: bool) -> Self {
        self.custom.push(name, value, must_comply);
        self
    }

    /// The resource URI in place of the one that class and namespace give (`-ResourceUri`). Operations
    /// that name no namespace send none then.
    ///
    /// # Errors
    /// It is no URI of CIM classes: for others there is
    /// [`CimSession::resource`](crate::CimSession::resource).
    pub fn resource_uri(mut self, uri: &str) -> Result<Self> {
        let whole = windlass_cim::expand_alias(uri);
        let parsed = whole.parse().map_err(|error| Error::usage(format!("the resource URI {uri}: {error}")));
        self.resource_uri = Some(parsed?);
        Ok(self)
    }
}

impl OperationOptions {
    /// The same for calls over DCOM.
    pub(super) fn dcom_calls(&self) -> CallOptions {
        let Self { timeout, culture, ui_culture, .. } = self;
        CallOptions { timeout: *timeout, culture: culture.clone(), ui_culture: ui_culture.clone() }
    }
}

impl Shared {
    /// How objects are named in requests.
    pub(super) fn naming(&self) -> Naming<'_> {
        Naming {
            style: self.options.uri_style,
            default: &self.options.namespace,
            uri: self.operation.resource_uri.as_ref(),
        }
    }

    /// Whether instances get the types of their classes.
    pub(super) fn is_typed(&self) -> bool {
        self.operation.typed.unwrap_or(self.options.typed)
    }

    /// How many instances the first answer may hold: how large they are is not known then.
    pub(super) fn first_elements(&self) -> u32 {
        self.max_elements().min(FIRST_ELEMENTS)
    }

    /// How many instances one answer may hold.
    pub(super) fn max_elements(&self) -> u32 {
        self.operation.max_elements.unwrap_or(self.options.max_elements).max(1)
    }

    /// How long the host may work at one request.
    pub(super) fn operation_timeout(&self) -> Duration {
        self.operation.timeout.unwrap_or_else(|| self.client.session().operation_timeout)
    }

    /// A request about a CIM resource, with the options of the operation.
    pub(super) fn request<'o>(&self, resource: &Resource, operation: Operation<'o>) -> Request<'o> {
        self.request_at(&resource.uri.to_string(), resource.selectors.clone(), operation)
    }

    /// A request about any resource, with the options of the operation.
    pub(super) fn request_at<'o>(
        &self,
        uri: &str,
        selectors: SelectorSet,
        operation: Operation<'o>,
    ) -> Request<'o> {
        let mut request = self.bare(uri, selectors, operation);
        request.header.options = self.operation.custom.clone();
        request
    }

    /// A request without options for a provider.
    pub(super) fn bare<'o>(
        &self,
        uri: &str,
        selectors: SelectorSet,
        operation: Operation<'o>,
    ) -> Request<'o> {
        let mut request = self.client.session().request(uri, selectors, Client::new_id(), operation);
        self.apply(&mut request);
        request
    }

    /// Gives a request the time-out and the languages of the operation.
    pub(super) fn apply(&self, request: &mut Request<'_>) {
        let OperationOptions { timeout, culture, ui_culture, .. } = &self.operation;
        let header = &mut request.header;
        header.operation_timeout = timeout.or(header.operation_timeout);
        if culture.is_some() {
            header.data_locale.clone_from(culture);
        }
        if ui_culture.is_some() {
            header.locale.clone_from(ui_culture);
        }
    }
}
