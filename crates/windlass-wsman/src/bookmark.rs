//! Bookmarks: how far a subscriber has read (DSP0226 10.2.6, [MS-WSMV] 2.2.4.4).

use std::fmt;

use windlass_xml::{Limits, Reader, escape_attribute};

/// What clients send that want everything that is still known.
const EARLIEST: &str = "bookmark/earliest";
/// Elements around a bookmark.
const LIMIT: usize = 64;

/// How far a subscriber has read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bookmark {
    /// Nothing: what is still known is to come.
    Earliest,
    /// Up to this record.
    Record {
        /// The log, or the namespace of the events.
        channel: String,
        /// The number of the record.
        record: u64,
    },
}

impl Bookmark {
    /// Reads the content of `w:Bookmark`: a list of bookmarks, of which the first counts, or the URI for the
    /// earliest. `None` where it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim().ends_with(EARLIEST) {
            return Some(Self::Earliest);
        }
        let mut reader = Reader::new(text, Limits::default());
        for _ in 0..LIMIT {
            let element = reader.next_element().ok()??;
            if element.local() == "Bookmark" {
                let record = element.attr("RecordId").ok()??.trim().parse().ok()?;
                let channel = element.attr("Channel").ok()?.unwrap_or_default().into_owned();
                return Some(Self::Record { channel, record });
            }
        }
        None
    }
}

impl fmt::Display for Bookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Earliest => write!(f, "http://schemas.dmtf.org/wbem/wsman/1/wsman/{EARLIEST}"),
            Self::Record { channel, record } => {
                let channel = escape_attribute(channel);
                write!(f, r#"<BookmarkList><Bookmark Channel="{channel}" RecordId="{record}" "#)?;
                f.write_str(r#"IsCurrent="true"/></BookmarkList>"#)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bookmarks_are_read_as_they_are_written() {
        let known = Bookmark::Record { channel: "a\"<b>&\n".to_owned(), record: u64::MAX };
        for bookmark in [known, Bookmark::Earliest] {
            assert_eq!(Bookmark::parse(&bookmark.to_string()), Some(bookmark));
        }
        let list = "<x:BookmarkList xmlns:x='u'><x:Bookmark RecordId=' 7 '/></x:BookmarkList>";
        assert_eq!(Bookmark::parse(list), Some(Bookmark::Record { channel: String::new(), record: 7 }));
        for text in
            ["", "7", "<Bookmark/>", "<Bookmark RecordId='x'/>", "<a><b/></a>", "<a>", "<a RecordId='1'/>"]
        {
            assert_eq!(Bookmark::parse(text), None, "{text}");
        }
    }
}
