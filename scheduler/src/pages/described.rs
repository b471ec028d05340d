//! The part of the OpenAPI document that a page is.

use gugus_pages::Page;
use utoipa::ToSchema;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{
    ComponentsBuilder, Content, ObjectBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder,
    Ref, Required, ResponseBuilder,
};

use crate::problem;

/// Describes the JSON of the page at `page`, which is served at `json`.
pub(super) fn described<P: Page + ToSchema>(page: &str, json: &str) -> OpenApi {
    let mut schemas = vec![(P::name().into_owned(), P::schema())];
    P::schemas(&mut schemas);
    let told = ResponseBuilder::new()
        .description("What the page shows")
        .content(
            "application/json",
            Content::new(Some(Ref::from_schema_name(P::name()))),
        );
    let operation = OperationBuilder::new()
        .tag(P::PLACE.name())
        .summary(Some(format!("What the page {page} shows")))
        .description(Some(
            "It takes the same choices behind `?` as the page: copy them from the page's address.",
        ))
        .parameters(Some(parts(page).map(parameter)))
        .response("200", told)
        .response("default", problem::described());
    let item = PathItem::new(HttpMethod::Get, operation);
    let paths = PathsBuilder::new().path(json, item).build();
    OpenApiBuilder::new()
        .paths(paths)
        .components(Some(
            ComponentsBuilder::new().schemas_from_iter(schemas).build(),
        ))
        .build()
}

/// The names of the variable parts of a path.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn parameter(name: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name.trim_start_matches('*'))
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}
