//! A Kafka behind TLS and SASL, and the ways in.

use std::sync::OnceLock;

use super::provider::Provider;
use crate::kit::certificates::Authority;
use crate::kit::kafka::{Kafka, More};

pub(crate) const USER: &str = "ingest";

/// A text that nothing else prints.
pub(crate) const PASSWORD: &str = "Pl41n-and-Scr4m-s3cret";

/// How every token without a signature begins: `{"alg":"none"}` in base64.
pub(crate) const TOKEN: &str = "eyJhbGciOiJub25lI";

const PROPERTIES: &str = include_str!("../../../../../dev/kafka/secure.properties");

/// The listeners of `dev/kafka/secure.properties`, in the order of their ports.
const LISTENERS: [&str; 3] = ["TLS", "MTLS", "SASL"];

/// A Kafka of our own that wants TLS, certificates or passwords.
pub(crate) struct Secure {
    pub(crate) kafka: Kafka,
    /// The client's key, PEM.
    key: String,
    certificate: String,
}

/// A way into a [`Secure`] Kafka.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) brokers: String,
    /// Properties of librdkafka.
    pub(crate) properties: Vec<(&'static str, String)>,
    /// What must never be printed.
    pub(crate) secrets: Vec<String>,
}

impl Secure {
    /// One for all tests of this binary, started by the first that asks.
    pub(crate) fn shared() -> Option<&'static Secure> {
        static SHARED: OnceLock<Option<Secure>> = OnceLock::new();
        SHARED.get_or_init(Secure::start).as_ref()
    }

    fn start() -> Option<Secure> {
        let authority = Authority::new("the tests' authority").expect("a certificate");
        let stranger = Authority::new("another authority").expect("a certificate");
        let broker = authority.server("127.0.0.1").expect("a certificate");
        let client = authority.client(USER).expect("a certificate");
        let keystore = [
            broker.key,
            broker.certificate,
            authority.certificate.clone(),
        ]
        .concat();
        let properties = PROPERTIES
            .replace("@USER@", USER)
            .replace("@PASSWORD@", PASSWORD);
        let kafka = Kafka::start_own_with(&More {
            properties: &properties,
            ports: &LISTENERS,
            files: &[
                ("keystore.pem", &keystore),
                ("authority.pem", &authority.certificate),
                ("stranger.pem", &stranger.certificate),
                ("client.pem", &client.certificate),
                ("client.key", &client.key),
            ],
            format: &[
                "--add-scram".to_owned(),
                format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]"),
            ],
        })?;
        Some(Secure {
            kafka,
            key: client.key,
            certificate: client.certificate,
        })
    }

    /// The path of a file in the broker's folder.
    pub(crate) fn file(&self, name: &str) -> String {
        self.kafka.folder().join(name).display().to_string()
    }

    fn way(&self, listener: usize, protocol: &str) -> Way {
        Way {
            brokers: format!("127.0.0.1:{}", self.kafka.port(listener)),
            properties: vec![
                ("security.protocol", protocol.to_owned()),
                ("ssl.ca.location", self.file("authority.pem")),
            ],
            secrets: Vec::new(),
        }
    }

    /// TLS; the client shows no certificate.
    pub(crate) fn tls(&self) -> Way {
        self.way(0, "ssl")
    }

    /// TLS where the client shows a certificate; key and certificate are files.
    pub(crate) fn mutual_tls(&self) -> Way {
        self.way(1, "ssl")
            .with("ssl.certificate.location", self.file("client.pem"))
            .with("ssl.key.location", self.file("client.key"))
            .keeping(self.key_lines())
    }

    /// The same, with key and certificate in the properties.
    pub(crate) fn mutual_tls_in_line(&self) -> Way {
        self.way(1, "ssl")
            .with("ssl.certificate.pem", &self.certificate)
            .with("ssl.key.pem", &self.key)
            .keeping(self.key_lines())
    }

    /// Name and password, by `PLAIN` or `SCRAM-SHA-512`.
    pub(crate) fn password(&self, mechanism: &str, password: &str) -> Way {
        self.way(2, "sasl_ssl")
            .with("sasl.mechanism", mechanism)
            .with("sasl.username", USER)
            .with("sasl.password", password)
            .keeping([password.to_owned(), PASSWORD.to_owned()])
    }

    /// A token without signature. The client makes it by this configuration.
    pub(crate) fn token(&self, configuration: &str) -> Way {
        self.way(2, "sasl_ssl")
            .with("sasl.mechanism", "OAUTHBEARER")
            .with("enable.sasl.oauthbearer.unsecure.jwt", "true")
            .with("sasl.oauthbearer.config", configuration)
            .keeping([configuration, TOKEN].map(str::to_owned))
    }

    /// A token of an identity provider, for this secret.
    pub(crate) fn provided(&self, provider: &Provider, secret: &str) -> Way {
        self.way(2, "sasl_ssl")
            .with("sasl.mechanism", "OAUTHBEARER")
            .with("sasl.oauthbearer.method", "oidc")
            .with("sasl.oauthbearer.token.endpoint.url", provider.endpoint())
            .with("sasl.oauthbearer.client.id", USER)
            .with("sasl.oauthbearer.client.secret", secret)
            .with("sasl.oauthbearer.scope", "records")
            .keeping([secret, TOKEN].map(str::to_owned))
            .keeping(Provider::secrets())
    }

    /// The lines between the first and the last line of the key's text.
    fn key_lines(&self) -> Vec<String> {
        let lines = self.key.lines().filter(|line| !line.starts_with('-'));
        lines.map(str::to_owned).collect()
    }
}

impl Way {
    /// With this property, which replaces one of the same name.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Way {
        self.properties.retain(|(known, _)| *known != name);
        self.properties.push((name, value.into()));
        self
    }

    fn keeping(mut self, secrets: impl IntoIterator<Item = String>) -> Way {
        self.secrets.extend(secrets);
        self
    }

    /// As arguments of the command line.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let pairs = self.properties.iter();
        pairs
            .flat_map(|(name, value)| ["-K".to_owned(), format!("{name}={value}")])
            .collect()
    }

    /// As the text of a properties file.
    pub(crate) fn file(&self) -> String {
        let pairs = self.properties.iter();
        pairs
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect()
    }
}
