//! The names by which a port may be called, and the sites whose pages may ask it for more than to look.
//!
//! Both keep pages away that a browser loaded from somebody else. Such a page needs no token where there is none. It could
//! unload models, or keep the service busy, although it cannot read the answers.

use std::net::SocketAddr;

use gugus_http::{Asking, Hosts, Origin, may_change, only_looks};
use warp::http::uri::Authority;
use warp::http::{HeaderMap, Method, Uri};

use super::settings::Guards;
use crate::problem::{Code, Problem};

/// Which requests of browsers a port takes.
#[derive(Debug)]
pub(crate) struct Sites {
    hosts: Hosts,
    origins: Vec<Origin>,
}

impl Sites {
    /// Those of a port at this address.
    pub(crate) fn of(guards: &Guards, address: SocketAddr) -> Self {
        let names = guards.hosts.iter().cloned();
        Self {
            hosts: Hosts::of(address.ip(), guards.token.as_ref(), names, &guards.origins),
            origins: guards.origins.clone(),
        }
    }

    /// Refuses a request that calls the port by a foreign name, and one that a page of another site may not send.
    pub(crate) fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        if !self.hosts.answer_to(headers, uri) {
            return Err(Problem::new(
                Code::WrongHost,
                "this service is not called so: call it by its address or by localhost, or start it with --external-host",
            ));
        }
        let authority = uri.authority().map(Authority::as_str);
        if only_looks(method) || may_change(headers, authority, &self.origins, Asking::Anybody) {
            return Ok(());
        }
        Err(Problem::new(
            Code::ForeignPage,
            "pages of this site may not ask this service; start it with --cors-origin and the name of the site",
        ))
    }
}
