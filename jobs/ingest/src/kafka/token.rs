//! Tokens for `sasl.mechanism=OAUTHBEARER`. Invariant: neither a token nor a client's secret is ever shown.
//!
//! librdkafka fetches tokens by itself only if it is built with curl, which rdkafka cannot bundle. So this module takes the
//! properties about tokens, and follows them as librdkafka would. `sasl.oauthbearer.method=oidc` asks an identity provider
//! by the client credentials grant (RFC 6749, section 4.4). The default makes unsecured tokens (RFC 7515, appendix A.5),
//! which brokers take in development only.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use rdkafka::client::OAuthToken;
use serde::Deserialize;
use tokio::runtime::Handle;

use crate::Error;

/// How long an identity provider may take. librdkafka asks again ten seconds after a failure.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a token lasts if its provider does not say.
const LIFETIME: Duration = Duration::from_secs(3600);

/// The properties that we follow in place of librdkafka.
const OURS: [&str; 7] = [
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.token.endpoint.url",
    "https.ca.location",
    "enable.sasl.oauthbearer.unsecure.jwt",
];

/// Where tokens come from.
pub(crate) struct Tokens {
    source: Source,
    /// Its threads ask the identity provider.
    runtime: Handle,
}

enum Source {
    /// No property allows unsecured tokens.
    Nothing,
    Unsecured,
    Provider(Provider),
}

struct Provider {
    endpoint: String,
    id: String,
    secret: String,
    scope: Option<String>,
    authority: Option<reqwest::Certificate>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Tokens {
    /// Takes the properties about tokens out of `properties`.
    pub(crate) fn take(
        properties: &mut BTreeMap<String, String>,
        runtime: &Handle,
    ) -> Result<Self, Error> {
        let mut ours: BTreeMap<&str, String> = BTreeMap::new();
        for key in OURS {
            ours.extend(properties.remove(key).map(|value| (key, value)));
        }
        let source = match ours.remove("sasl.oauthbearer.method").as_deref() {
            Some("oidc") => {
                let mut need = |key: &'static str| {
                    ours.remove(key)
                        .filter(|value| !value.is_empty())
                        .ok_or_else(|| {
                            Error::property(key, "sasl.oauthbearer.method=oidc needs it")
                        })
                };
                Source::Provider(Provider {
                    endpoint: need("sasl.oauthbearer.token.endpoint.url")?,
                    id: need("sasl.oauthbearer.client.id")?,
                    secret: need("sasl.oauthbearer.client.secret")?,
                    scope: ours.remove("sasl.oauthbearer.scope"),
                    authority: match ours.remove("https.ca.location") {
                        Some(path) => Some(certificate(&path)?),
                        None => None,
                    },
                })
            }
            None | Some("default") => {
                match ours
                    .remove("enable.sasl.oauthbearer.unsecure.jwt")
                    .as_deref()
                {
                    Some("true") => Source::Unsecured,
                    _ => Source::Nothing,
                }
            }
            Some(_) => {
                let reason = "its value is refused; it is oidc or default";
                return Err(Error::property("sasl.oauthbearer.method", reason));
            }
        };
        Ok(Self {
            source,
            runtime: runtime.clone(),
        })
    }

    /// A new token. `config` is the value of `sasl.oauthbearer.config`. Blocks the calling thread, which is one of ours.
    pub(crate) fn generate(&self, config: Option<&str>) -> Result<OAuthToken, Failure> {
        match &self.source {
            Source::Provider(provider) => self.runtime.block_on(provider.ask()),
            Source::Unsecured => unsecured(config.unwrap_or_default()),
            Source::Nothing => Err("nothing says where tokens come from: set sasl.oauthbearer.method=oidc and what it \
                 needs"
                .into()),
        }
    }
}

fn certificate(path: &str) -> Result<reqwest::Certificate, Error> {
    let wrong = |reason: String| Error::property("https.ca.location", reason);
    let pem = gugus_error::read_regular(path.as_ref())
        .map_err(|e| wrong(format!("{path}: {e}; correct the path")))?;
    reqwest::Certificate::from_pem(&pem)
        .map_err(|_| wrong(format!("{path}: no certificate in PEM; name another file")))
}

/// The answer of a provider.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<u64>,
}

/// The claims that we read of a token of RFC 7519.
#[derive(Default, Deserialize)]
struct Claims {
    sub: Option<String>,
    exp: Option<f64>,
}

impl Provider {
    async fn ask(&self) -> Result<OAuthToken, Failure> {
        let mut client = reqwest::Client::builder().timeout(PATIENCE);
        if let Some(authority) = &self.authority {
            client = client.add_root_certificate(authority.clone());
        }
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        // Names and secrets are form-encoded before they go into the header: RFC 6749, section 2.3.1.
        let encoded = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let login =
            BASE64_STANDARD.encode(format!("{}:{}", encoded(&self.id), encoded(&self.secret)));
        let response = client
            .build()?
            .post(&self.endpoint)
            .header("authorization", format!("Basic {login}"))
            .header("accept", "application/json")
            .form(&form)
            .send()
            .await?;
        let status = response.status();
        if !status.is_success() {
            // The body may repeat what was sent.
            return Err(format!(
                "the identity provider at {} answered {status}",
                self.endpoint
            )
            .into());
        }
        let answer: Answer = serde_json::from_slice(&response.bytes().await?)
            .map_err(|_| format!("the answer of {} has no access_token", self.endpoint))?;
        let claims = claims(&answer.access_token);
        let lasts = answer.expires_in.map_or(LIFETIME, Duration::from_secs);
        let until = match claims.exp {
            Some(seconds) => (seconds * 1000.0) as i64,
            None => milliseconds(SystemTime::now() + lasts),
        };
        Ok(OAuthToken {
            token: answer.access_token,
            principal_name: claims.sub.unwrap_or_else(|| self.id.clone()),
            lifetime_ms: until,
        })
    }
}

/// The claims of a token. An opaque token has none, and a broker may take it all the same.
fn claims(token: &str) -> Claims {
    let claims = token.split('.').nth(1);
    claims
        .and_then(|claims| BASE64_URL_SAFE_NO_PAD.decode(claims).ok())
        .and_then(|claims| serde_json::from_slice(&claims).ok())
        .unwrap_or_default()
}

/// A token without a signature. `config` as librdkafka has it: `principal=admin scope=a,b lifeSeconds=600`.
fn unsecured(config: &str) -> Result<OAuthToken, Failure> {
    let mut principal = None;
    let mut scope = Vec::new();
    let mut lasts = LIFETIME;
    for pair in config.split_whitespace() {
        match pair.split_once('=') {
            Some(("principal", name)) => principal = Some(name),
            Some(("scope", names)) => scope = names.split(',').collect(),
            Some(("lifeSeconds", seconds)) => lasts = Duration::from_secs(seconds.parse()?),
            _ => {
                return Err(
                    "sasl.oauthbearer.config is principal=NAME, and may have scope=A,B and lifeSeconds=N".into(),
                );
            }
        }
    }
    let principal = principal.ok_or("sasl.oauthbearer.config needs principal=NAME")?;
    let now = SystemTime::now();
    let claims = serde_json::json!({
        "sub": principal,
        "iat": milliseconds(now) / 1000,
        "exp": milliseconds(now + lasts) / 1000,
        "scope": scope,
    });
    let part = |json: String| BASE64_URL_SAFE_NO_PAD.encode(json);
    let header = part(serde_json::json!({ "alg": "none" }).to_string());
    Ok(OAuthToken {
        token: format!("{header}.{}.", part(claims.to_string())),
        principal_name: principal.to_owned(),
        lifetime_ms: milliseconds(now + lasts),
    })
}

fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(pairs: &[(&str, &str)]) -> Result<Tokens, Error> {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        Tokens::take(&mut pairs.iter().map(pair).collect(), runtime.handle())
    }

    #[test]
    fn an_unsecured_token_says_who_and_how_long() {
        let tokens = tokens(&[("enable.sasl.oauthbearer.unsecure.jwt", "true")]).unwrap();
        let token = tokens
            .generate(Some("principal=ada scope=a,b lifeSeconds=60"))
            .unwrap();
        let parts: Vec<&str> = token.token.split('.').collect();
        assert_eq!((parts.len(), parts[2]), (3, ""));
        let claims = claims(&token.token);
        assert_eq!(claims.sub.as_deref(), Some("ada"));
        assert_eq!(token.principal_name, "ada");
        let left = token.lifetime_ms - milliseconds(SystemTime::now());
        assert!((50_000..=60_000).contains(&left), "{left}");
        assert!(tokens.generate(Some("user=ada")).is_err());
        assert!(tokens.generate(None).is_err());
    }

    #[test]
    fn nothing_is_made_up() {
        let none = tokens(&[]).unwrap().generate(Some("principal=ada"));
        assert!(none.err().unwrap().to_string().contains("oidc"));
        let missing = tokens(&[
            ("sasl.oauthbearer.method", "oidc"),
            ("sasl.oauthbearer.client.secret", "s3cr3t"),
        ]);
        let text = missing.err().unwrap().to_string();
        assert!(
            text.contains("sasl.oauthbearer.token.endpoint.url") && !text.contains("s3cr3t"),
            "{text}"
        );
    }
}
