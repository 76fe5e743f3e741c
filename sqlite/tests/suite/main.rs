//! The store in use: the contract, and what a file, a disk and another process can do to it.

mod basics;
mod conformance;
mod support;
