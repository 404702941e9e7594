//! Fixtures for software tokens and the conformance suite; never part of the shipped program.
