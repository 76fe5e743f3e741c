//! The rules that every store keeps, each test named after what it promises.

mod ordering;
mod support;
