//! Crockford base 32 in groups with a check character each: the recovery code (spec 5.2).
