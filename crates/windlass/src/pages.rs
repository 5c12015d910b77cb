//! Short enumerations of anything, read to their end at once.

use windlass_soap::SelectorSet;
use windlass_wsman::{Enumerate, Item, Operation, Page, Pull, Release};

use crate::client::{Client, Sending, Unreadable};
use crate::error::{Error, Layer, Result};

/// Items that one answer may hold.
const MAX_ELEMENTS: u32 = 100;
/// Items of all answers together; lists that may be longer are streamed.
const MAX_ITEMS: usize = 100_000;
/// Answers of one enumeration.
const MAX_PAGES: usize = 10_000;

impl Client {
    /// Enumerates a resource and keeps what `read` makes of its items.
    pub(crate) async fn enumerate<T>(
        &self,
        resource_uri: &str,
        selectors: SelectorSet,
        mut request: Enumerate,
        mut read: impl FnMut(&Item<'_>) -> Result<Option<T>, Unreadable>,
    ) -> Result<Vec<T>> {
        request.optimize = true;
        request.max_elements = Some(MAX_ELEMENTS);
        let mut found = Vec::new();
        let mut operation = Operation::Enumerate(request);
        let mut context: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let session = self.session();
            let request = session.request(resource_uri, selectors.clone(), Self::new_id(), operation);
            let page = self.call(&request, Sending::ONCE, |reply| {
                let page = Page::try_from(reply)?;
                for item in &page.items {
                    found.extend(read(item)?);
                }
                Ok((page.context, page.end_of_sequence))
            });
            let (newest, is_last) = page.await?;
            context = newest.or(context);
            let Some(current) = context.clone().filter(|_| !is_last) else { return Ok(found) };
            if found.len() > MAX_ITEMS {
                break;
            }
            let max_elements = Some(MAX_ELEMENTS);
            operation = Operation::Pull(Pull { context: current, max_elements, ..Pull::default() });
        }
        if let Some(context) = context {
            let session = self.session();
            let release = Operation::Release(Release { context });
            let request = session.request(resource_uri, selectors, Self::new_id(), release);
            self.call(&request, Sending::CLEAN_UP, |_| Ok(())).await.ok();
        }
        Err(Error::protocol(Layer::Wsman, self.host(), "the host enumerates without end"))
    }
}
