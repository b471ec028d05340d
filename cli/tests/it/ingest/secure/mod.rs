//! TLS and SASL: `produce` and `ingest` with a real Kafka that lets nobody else in, and the secrets that they never print.

mod broker;
mod provider;

use crate::kit::same::holds;
use std::time::{Duration, Instant};

use serde_json::json;

use self::broker::{Secure, Way};
use self::provider::Provider;
use crate::kit::process::{Gugus, Output, run};
use crate::kit::work::Work;

/// How long a refusal may take: twelve seconds for trying the broker, and room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const RECORDS: usize = 200;

/// Flags that make a client print our own debug lines and librdkafka's.
const TALKATIVE: [&str; 6] = [
    "--log",
    "gugus=debug,gugus_ingest=trace,rdkafka=trace,librdkafka=trace",
    "-K",
    "debug=all",
    "-K",
    "log_level=7",
];

/// A job, records for it, and a topic of its own.
struct Stream {
    work: Work,
    job: String,
    csv: String,
}

impl Stream {
    fn new(kafka: &Secure, prefix: &str) -> Stream {
        let topic = kafka.kafka.fresh_topic(prefix, 2);
        let work = Work::new();
        let job = work.write(
            "job.toml",
            format!(
                "name = \"{topic}\"\n[source]\ntopic = \"{topic}\"\n[source.columns]\n\"x\" = {{ type = \"int64\", required = true }}\n\
                 [batches]\nrows = 50\n"
            ),
        );
        let rows: String = (0..RECORDS).map(|x| format!("{x}\n")).collect();
        let csv = work.write("in.csv", format!("x\n{rows}"));
        Stream { work, job, csv }
    }

    fn produce(&self, way: &Way, how: &[String]) -> Gugus {
        let call = ["produce", "--output", "json", "--input", &self.csv];
        let at = ["--job", &self.job, "--brokers", &way.brokers];
        Gugus::new(call).with(at).with(how)
    }

    fn ingest(&self, way: &Way, how: &[String]) -> Gugus {
        let batches = self.work.path("batch");
        let call = ["ingest", "--output", "json", "--until-end"];
        let at = ["--job", &self.job, "--brokers", &way.brokers];
        Gugus::new(call)
            .with(["--batches", &batches])
            .with(at)
            .with(how)
    }

    /// Sends all records and takes them back. Neither command prints a secret.
    #[track_caller]
    fn passes(&self, way: &Way, how: &[String]) {
        let sent = self.produce(way, how).run();
        keeps(&sent, way);
        assert_eq!(sent.expect(0).json()["records"], RECORDS);
        let taken = self.ingest(way, how).run();
        keeps(&taken, way);
        assert_eq!(taken.expect(0).json()["records"], RECORDS);
        let expected = json!({"records": RECORDS, "rejected": 0, "problems": []});
        holds(&self.work.verify(), expected);
    }

    /// Both commands are refused. Each names the brokers and, with one of these words, the reason.
    #[track_caller]
    fn is_refused(&self, way: &Way, how: &[String], words: &[&str]) {
        let begun = Instant::now();
        // Both try for a while, so they run at the same time.
        let both = [
            self.produce(way, how).spawn(),
            self.ingest(way, how).spawn(),
        ];
        for output in both.map(|command| command.wait()) {
            keeps(&output, way);
            let (code, error) = (output.code(), error(&output));
            assert!(matches!(code, 1 | 2), "{code}: {error}");
            assert!(error.contains(&way.brokers), "{error}");
            let is_said = words.iter().any(|word| error.contains(word));
            assert!(is_said, "none of {words:?} in: {error}");
        }
        assert!(begun.elapsed() < PATIENCE);
        let batch = self.work.path("batch/batch_00000001.parquet");
        assert!(!std::path::Path::new(&batch).exists());
    }
}

/// The error, from its line on.
#[track_caller]
fn error(output: &Output) -> &str {
    let text = &output.stderr;
    if text.starts_with("error: ") {
        return text;
    }
    let at = text.find("\nerror: ");
    at.map_or_else(|| panic!("no error in: {text}"), |at| &text[at + 1..])
}

/// Checks that no secret was printed. A failing test must not print it either, so the text is in no assertion.
#[track_caller]
fn keeps(output: &Output, way: &Way) {
    for (number, secret) in way.secrets.iter().enumerate() {
        for (name, text) in [("output", &output.stdout), ("error", &output.stderr)] {
            let line = text.lines().position(|line| line.contains(secret));
            assert_eq!(line, None, "standard {name} shows secret {number}");
        }
    }
}

fn scram(kafka: &Secure) -> Way {
    kafka.password("SCRAM-SHA-512", broker::PASSWORD)
}

fn talkative(way: &Way) -> Vec<String> {
    let mut arguments = way.arguments();
    arguments.extend(TALKATIVE.map(str::to_owned));
    arguments
}

#[test]
fn tls_with_the_authority_of_the_brokers() {
    let Some(kafka) = Secure::shared() else {
        return;
    };
    let way = kafka.tls();
    Stream::new(kafka, "tls").passes(&way, &way.arguments());
}

#[test]
fn tls_with_a_certificate_of_the_client() {
    let Some(kafka) = Secure::shared() else {
        return;
    };
    let way = kafka.mutual_tls();
    Stream::new(kafka, "mtls").passes(&way, &talkative(&way));
    let way = kafka.mutual_tls_in_line();
    Stream::new(kafka, "mtls-in-line").passes(&way, &talkative(&way));
}

#[test]
fn sasl_plain() {
    let Some(kafka) = Secure::shared() else {
        return;
    };
    let way = kafka.password("PLAIN", broker::PASSWORD);
    Stream::new(kafka, "plain").passes(&way, &talkative(&way));
}

#[test]
fn sasl_scram() {
    let Some(kafka) = Secure::shared() else {
        return;
    };
    let way = scram(kafka);
    Stream::new(kafka, "scram").passes(&way, &talkative(&way));
}

#[test]
fn sasl_oauthbearer() {
    let Some(kafka) = Secure::shared() else {
        return;
    };
    let way = kafka.token("principal=ingest scope=records,more lifeSeconds=600");
    Stream::new(kafka, "token").passes(&way, &talkative(&way));
}

#[test]
fn sasl_oauthbearer_by_an_identity_provider() {
    let Some(kafka) = Secure::shared() else {
        return;
    };
    let provider = Provider::start();
    let way = kafka.provided(&provider, provider::SECRET);
    Stream::new(kafka, "provider").passes(&way, &talkative(&way));
    let way = kafka.provided(&provider, "Wr0ngS3cret");
    let stream = Stream::new(kafka, "no-provider");
    stream.is_refused(&way, &talkative(&way), &["401"]);
}

#[test]
fn the_same_from_a_properties_file() {
    let Some(kafka) = Secure::shared() else {
        return;
    };
    let ways = [
        ("file-tls", kafka.tls()),
        ("file-mtls", kafka.mutual_tls()),
        ("file-plain", kafka.password("PLAIN", broker::PASSWORD)),
        ("file-scram", scram(kafka)),
        ("file-token", kafka.token("principal=ingest scope=records")),
    ];
    for (name, way) in ways {
        let stream = Stream::new(kafka, name);
        let text = format!("# Who we are.\n\n{}\n  # The end.\n", way.file());
        let file = stream.work.write("client.properties", text);
        stream.passes(&way, &["--client-config".to_owned(), file]);
    }
}

#[test]
fn a_property_of_the_command_line_goes_before_the_file() {
    let Some(kafka) = Secure::shared() else {
        return;
    };
    let way = scram(kafka);
    let stream = Stream::new(kafka, "before");
    let wrong = way.clone().with("sasl.password", "Wr0ng-s3cret").file();
    let file = stream.work.write("client.properties", wrong);
    let password = format!("sasl.password={}", broker::PASSWORD);
    let how = ["--client-config", &file, "-K", &password];
    stream.passes(&way, &how.map(str::to_owned));
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let Some(kafka) = Secure::shared() else {
        return;
    };
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let way = kafka.password(mechanism, "Wr0ng-s3cret");
        let stream = Stream::new(kafka, "wrong");
        stream.is_refused(&way, &talkative(&way), &["uthentication"]);
    }
}

#[test]
fn a_token_that_is_not_taken_is_told_and_not_shown() {
    let Some(kafka) = Secure::shared() else {
        return;
    };
    // The broker wants another scope.
    let way = kafka.token("principal=ingest scope=letters");
    let stream = Stream::new(kafka, "no-token");
    stream.is_refused(&way, &talkative(&way), &["uthentication", "scope"]);
}

#[test]
fn a_broker_that_the_authority_does_not_know_is_told() {
    let Some(kafka) = Secure::shared() else {
        return;
    };
    let way = kafka.password("PLAIN", broker::PASSWORD);
    let way = way.with("ssl.ca.location", kafka.file("stranger.pem"));
    let stream = Stream::new(kafka, "stranger");
    stream.is_refused(&way, &talkative(&way), &["certificate"]);
}

#[test]
fn a_client_without_the_certificate_that_is_asked_for_is_told() {
    let Some(kafka) = Secure::shared() else {
        return;
    };
    let way = Way {
        brokers: kafka.mutual_tls().brokers,
        ..kafka.tls()
    };
    let stream = Stream::new(kafka, "no-certificate");
    stream.is_refused(&way, &talkative(&way), &["certificate"]);
}

/// This test needs no broker, because nothing is begun.
#[test]
fn a_property_that_nobody_knows_is_refused_by_its_name() {
    let work = Work::new();
    let job = work.job(10, "");
    let csv = work.csv("in.csv", &[["1", "2"]]);
    let text = "security.protocol=sasl_ssl\nsasl.pasword=S3cret-of-the-file\n";
    let file = work.write("client.properties", text);
    let on_the_line = ["-K", "sasl.pasword=S3cret-of-the-line"];
    let in_the_file = ["--client-config", &file];
    let brokers = "127.0.0.1:1";
    for how in [on_the_line, in_the_file] {
        let common = ["--job", &job, "--brokers", brokers];
        let (batches, input) = (work.path("batch"), csv.clone());
        let produce = [&["produce", "--input", &input], &common[..], &how].concat();
        let ingest = [&["ingest", "--batches", &batches], &common[..], &how].concat();
        for output in [run(produce), run(ingest)] {
            assert!(!output.stderr.contains("S3cret"), "its value is shown");
            let output = output.expect(2);
            assert!(error(&output).contains("sasl.pasword"), "{}", output.stderr);
        }
    }
}

#[test]
fn a_line_that_is_no_property_is_named_by_its_place() {
    let work = Work::new();
    let job = work.job(10, "");
    let text = "# Mine.\nsecurity.protocol=ssl\nS3cret that stands alone\n";
    let file = work.write("client.properties", text);
    let refuse = |how: &[&str]| {
        let call = ["ingest", "--brokers", "127.0.0.1:1", "--job", &job];
        let folder = ["--batches", &work.path("batch")];
        let output = run([&call, &folder[..], how].concat());
        assert!(!output.stderr.contains("S3cret"), "the line is shown");
        output.expect(2).stderr
    };
    let said = refuse(&["--client-config", &file]);
    assert!(
        said.contains("client.properties") && said.contains('3'),
        "{said}"
    );
    let said = refuse(&["--client-config", &work.path("nowhere.properties")]);
    assert!(said.contains("nowhere.properties"), "{said}");
    // A user who writes a colon has already written the secret.
    let said = refuse(&["-K", "sasl.password:S3cret"]);
    assert!(said.contains("-K"), "{said}");
}
