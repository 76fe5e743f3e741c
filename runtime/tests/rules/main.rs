//! The rules that every store keeps, each test named after what it promises.

mod cancellation;
mod children;
mod composition;
mod ordering;
mod support;
mod timing;
