//! Base 58 of fixed length with two check digits: the account key as 46 characters (spec 2).
