//! What the tags of a property say, and the value that its text has in them.

use std::borrow::Cow;

use super::budget::Budget;
use super::scalar::{Stated, text_value};
use super::shape::Kind;
use crate::datetime::CimDateTime;
use crate::error::Error;
use crate::instance::Mismatch;
use crate::text::decimal;
use crate::types::CimType;
use crate::value::CimValue;

/// What the tags of a property say that holds text alone.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// It has no value.
    Null,
    /// The text is the value, of a type that may be stated.
    Text(Option<Stated>),
    /// The text stands in an element inside, which says how it is written.
    DateTime(ParseDateTime),
}

pub(super) type ParseDateTime = fn(&str) -> Result<CimDateTime, Error>;

impl Form {
    /// Sets the value of an element with this text where it takes no thought, as most are null, a string or a
    /// number of the declared type: to what [`Form::value`] gives. Says how many values that are.
    ///
    /// It is set where it stays: copying it piece by piece would take longer than all the rest.
    #[inline]
    pub(super) fn set_simple(&self, text: &str, kind: Option<&Kind>, value: &mut CimValue) -> Option<usize> {
        match (self, kind) {
            (Self::Null, _) => return Some(0),
            (Self::Text(None), None | Some(Kind { element: CimType::String, is_array: false, .. })) => {
                *value = CimValue::String(text.to_owned());
            }
            (Self::Text(None), Some(Kind { element, is_array: false, .. })) => {
                let number = decimal(text)?;
                match element {
                    CimType::UInt64 => *value = CimValue::UInt64(number),
                    CimType::UInt32 => *value = CimValue::UInt32(number.try_into().ok()?),
                    CimType::UInt16 => *value = CimValue::UInt16(number.try_into().ok()?),
                    _ => return None,
                }
            }
            _ => return None,
        }
        Some(1)
    }

    /// The value of an element with this text, and whether its type is stated or declared.
    #[inline]
    pub(super) fn value(
        &self,
        text: Cow<'_, str>,
        kind: Option<&Kind>,
        mismatch: Mismatch,
        budget: &mut Budget,
    ) -> Result<(CimValue, bool), Error> {
        let (value, is_stated) = match self {
            Self::Null => return Ok((CimValue::Null, false)),
            Self::Text(stated) => plain(text, stated.as_ref(), kind, mismatch)?,
            Self::DateTime(parse) => match parse(text.trim()) {
                Ok(value) => (value.into(), true),
                Err(_) if mismatch == Mismatch::Keep => (CimValue::String(text.into_owned()), true),
                Err(error) => return Err(error),
            },
        };
        fit(value, is_stated, kind, mismatch, budget)
    }
}

#[inline]
fn plain(
    mut text: Cow<'_, str>,
    stated: Option<&Stated>,
    kind: Option<&Kind>,
    mismatch: Mismatch,
) -> Result<(CimValue, bool), Error> {
    match text_value(&mut text, stated, kind) {
        Ok(value) => Ok((value, matches!(stated, Some(Stated::Scalar(_))))),
        Err(_) if mismatch == Mismatch::Keep => Ok((CimValue::String(text.into_owned()), false)),
        Err(error) => Err(error),
    }
}

/// Gives a value the declared type, where there is one.
#[inline]
pub(super) fn fit(
    value: CimValue,
    is_stated: bool,
    kind: Option<&Kind>,
    mismatch: Mismatch,
    budget: &mut Budget,
) -> Result<(CimValue, bool), Error> {
    budget.value(value.items().len())?;
    let Some(kind) = kind else { return Ok((value, is_stated)) };
    if value.is_array() || value.fits(kind.element, false) {
        return Ok((value, true));
    }
    match value.converted(kind.element, false) {
        Ok(converted) => Ok((converted, true)),
        Err(_) if mismatch == Mismatch::Keep => Ok((value, true)),
        Err(error) => Err(error),
    }
}
