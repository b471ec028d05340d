//! The endpoint of buckets, and the credentials for them.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
};

use super::{bucket::Bucket, errors, location::Location};
use crate::{Store, StoreError};

/// How often the client tries a request again by itself. Commits and reject files are tried again on top of this. Four
/// retries outlast a connection that was cut, and a store that asks to slow down.
const RETRIES: usize = 4;

/// No retry is begun after this time. With the client's limit for one request (30 s, `AWS_TIMEOUT`) this bounds every
/// access to below a minute.
const RETRY_FOR: Duration = Duration::from_secs(20);

/// The longest wait between two tries. The client's own, 15 s, would leave room for two tries only.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Variables that are not taken: a location names the bucket, and commits always need conditional
/// writes.
const NOT_TAKEN: [AmazonS3ConfigKey; 3] = [
    AmazonS3ConfigKey::Bucket,
    AmazonS3ConfigKey::ConditionalPut,
    AmazonS3ConfigKey::CopyIfNotExists,
];

/// Where buckets are and by which right we use them: endpoint, region, credentials, as AWS' own variables say.
///
/// | variable | says |
/// |---|---|
/// | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | the credentials |
/// | `AWS_REGION`, else `AWS_DEFAULT_REGION` | the region, else us-east-1 |
/// | `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL` | where a store that is not Amazon's is |
/// | `AWS_ALLOW_HTTP` | `true`: the endpoint may be `http://`, without encryption |
/// | `AWS_TIMEOUT`, `AWS_CONNECT_TIMEOUT` | how long one request (30s) and connecting (5s) may take |
///
/// Without keys, the role of a web identity (`AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN`), of a container
/// (`AWS_CONTAINER_CREDENTIALS_…`) or of the machine is used. Files of profiles are not read, so a location is refused
/// where only `AWS_PROFILE` is set. The credentials have to allow `s3:ListBucket` and `s3:GetObject`, to write also
/// `s3:PutObject` and `s3:DeleteObject`. Variables that are set to nothing count as not set. Certificates of a private authority are
/// taken from `SSL_CERT_FILE`.
///
/// ```
/// use gugus_files::S3Settings;
/// let settings = S3Settings::from_vars([("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")]);
/// let store = settings.open("s3://crime/batches")?;
/// assert_eq!(store.registry_url(), "s3://crime/");
/// assert_eq!(store.object_path("batch_00000001.parquet").as_ref(), "batches/batch_00000001.parquet");
/// # Ok::<(), gugus_files::StoreError>(())
/// ```
#[derive(Clone)]
pub struct S3Settings {
    builder: AmazonS3Builder,
    /// The variables that are no settings of the client.
    others: BTreeMap<String, String>,
}

impl S3Settings {
    /// From the environment of this process.
    pub fn from_env() -> Self {
        let vars = std::env::vars_os();
        Self::from_vars(vars.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// From variables and their values. Variables that do not begin with `AWS_` are ignored.
    pub fn from_vars<N: Into<String>, V: Into<String>>(
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let retry = RetryConfig {
            backoff: BackoffConfig {
                max_backoff: LONGEST_WAIT,
                ..BackoffConfig::default()
            },
            max_retries: RETRIES,
            retry_timeout: RETRY_FOR,
        };
        let mut builder = AmazonS3Builder::new().with_retry(retry);
        // In the order of their names, so that of two names of one setting the same goes first every time.
        let vars: BTreeMap<String, String> = vars
            .into_iter()
            .map(|(name, value)| (name.into(), value.into().trim().to_owned()))
            .filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty())
            .collect();
        let mut others = BTreeMap::new();
        for (name, value) in vars {
            match name.to_ascii_lowercase().parse() {
                Ok(key) if NOT_TAKEN.contains(&key) => {}
                Ok(key) => builder = builder.with_config(key, value),
                Err(_) => drop(others.insert(name, value)),
            }
        }
        Self { builder, others }
    }

    /// Opens `s3://bucket/prefix`, with a client of its own. [`Stores`](crate::Stores) shares one client of each bucket.
    ///
    /// Nothing is asked of the store yet.
    ///
    /// # Errors
    /// [`StoreError::Location`] for what names no bucket or prefix, [`StoreError::Settings`] for variables that are
    /// missing or contradict each other.
    pub fn open(&self, location: &str) -> Result<Store, StoreError> {
        let location = Location::parse(location)?;
        let objects = self.client(&location)?;
        Ok(location.on(objects))
    }

    pub(crate) fn client(&self, location: &Location) -> Result<Arc<dyn ObjectStore>, StoreError> {
        let wrong = |reason: String| StoreError::Settings {
            location: location.to_string(),
            reason,
        };
        if let Some(reason) = self.contradiction() {
            return Err(wrong(reason));
        }
        let s3 = self
            .builder
            .clone()
            .with_bucket_name(&location.bucket)
            .build();
        let endpoint = self.endpoint();
        let hidden = self.hidden();
        let s3 = s3.map_err(|e| wrong(errors::scrubbed(&e.to_string(), &hidden)))?;
        tracing::debug!(bucket = location.bucket, endpoint, "a client for a bucket");
        Ok(Arc::new(Bucket::new(
            s3,
            &location.bucket,
            endpoint,
            hidden,
        )))
    }

    /// The reason why the settings cannot be used at all.
    fn contradiction(&self) -> Option<String> {
        use AmazonS3ConfigKey::{
            AccessKeyId, ContainerCredentialsFullUri, ContainerCredentialsRelativeUri,
        };
        use AmazonS3ConfigKey::{SecretAccessKey, SkipSignature, WebIdentityTokenFile};
        let set = |key| self.builder.get_config_value(&key).is_some();
        match (set(AccessKeyId), set(SecretAccessKey)) {
            (true, false) => {
                return Some(
                    "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not".to_owned(),
                );
            }
            (false, true) => {
                return Some(
                    "AWS_SECRET_ACCESS_KEY is set, and AWS_ACCESS_KEY_ID is not".to_owned(),
                );
            }
            _ => {}
        }
        let unsigned = self
            .builder
            .get_config_value(&SkipSignature)
            .is_some_and(|value| is_true(&value));
        let given = unsigned
            || [
                AccessKeyId,
                WebIdentityTokenFile,
                ContainerCredentialsRelativeUri,
                ContainerCredentialsFullUri,
            ]
            .into_iter()
            .any(set);
        if !given {
            let other = |name: &str| self.others.get(name);
            if let Some(profile) = other("AWS_PROFILE") {
                return Some(format!(
                    "AWS_PROFILE names {profile:?}, and files of profiles are not read; set AWS_ACCESS_KEY_ID and \
                     AWS_SECRET_ACCESS_KEY, as `aws configure export-credentials --format env` prints them"
                ));
            }
            if other("AWS_EC2_METADATA_DISABLED").is_some_and(|value| is_true(value)) {
                return Some(
                    "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                        .to_owned(),
                );
            }
        }
        let endpoint = self.endpoint_variable()?;
        let http = AmazonS3ConfigKey::Client(object_store::ClientConfigKey::AllowHttp);
        let allowed = self
            .builder
            .get_config_value(&http)
            .is_some_and(|value| is_true(&value));
        match endpoint.split_once("://").map(|(scheme, _)| scheme) {
            Some("https") => None,
            Some("http") if allowed => None,
            Some("http") => Some(format!(
                "its endpoint is {}, without encryption; set AWS_ALLOW_HTTP=true if that is meant",
                self.endpoint()
            )),
            _ => Some(format!(
                "its endpoint {} is no url of http or https; AWS_ENDPOINT_URL is like https://s3.example.org",
                self.endpoint()
            )),
        }
    }

    fn endpoint_variable(&self) -> Option<String> {
        let value = |key| self.builder.get_config_value(&key);
        value(AmazonS3ConfigKey::S3Endpoint).or_else(|| value(AmazonS3ConfigKey::Endpoint))
    }

    /// The endpoint as messages name it. The part before an `@` is left out, because it may be a secret.
    fn endpoint(&self) -> String {
        let Some(endpoint) = self.endpoint_variable() else {
            let region = self.builder.get_config_value(&AmazonS3ConfigKey::Region);
            return format!(
                "s3.{}.amazonaws.com",
                region.as_deref().unwrap_or("us-east-1")
            );
        };
        match endpoint.split_once("://") {
            Some((scheme, rest)) => {
                let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
                format!(
                    "{scheme}://{}",
                    authority.rsplit('@').next().unwrap_or_default()
                )
            }
            None => endpoint.rsplit('@').next().unwrap_or_default().to_owned(),
        }
    }

    /// Secrets that must not be in any message.
    fn hidden(&self) -> Vec<String> {
        // By name, since the type of the last one is not public.
        let keys = [
            "access_key_id",
            "secret_access_key",
            "session_token",
            "sse_customer_key_base64",
        ];
        let value = |key: &&str| self.builder.get_config_value(&key.parse().ok()?);
        keys.iter().filter_map(value).collect()
    }
}

/// Shows the endpoint, and no credentials.
impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Settings({})", self.endpoint())
    }
}

fn is_true(value: &str) -> bool {
    // The values that the client takes for yes.
    ["1", "true", "on", "yes", "y"]
        .iter()
        .any(|yes| value.eq_ignore_ascii_case(yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [(&str, &str); 2] = [
        ("AWS_ACCESS_KEY_ID", "AKIAXXXX"),
        ("AWS_SECRET_ACCESS_KEY", "s3cr3t"),
    ];

    fn settings(more: &[(&str, &str)]) -> S3Settings {
        S3Settings::from_vars(KEYS.iter().chain(more).copied())
    }

    #[test]
    fn locations_name_a_bucket_and_a_prefix() {
        for (location, url, path) in [
            ("s3://crime", "s3://crime/", "f"),
            ("s3://crime/", "s3://crime/", "f"),
            ("S3://crime/a/b/", "s3://crime/", "a/b/f"),
            ("s3://la.crime_2/a b", "s3://la.crime_2/", "a b/f"),
        ] {
            let store = settings(&[]).open(location).unwrap();
            assert_eq!(
                (store.registry_url(), store.object_path("f").as_ref()),
                (url, path)
            );
        }
        assert_eq!(
            settings(&[]).open("s3://crime/a/").unwrap().to_string(),
            "s3://crime/a"
        );
        for location in [
            "s3://",
            "s3:///a",
            "s3://b?x=y/a",
            "s3://b/a//c",
            "s3://b/../c",
        ] {
            let refused = settings(&[]).open(location);
            assert!(
                matches!(refused, Err(StoreError::Location { .. })),
                "{location}: {refused:?}"
            );
        }
    }

    #[test]
    fn secrets_in_a_location_are_refused_and_not_repeated() {
        let error = settings(&[]).open("s3://key:hush@crime/a").unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("crime") && !text.contains("hush") && !text.contains("key:"),
            "{text}"
        );
    }

    #[test]
    fn settings_that_contradict_each_other_are_named() {
        let refused = |vars: &[(&str, &str)]| {
            let error = S3Settings::from_vars(vars.iter().copied())
                .open("s3://crime/a")
                .unwrap_err();
            assert!(matches!(error, StoreError::Settings { .. }), "{error:?}");
            let text = format!("{error} {error:?}");
            assert!(
                text.contains("s3://crime/a") && !text.contains("s3cr3t"),
                "{text}"
            );
            text
        };
        assert!(refused(&KEYS[..1]).contains("AWS_SECRET_ACCESS_KEY is not"));
        assert!(refused(&KEYS[1..]).contains("AWS_ACCESS_KEY_ID is not"));
        assert!(refused(&[("AWS_PROFILE", "work")]).contains("export-credentials"));
        assert!(refused(&[("AWS_EC2_METADATA_DISABLED", "true")]).contains("no credentials"));
        let endpoint = |url: &str| refused(&[KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", url)]);
        assert!(
            endpoint("http://u:s3cr3t@127.0.0.1:9000/x").contains("http://127.0.0.1:9000, without")
        );
        assert!(endpoint("s3.example.org").contains("no url"));
        let vars = [
            KEYS[0],
            KEYS[1],
            ("AWS_ALLOW_HTTP", "maybe"),
            ("AWS_SESSION_TOKEN", "s3cr3t"),
        ];
        assert!(refused(&vars).contains("maybe"));
    }

    #[test]
    fn what_is_set_to_nothing_is_not_set() {
        let vars = [
            ("AWS_SESSION_TOKEN", ""),
            ("AWS_ENDPOINT_URL", " "),
            ("AWS_PROFILE", ""),
        ];
        settings(&vars).open("s3://crime").unwrap();
        settings(&[("AWS_PROFILE", "work")])
            .open("s3://crime")
            .unwrap();
        let vars = [("AWS_PROFILE", "work"), ("AWS_SKIP_SIGNATURE", "true")];
        S3Settings::from_vars(vars).open("s3://crime").unwrap();
    }

    #[test]
    fn the_endpoint_for_s3_goes_first() {
        let general = ("AWS_ENDPOINT_URL", "https://general.example.org");
        let own = ("AWS_ENDPOINT_URL_S3", "https://own.example.org/path");
        assert_eq!(
            settings(&[general, own]).endpoint(),
            "https://own.example.org"
        );
        assert_eq!(
            settings(&[general]).endpoint(),
            "https://general.example.org"
        );
        assert_eq!(settings(&[]).endpoint(), "s3.us-east-1.amazonaws.com");
        let regions = [
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_REGION", "eu-north-1"),
        ];
        assert_eq!(settings(&regions).endpoint(), "s3.eu-north-1.amazonaws.com");
        assert_eq!(
            settings(&regions[..1]).endpoint(),
            "s3.eu-west-1.amazonaws.com"
        );
    }

    #[test]
    fn nothing_that_is_printed_holds_a_secret() {
        let settings = settings(&[
            ("AWS_SESSION_TOKEN", "t0k3n"),
            ("AWS_SSE_CUSTOMER_KEY_BASE64", "cust0m"),
        ]);
        let store = settings.open("s3://crime/a").unwrap();
        let objects = store.object_store();
        let text = format!(
            "{settings:?} {settings:#?} {store:?} {store} {objects:?} {objects:#?} {objects}"
        );
        for secret in ["AKIAXXXX", "s3cr3t", "t0k3n", "cust0m"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(text.contains("s3://crime"), "{text}");
    }
}
