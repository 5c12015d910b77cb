//! Enumerations: Enumerate, Pull, Release, and the contexts in between (DSP0226 8).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;
use windlass_wsman::{
    EndpointReference, Enumerate, Fault, FaultCode, Header, Item, Page, Pull, Reply, Selector, SelectorValue,
    Xml,
};

use super::{Caller, Outcome, reply};
use crate::host::Host;

/// Bytes that an item takes beside itself, at most.
const ITEM_OVERHEAD: usize = 64;
/// Bytes of an envelope of Enumerate or Pull without items, generously.
pub(super) const ENVELOPE_OVERHEAD: usize = 2048;

/// One item, ready to be written.
pub(crate) struct Rendered {
    pub(crate) xml: Option<String>,
    pub(crate) reference: Option<EndpointReference>,
}

/// The items of an enumeration, made as they are asked for.
pub(crate) type Items = Box<dyn Iterator<Item = Result<Rendered, Box<Fault>>> + Send>;

/// The enumerations that are under way.
#[derive(Default)]
pub(crate) struct Enumerations {
    open: Mutex<HashMap<String, Open>>,
}

struct Open {
    owner: String,
    resource: String,
    items: Arc<Mutex<Rest>>,
    last_used: Instant,
}

/// What is left of an enumeration.
struct Rest {
    items: Items,
    /// An item that did not fit into the last answer.
    kept: Option<Rendered>,
    done: bool,
}

impl Enumerations {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Forgets those that nobody has pulled for too long.
    pub(crate) fn expire(&self, after: Duration) {
        self.lock().retain(|_, open| open.last_used.elapsed() < after);
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn add(&self, open: Open, most: usize) -> Result<String, Box<Fault>> {
        let mut all = self.lock();
        let own = all.values().filter(|known| known.owner == open.owner).count();
        if own >= most {
            let text = format!(
                "The maximum number of concurrent operations for this user ({most}) has been exceeded."
            );
            return Err(Box::new(Fault::quota(FaultCode::QUOTA_MAX_OPERATIONS, text)));
        }
        let context = format!("uuid:{}", super::shells::upper(Uuid::new_v4()));
        all.insert(context.clone(), open);
        Ok(context)
    }

    /// The rest of an enumeration, if it is the caller's and of this resource.
    fn find(&self, context: &str, header: &Header, caller: &Caller) -> Result<Arc<Mutex<Rest>>, Box<Fault>> {
        let mut all = self.lock();
        let open = all.get_mut(context).filter(|open| {
            let resource = header.resource_uri.as_deref().unwrap_or_default();
            open.owner == caller.owner && open.resource.eq_ignore_ascii_case(resource)
        });
        let open = open.ok_or_else(|| Box::new(Fault::invalid_enumeration_context()))?;
        open.last_used = Instant::now();
        Ok(Arc::clone(&open.items))
    }
}

/// Starts an enumeration of these items.
pub(super) async fn enumerate(
    host: &Arc<Host>,
    header: &Header,
    request: &Enumerate,
    items: Items,
    caller: &Caller,
) -> Outcome {
    let rest = Arc::new(Mutex::new(Rest { items, kept: None, done: false }));
    let filled = match request.optimize {
        true => fill(Arc::clone(&rest), count(host, request.max_elements), caller.envelope).await?,
        false => Filled { items: Vec::new(), done: false },
    };
    let Filled { items, done } = filled;
    let context = match done {
        // What is over needs no context, and none of the caller's quota; clients want the element.
        true => String::new(),
        false => {
            let resource = header.resource_uri.clone().unwrap_or_default();
            let owner = caller.owner.clone();
            let open = Open { owner, resource, items: rest, last_used: Instant::now() };
            host.enumerations.add(open, host.config.limits.enumerations_per_user)?
        }
    };
    let page = Page { context: Some(context), items, end_of_sequence: done, expires: None };
    Ok(reply(header, Reply::Enumerate(page)))
}

/// Gives the next items.
pub(super) async fn pull(host: &Arc<Host>, header: &Header, request: &Pull, caller: &Caller) -> Outcome {
    let rest = host.enumerations.find(&request.context, header, caller)?;
    let characters =
        request.max_characters.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    let room = caller.envelope.min(characters.max(ENVELOPE_OVERHEAD * 2));
    let filled = fill(rest, count(host, request.max_elements), room).await;
    let Filled { items, done } = match filled {
        Ok(filled) => filled,
        Err(fault) => {
            // An enumeration that failed cannot go on.
            host.enumerations.lock().remove(&request.context);
            return Err(fault);
        }
    };
    let context = match done {
        true => {
            host.enumerations.lock().remove(&request.context);
            None
        }
        false => Some(request.context.clone()),
    };
    Ok(reply(header, Reply::Pull(Page { context, items, end_of_sequence: done, expires: None })))
}

/// Ends an enumeration early.
pub(super) fn release(host: &Host, header: &Header, context: &str, caller: &Caller) -> Outcome {
    host.enumerations.find(context, header, caller)?;
    host.enumerations.lock().remove(context);
    Ok(reply(header, Reply::Release))
}

fn count(host: &Host, asked: Option<u32>) -> usize {
    let most = usize::try_from(host.settings.get().max_batch_items).unwrap_or(usize::MAX);
    let asked = usize::try_from(asked.unwrap_or(1)).unwrap_or(most);
    asked.clamp(1, most)
}

struct Filled {
    items: Vec<Item<'static>>,
    done: bool,
}

/// Takes as many items as were asked for and fit.
async fn fill(rest: Arc<Mutex<Rest>>, count: usize, envelope: usize) -> Result<Filled, Box<Fault>> {
    let taken = tokio::task::spawn_blocking(move || {
        let mut rest = rest.lock().unwrap_or_else(PoisonError::into_inner);
        let Rest { items, kept, done } = &mut *rest;
        let mut room = envelope.saturating_sub(ENVELOPE_OVERHEAD);
        let mut page = Vec::new();
        while page.len() < count && !*done {
            let next = match kept.take() {
                Some(kept) => Some(Ok(kept)),
                None => items.next(),
            };
            let Some(next) = next else {
                *done = true;
                break;
            };
            let next = next?;
            let size = next.size();
            if size > room {
                if page.is_empty() {
                    return Err(Box::new(Fault::encoding_limit()));
                }
                *kept = Some(next);
                break;
            }
            room -= size;
            page.push(next);
        }
        // Whether that was the last one shows only when another is asked for; clients save a trip.
        if !*done && kept.is_none() && page.len() == count {
            match items.next() {
                None => *done = true,
                Some(next) => *kept = Some(next?),
            }
        }
        Ok(Filled { items: page.into_iter().map(Rendered::into_item).collect(), done: *done })
    });
    taken.await.map_err(|_| super::aborted())?
}

/// Bytes that a selector takes, at most: each character may have to be escaped.
fn selector_size(selector: &Selector) -> usize {
    const MARKUP: usize = 64;
    const LONGEST_ESCAPE: usize = 6;
    let value = match &selector.value {
        SelectorValue::Text(text) => text.len() * LONGEST_ESCAPE,
        SelectorValue::Reference(reference) => {
            let inner = reference.selectors.iter().map(selector_size).sum::<usize>();
            reference.address.len() + reference.resource_uri.as_ref().map_or(0, String::len) + inner + 512
        }
    };
    selector.name.len() + value + MARKUP
}

impl Rendered {
    /// About how many bytes it takes, at most.
    pub(super) fn size(&self) -> usize {
        let selectors = self.reference.as_ref().map_or(0, |reference| {
            let values = reference.selectors.iter().map(selector_size);
            reference.resource_uri.as_ref().map_or(0, String::len) + values.sum::<usize>() + 512
        });
        self.xml.as_ref().map_or(0, String::len) + selectors + ITEM_OVERHEAD
    }

    pub(super) fn into_item(self) -> Item<'static> {
        match (self.xml, self.reference) {
            (Some(xml), Some(reference)) => Item::ObjectAndReference(Xml::from(xml), reference),
            (None, Some(reference)) => Item::Reference(reference),
            (xml, None) => Item::Object(Xml::from(xml.unwrap_or_default())),
        }
    }
}

#[cfg(test)]
mod tests {
    use windlass_wsman::{Response, SelectorSet};

    use super::*;

    #[test]
    fn references_with_long_keys_take_no_more_than_is_reckoned_with() {
        let length = |items| {
            let page = Page { context: None, items, end_of_sequence: false, expires: None };
            Response::new(&Header::default(), String::new(), Reply::Pull(page)).encode().len()
        };
        let inner =
            EndpointReference::anonymous("urn:inner", SelectorSet::new().with("Key", "&\"".repeat(500)));
        let mut selectors = SelectorSet::new().with("Name", "<\">".repeat(1000));
        selectors.push_reference("Other", inner);
        let reference = Some(EndpointReference::anonymous("urn:thing", selectors));
        let rendered = Rendered { xml: Some("<thing/>".to_owned()), reference };
        let size = rendered.size();
        let taken = length(vec![rendered.into_item()]) - length(Vec::new());
        assert!(taken <= size, "{taken} of {size}");
    }
}
