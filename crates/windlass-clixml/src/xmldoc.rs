//! Whether a text is an XML document, for values that hold one. It stays text: nobody here looks
//! inside, and a document type definition is refused.

use crate::scan::{Next, Scanner};

/// Whether `text` is empty or a well-formed document without a document type.
pub(crate) fn is_well_formed(text: &str) -> bool {
    let Ok(mut scanner) = Scanner::new(text, Vec::new()) else { return false };
    let mut roots = 0;
    loop {
        match scanner.next() {
            Ok(Next::Start(tag)) => {
                roots += 1;
                if roots > 1 || scanner.skip(&tag).is_err() {
                    return false;
                }
            }
            Ok(Next::Eof) => return true,
            Ok(Next::End) | Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_told_from_other_text() {
        for text in [
            "",
            "  <a/>",
            "<?xml version='1.0'?><a b='1'>x<!-- c --><c/><![CDATA[<&]]></a>",
            "<a xmlns:p='urn:p'><p:b p:c='&lt;'>&#65;</p:b></a><!-- end -->",
        ] {
            assert!(is_well_formed(text), "{text}");
        }
        for text in [
            "text",
            "<a",
            "<a>",
            "<a/><b/>",
            "<a></b>",
            "<a b='1' b='2'/>",
            "<p:a/>",
            "<a>&x;</a>",
            "<a b=1/>",
            "<!DOCTYPE a><a/>",
            "<a/>x",
            "<1/>",
            "<a b='<'/>",
            "<a>]]></a>",
            "<a b='1'c='2'/>",
        ] {
            assert!(!is_well_formed(text), "{text}");
        }
    }
}
