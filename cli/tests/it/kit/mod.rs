//! What the tests share: how commands are called, servers and brokers started, conditions awaited, folders read. It
//! holds no tests.

pub(crate) mod batch_files;
pub(crate) mod browser;
pub(crate) mod certificates;
pub(crate) mod grpc;
pub(crate) mod http;
pub(crate) mod judge;
pub(crate) mod kafka;
pub(crate) mod machines;
pub(crate) mod messages;
pub(crate) mod network;
pub(crate) mod output;
pub(crate) mod pipe;
pub(crate) mod process;
pub(crate) mod protocol;
pub(crate) mod proxy;
pub(crate) mod python;
pub(crate) mod raw;
pub(crate) mod reader;
pub(crate) mod same;
pub(crate) mod sender;
pub(crate) mod spark;
pub(crate) mod topic;
pub(crate) mod up;
pub(crate) mod wait;
pub(crate) mod wire;
pub(crate) mod work;

pub(crate) use gugus_damage as draw;
