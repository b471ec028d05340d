//! What the OpenAPI document says about the guards.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Server};

use super::callers::is_open;
use super::settings::Guards;

/// The name of the token in the document.
const TOKEN: &str = "token";

/// Adds the answers of the guards to every operation, and the token and the path of the proxy if there are such.
pub(crate) fn describe(document: &mut OpenApi, guards: &Guards) {
    if let Some(root) = &guards.root_path {
        document.servers = Some(vec![Server::new(root.as_str())]);
    }
    if guards.token.is_some() {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(TOKEN, scheme);
        document.security = Some(vec![SecurityRequirement::new(TOKEN, [""; 0])]);
    }
    for (path, item) in &mut document.paths.paths {
        let open = is_open(path);
        for (operation, changes) in [(&mut item.get, false), (&mut item.post, true)] {
            let Some(operation) = operation else {
                continue;
            };
            let mut answer = |status: &str, description: &str| {
                let answers = &mut operation.responses.responses;
                let answer = answers.entry(status.to_owned());
                answer.or_insert_with(|| RefOr::T(error(description)));
            };
            answer("421", "The service is called by a foreign name");
            if changes {
                answer("403", "A page of a site that was not named asks");
            }
            if open {
                operation.security = Some(Vec::new());
                continue;
            }
            answer(
                "503",
                "Too many requests are answered already, or it took too long",
            );
            if guards.token.is_some() {
                answer("401", "The token is missing or wrong");
            }
        }
    }
}

fn error(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Error")));
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content.build())
        .build()
}
