//! Bytes and "native strings" (PEP 3333: str whose code points are the bytes, latin-1).

use std::borrow::Cow;

use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Bytes as a str, each byte one code point.
pub(crate) fn from_latin1<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    // SAFETY: pointer and length are those of a slice, and the call returns a new reference to a
    // str or null with an exception set, which is what `from_owned_ptr_or_err` takes.
    let text = unsafe {
        Bound::from_owned_ptr_or_err(
            py,
            ffi::PyUnicode_DecodeLatin1(
                bytes.as_ptr().cast(),
                bytes.len().cast_signed(),
                std::ptr::null(),
            ),
        )?
    };
    Ok(text.cast_into::<PyString>()?)
}

/// A str as bytes. `what` names it in the error.
pub(crate) fn to_latin1<'a>(text: &'a Bound<'_, PyString>, what: &str) -> PyResult<Cow<'a, [u8]>> {
    // ASCII is stored as UTF-8 already: no copy.
    if let Ok(ascii) = text.to_str()
        && ascii.is_ascii()
    {
        return Ok(Cow::Borrowed(ascii.as_bytes()));
    }
    let wide = text.to_string_lossy();
    let bytes: Option<Vec<u8>> = wide.chars().map(|point| u8::try_from(point).ok()).collect();
    bytes.map(Cow::Owned).ok_or_else(|| {
        PyValueError::new_err(format!(
            "{what} contains a character outside latin-1, which HTTP cannot carry (PEP 3333): {wide:?}"
        ))
    })
}

/// Undoes percent-encoding; what is no valid escape stays as it is.
pub(crate) fn percent_decoded(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = bytes.iter().position(|&byte| byte == b'%') else {
        return Cow::Borrowed(bytes);
    };
    let mut decoded = Vec::with_capacity(bytes.len());
    decoded.extend_from_slice(&bytes[..first]);
    let mut rest = &bytes[first..];
    while let Some((&byte, after)) = rest.split_first() {
        match (byte, after) {
            (b'%', [high, low, behind @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                decoded.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                rest = behind;
            }
            _ => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    Cow::Owned(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::percent_decoded;

    #[test]
    fn escapes_become_bytes_and_the_rest_stays() {
        assert_eq!(&*percent_decoded(b"/a%2Fb%c3%A9%zz%4"), b"/a/b\xc3\xa9%zz%4");
    }
}
