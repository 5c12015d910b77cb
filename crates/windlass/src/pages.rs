//! Short enumerations of anything, read to their end at once.

use windlass_soap::SelectorSet;
use windlass_wsman::{Enumerate, Item, Operation, Page, Pull, Release, Request};

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
        request: Enumerate,
        read: impl FnMut(&Item<'_>) -> Result<Option<T>, Unreadable>,
    ) -> Result<Vec<T>> {
        let make =
            |operation| self.session().request(resource_uri, selectors.clone(), Self::new_id(), operation);
        self.enumerate_with(make, request, read).await
    }

    /// The same with requests of the caller's making.
    pub(crate) async fn enumerate_with<T>(
        &self,
        make: impl Fn(Operation<'static>) -> Request<'static>,
        mut request: Enumerate,
        mut read: impl FnMut(&Item<'_>) -> Result<Option<T>, Unreadable>,
    ) -> Result<Vec<T>> {
        request.optimize = true;
        request.max_elements = Some(MAX_ELEMENTS);
        let mut found = Vec::new();
        let mut operation = Operation::Enumerate(request);
        let mut context: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let request = make(operation);
            let page = self.call(&request, Sending::ONCE, |reply| {
                let page = Page::try_from(reply)?;
                for item in &page.items {
                    found.extend(read(item)?);
                }
                Ok((page.context, page.end_of_sequence))
            });
            let (newest, is_last) = match page.await {
                Ok(page) => page,
                Err(error) => {
                    self.release(&make, context).await;
                    return Err(error);
                }
            };
            context = newest.or(context);
            let Some(current) = context.clone().filter(|_| !is_last) else { return Ok(found) };
            if found.len() > MAX_ITEMS {
                break;
            }
            let max_elements = Some(MAX_ELEMENTS);
            operation = Operation::Pull(Pull { context: current, max_elements, ..Pull::default() });
        }
        self.release(&make, context).await;
        Err(Error::protocol(Layer::Wsman, self.host(), "the host enumerates without end"))
    }

    /// Ends an enumeration on the host.
    async fn release(&self, make: &impl Fn(Operation<'static>) -> Request<'static>, context: Option<String>) {
        let Some(context) = context else { return };
        let release = make(Operation::Release(Release { context }));
        if let Err(error) = self.call(&release, Sending::CLEAN_UP, |_| Ok(())).await {
            tracing::debug!(%error, "an enumeration could not be released");
        }
    }
}
