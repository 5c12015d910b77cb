//! Resources of WS-Management as they are: `Get-WSManInstance` and its companions.

use std::sync::Arc;

use windlass_cim::expand_alias;
use windlass_soap::{EndpointReference, FragmentTransfer, OptionSet, SelectorSet};
use windlass_wsman::{
    Create, CreateResponse, Enumerate, EnumerationMode, Filter, Operation, PolymorphismMode, Reply, Request,
    Xml,
};

use super::session::Shared;
use crate::client::Sending;
use crate::error::{Error, Result};

/// A resource of any URI, with what it takes to reach one of its kind. Content is XML as it stands.
#[derive(Clone)]
pub struct WsmanResource {
    shared: Arc<Shared>,
    uri: String,
    selectors: SelectorSet,
    options: OptionSet,
    fragment: Option<FragmentTransfer>,
}

/// What an enumeration of a resource is to give (`Get-WSManInstance -Enumerate`).
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Listing {
    /// Which instances are wanted; all where absent.
    pub filter: Option<Filter>,
    /// Whether the instances, the references to them, or both are wanted (`-ReturnType`).
    pub mode: EnumerationMode,
    /// What is wanted of subclasses (`-BasePropertiesOnly`, `-Shallow`).
    pub polymorphism: Option<PolymorphismMode>,
}

/// One instance of a resource.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ResourceItem {
    /// The instance as XML, where that was asked for.
    pub content: Option<String>,
    /// The reference to it, where that was asked for.
    pub reference: Option<EndpointReference>,
}

impl WsmanResource {
    /// A URI, or a short form such as `winrm/config` or `wmicimv2/Win32_Service`.
    pub(super) fn new(shared: Arc<Shared>, uri: &str) -> Self {
        Self {
            shared,
            uri: expand_alias(uri),
            selectors: SelectorSet::new(),
            options: OptionSet::new(),
            fragment: None,
        }
    }

    /// With one more selector.
    #[must_use]
    pub fn selector(mut self, name: &str, value: &str) -> Self {
        self.selectors.push(name, value);
        self
    }

    /// With one more option, which the service may ignore.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.options.push(name, value, false);
        self
    }

    /// Only the part that an XPath expression names.
    #[must_use]
    pub fn fragment(mut self, expression: &str) -> Self {
        self.fragment = Some(FragmentTransfer { dialect: None, expression: expression.to_owned() });
        self
    }

    /// The resource as it is.
    ///
    /// # Errors
    /// The service does not give it, or was not reached.
    pub async fn get(&self) -> Result<String> {
        let request = self.request(Operation::Get);
        let got = self.shared.client.call(&request, Sending::REPEATABLE, |reply| match reply {
            Reply::Get(xml) => Ok(xml.to_standalone().into_owned()),
            _ => Err(windlass_wsman::Error::OtherReply("Get").into()),
        });
        got.await.map_err(|error| error.while_doing("getting a resource"))
    }

    /// Changes the resource. Returns it as it is then, where the service says so.
    ///
    /// # Errors
    /// The content is not XML, or the service does not change it, or was not reached.
    pub async fn put(&self, content: &str) -> Result<Option<String>> {
        let request = self.request(Operation::Put(element(content)?));
        let changed = self.shared.client.call(&request, Sending::ONCE, |reply| match reply {
            Reply::Put(xml) => Ok(xml.map(|xml| xml.to_standalone().into_owned())),
            _ => Err(windlass_wsman::Error::OtherReply("Put").into()),
        });
        changed.await.map_err(|error| error.while_doing("changing a resource"))
    }

    /// Creates a resource and returns the reference to it.
    ///
    /// # Errors
    /// The content is not XML, or the service does not create it, or was not reached.
    pub async fn create(&self, content: &str) -> Result<Option<EndpointReference>> {
        let request = self.request(Operation::Create(Create::Resource(element(content)?)));
        let created = self
            .shared
            .client
            .call(&request, Sending::ONCE, |reply| Ok(CreateResponse::try_from(reply)?.resource));
        created.await.map_err(|error| error.while_doing("creating a resource"))
    }

    /// Deletes the resource.
    ///
    /// # Errors
    /// The service does not delete it, or was not reached.
    pub async fn delete(&self) -> Result<()> {
        let request = self.request(Operation::Delete);
        let deleted = self.shared.client.call(&request, Sending::ONCE, |_| Ok(()));
        deleted.await.map_err(|error| error.while_doing("deleting a resource"))
    }

    /// Carries out an action, given by its URI or by its name, with the parameters in `content`.
    ///
    /// # Errors
    /// The content is not XML, or the service does not do it, or was not reached.
    pub async fn invoke(&self, action: &str, content: Option<&str>) -> Result<Option<String>> {
        let mut request = self.request(Operation::Invoke(content.map(element).transpose()?));
        let is_uri = action.contains("://");
        request.header.action =
            Some(if is_uri { action.to_owned() } else { format!("{}/{action}", self.uri) });
        let done = self.shared.client.call(&request, Sending::ONCE, |reply| match reply {
            Reply::Invoke(xml) => Ok(xml.map(|xml| xml.to_standalone().into_owned())),
            _ => Ok(None),
        });
        done.await.map_err(|error| error.while_doing("carrying out an action"))
    }

    /// The instances of the resource, each as XML.
    ///
    /// # Errors
    /// The service does not list them, or was not reached.
    pub async fn enumerate(&self, filter: Option<Filter>) -> Result<Vec<String>> {
        let items = self.list(&Listing { filter, ..Listing::default() }).await?;
        Ok(items.into_iter().filter_map(|item| item.content).collect())
    }

    /// The instances of the resource, or references to them.
    ///
    /// # Errors
    /// The service does not list them, or was not reached.
    pub async fn list(&self, listing: &Listing) -> Result<Vec<ResourceItem>> {
        let Listing { filter, mode, polymorphism } = listing.clone();
        let enumerate = Enumerate { filter, mode, polymorphism, ..Enumerate::default() };
        let make = |operation| self.request(operation);
        let listed = self.shared.client.enumerate_with(make, enumerate, |item| {
            let content = item.object().map(|xml| xml.to_standalone().into_owned());
            Ok(Some(ResourceItem { content, reference: item.reference().cloned() }))
        });
        listed.await.map_err(|error| error.while_doing("listing resources"))
    }

    fn request<'o>(&self, operation: Operation<'o>) -> Request<'o> {
        let mut request = self.shared.bare(&self.uri, self.selectors.clone(), operation);
        request.header.options = self.options.clone();
        request.header.fragment_transfer.clone_from(&self.fragment);
        request
    }
}

/// The content as one element, checked before it goes out.
fn element(content: &str) -> Result<Xml<'_>> {
    let content = content.trim_start_matches('\u{feff}').trim();
    let mut reader = windlass_xml::Reader::new(content, windlass_xml::Limits::default());
    let read = reader.next_element().and_then(|element| match element {
        Some(element) => reader.capture(&element).map(Some),
        None => Ok(None),
    });
    match read {
        Ok(Some(fragment)) => Ok(Xml::from(fragment)),
        Ok(None) => Err(Error::usage("the content has no element")),
        Err(error) => Err(Error::usage(format!("the content is not XML: {error}"))),
    }
}
