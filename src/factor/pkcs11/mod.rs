//! A key in a PKCS#11 token. Spec 5.3.

/// Why a token or its module failed.
#[derive(Debug)]
pub enum TokenError {}
