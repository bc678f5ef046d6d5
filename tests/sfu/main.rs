//! The SFU as a whole against members as browsers are, under virtual time.

mod abuse;
mod camera;
mod client;
mod meeting;
mod member;
mod offer;
mod receiver;
mod repair;
mod world;
