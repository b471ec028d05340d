//! Each refusal names the place and what to do, and holds no secret, whatever the store sends back.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use gugus_files::{S3Settings, Sizes, Store, StoreError};

use crate::canned::{Answer, Canned, SECRETS};

/// As S3 does, with what it has of us: it sends back what it was sent.
fn refusal(status: &'static str, code: &str, message: &str) -> Option<Answer> {
    let [(_, key), (_, secret), (_, token)] = SECRETS;
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <AWSAccessKeyId>{key}</AWSAccessKeyId><Token-0>{token}</Token-0><StringToSign>AWS4-HMAC-SHA256 {secret}\
         </StringToSign><CanonicalRequest>GET\n/crime\nx-amz-security-token:{token}</CanonicalRequest></Error>"
    );
    Some((status, "content-type: application/xml\r\n", body))
}

/// All that could ever be printed of an error.
fn all_of(error: &StoreError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!("\n{error} {error:?}"));
        source = error.source();
    }
    for (name, secret) in SECRETS {
        assert!(!text.contains(secret), "{name} in {text}");
    }
    assert!(!text.contains("CanonicalRequest"), "{text}");
    text
}

/// What a reader asks first.
async fn list(store: Store) -> Result<(), StoreError> {
    store.list("", Sizes::Skip).await.map(drop)
}

async fn refused(
    answer: impl Fn() -> Option<Answer> + Send + Sync + 'static,
    hints: &[&str],
) -> StoreError {
    let server = Canned::start(move |_, _| answer());
    let error = list(server.store(&[])).await.unwrap_err();
    let text = all_of(&error);
    for hint in [&["s3://crime/batches"], hints].concat() {
        assert!(text.contains(hint), "{hint} in {text}");
    }
    error
}

#[tokio::test]
async fn a_missing_bucket_is_named() {
    let answer = || {
        refusal(
            "404 Not Found",
            "NoSuchBucket",
            "The specified bucket does not exist",
        )
    };
    let error = refused(
        answer,
        &["no bucket crime at http://127.0.0.1:", "create it"],
    )
    .await;
    assert!(matches!(error, StoreError::NoBucket { .. }), "{error:?}");
    assert!(!error.may_pass() && !error.is_not_found());
}

#[tokio::test]
async fn credentials_that_are_not_taken_are_not_shown() {
    for (status, code) in [
        ("403 Forbidden", "InvalidAccessKeyId"),
        ("403 Forbidden", "SignatureDoesNotMatch"),
        ("400 Bad Request", "ExpiredToken"),
        ("400 Bad Request", "InvalidToken"),
        ("403 Forbidden", "RequestTimeTooSkewed"),
    ] {
        let answer = move || refusal(status, code, "so it is");
        let error = refused(answer, &[code, "AWS_SECRET_ACCESS_KEY"]).await;
        assert!(matches!(error, StoreError::Credentials { .. }), "{error:?}");
        assert!(!error.may_pass());
    }
}

#[tokio::test]
async fn what_is_not_allowed_is_told_from_wrong_credentials() {
    let answer = || refusal("403 Forbidden", "AccessDenied", "Access Denied");
    let error = refused(answer, &["listing", "not permitted"]).await;
    assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
}

#[tokio::test]
async fn another_region_is_named() {
    let message = "the region 'us-east-1' is wrong; expecting 'eu-north-1'";
    let answer = move || refusal("400 Bad Request", "AuthorizationHeaderMalformed", message);
    let error = refused(answer, &["AWS_REGION", "eu-north-1"]).await;
    assert!(matches!(error, StoreError::Region { .. }), "{error:?}");
    let answer = || refusal("301 Moved Permanently", "PermanentRedirect", "elsewhere");
    let error = refused(answer, &["AWS_REGION"]).await;
    assert!(matches!(error, StoreError::Region { .. }), "{error:?}");
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "http://user:s3cr3ts3cr3t@{}",
        listener.local_addr().unwrap()
    );
    drop(listener);
    let vars = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
    ];
    let settings = S3Settings::from_vars(SECRETS.iter().chain(&vars).copied());
    let error = list(settings.open("s3://crime/a").unwrap())
        .await
        .unwrap_err();
    let text = all_of(&error);
    for hint in [
        "s3://crime/a",
        "http://127.0.0.1:",
        "AWS_ENDPOINT_URL",
        "refused",
    ] {
        assert!(text.contains(hint), "{hint} in {text}");
    }
    assert_is!(error, StoreError::Unreachable { .. });
    assert!(error.may_pass());
}

#[tokio::test]
async fn a_busy_store_is_asked_again_and_not_for_ever() {
    let busy = || {
        refusal(
            "503 Slow Down",
            "SlowDown",
            "Please reduce your request rate.",
        )
    };
    let server = Canned::start(move |_, _| busy());
    let error = list(server.store(&[])).await.unwrap_err();
    assert!(
        all_of(&error).contains("SlowDown: Please reduce"),
        "{error:?}"
    );
    assert!(error.may_pass());
    assert_eq!(server.requests().len(), 5, "one try and four more");
}

#[tokio::test]
async fn a_store_that_never_answers_is_not_waited_for_for_ever() {
    let server = Canned::start(|_, _| None);
    let begun = Instant::now();
    let store = server.store(&[("AWS_TIMEOUT", "50ms")]);
    let error = list(store).await.unwrap_err();
    assert!(all_of(&error).contains("AWS_TIMEOUT"), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(30));
}

/// What a store answers that has nothing and takes everything.
fn takes_all(request: &crate::canned::Request) -> Option<Answer> {
    let body = match request.method.as_str() {
        "GET" => "<ListBucketResult></ListBucketResult>",
        "POST" => "<DeleteResult></DeleteResult>",
        _ => "",
    };
    Some(("200 OK", "etag: \"x\"\r\n", body.to_owned()))
}

/// Some stores that speak S3 take `If-None-Match` for a header they do not know, and overwrite.
#[tokio::test]
async fn a_store_that_overwrites_is_refused_before_anything_is_committed() {
    let server = Canned::start(|_, request| takes_all(request));
    let error = server.store(&[]).prepare().await.unwrap_err();
    assert_is!(error, StoreError::CreateOnly { source: None, .. });
    assert!(all_of(&error).contains("s3://crime/batches: the store lets a second creation"));
    let requests = server.requests();
    let puts: Vec<_> = requests.iter().filter(|it| it.method == "PUT").collect();
    assert_eq!(puts.len(), 2);
    assert!(
        puts.iter().all(|it| it.head.contains("if-none-match: *")),
        "{puts:?}"
    );
    assert!(puts[0].path.contains("/crime/batches/.probe.") && puts[0].path == puts[1].path);
    assert!(
        requests
            .iter()
            .any(|it| it.method == "POST" && it.path.contains("delete"))
    );
}

#[tokio::test]
async fn a_store_that_does_not_know_the_condition_is_refused() {
    let server = Canned::start(|_, request| match request.method.as_str() {
        "PUT" => refusal(
            "501 Not Implemented",
            "NotImplemented",
            "A header you provided",
        ),
        _ => takes_all(request),
    });
    let error = server.store(&[]).prepare().await.unwrap_err();
    assert_is!(
        error,
        StoreError::CreateOnly {
            source: Some(_),
            ..
        }
    );
    assert!(all_of(&error).contains("A header you provided"));
}

/// A process that only reads needs no right to write.
#[tokio::test]
async fn readers_do_not_probe() {
    let server = Canned::start(|_, request| takes_all(request));
    list(server.store(&[])).await.unwrap();
    assert!(server.requests().iter().all(|it| it.method == "GET"));
}

/// A machine's role is asked where no key is set. The answer may be a page of anything.
#[tokio::test]
async fn a_machine_without_a_role_is_told_from_a_store() {
    let server = Canned::start(|_, _| Some(("404 Not Found", "", "<html>no</html>".to_owned())));
    let vars = [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_METADATA_ENDPOINT", server.url.as_str()),
    ];
    let store = S3Settings::from_vars(vars).open("s3://crime/a").unwrap();
    let error = list(store).await.unwrap_err();
    let text = all_of(&error);
    assert!(
        text.contains("s3://crime/a") && text.contains("no AWS_ACCESS_KEY_ID is set"),
        "{text}"
    );
    assert!(matches!(error, StoreError::Credentials { .. }), "{error:?}");
}
