//! `gugus health`.

use std::time::Duration;

use clap::Args;
use thiserror::Error;
use ureq::http::Uri;

use crate::exit::{Code, Failure};
use crate::output::print;

/// How long the answer may take. These routes look at nothing but memory, so a slower answer comes from a service that cannot
/// be relied on. A container's check should not take longer than the time between two checks.
const WITHIN: Duration = Duration::from_secs(3);

/// The path to ask if the address has none.
const DEFAULT_PATH: &str = "/healthz";

/// Ask a running service whether it works: exit code 0 if it answers, 1 if not
///
/// The command serves the health checks of containers and service managers, where there is no curl. /healthz says that the
/// process lives, /readyz that it can take work. `gugus serve` calls them /health/live and /health/ready.
///
/// Example: gugus health http://127.0.0.1:8000/health/ready
///
/// Next: docs/deploy.md says which addresses the services have.
#[derive(Debug, Args)]
pub(crate) struct Health {
    /// The service, http://HOST:PORT, with the path to ask; /healthz when there is none
    #[arg(value_name = "URL")]
    url: Uri,
}

#[derive(Debug, Error)]
enum HealthError {
    #[error("\"{url}\" is no address to ask; write http://HOST:PORT or http://HOST:PORT/readyz")]
    Address { url: Uri },
    #[error("nobody answers at {url}")]
    Silent {
        url: String,
        #[source]
        source: ureq::Error,
    },
    #[error("{url} answered {status}{}", detail(text))]
    Unwell {
        url: String,
        status: u16,
        text: String,
    },
}

/// The text of the answer, which says why.
fn detail(text: &str) -> String {
    match text.trim() {
        "" => String::new(),
        text => format!(": {text}"),
    }
}

impl Health {
    pub(crate) fn run(self) -> Result<Code, Failure> {
        let url = address(self.url).map_err(Failure::usage)?;
        let text = ask(url).map_err(Failure::failed)?;
        print(&text)?;
        Ok(Code::Done)
    }
}

fn address(url: Uri) -> Result<String, HealthError> {
    match (url.scheme_str(), url.authority()) {
        (Some("http"), Some(authority)) => {
            let path = match url.path() {
                "/" | "" => DEFAULT_PATH,
                path => path,
            };
            Ok(format!("http://{authority}{path}"))
        }
        _ => Err(HealthError::Address { url }),
    }
}

/// The answer of a service that works.
fn ask(url: String) -> Result<String, HealthError> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(WITHIN))
        .http_status_as_error(false)
        // A service is asked itself, whatever proxy the environment names for the world outside.
        .proxy(None)
        .build();
    let answer = ureq::Agent::new_with_config(agent).get(&url).call();
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(source) => return Err(HealthError::Silent { url, source }),
    };
    let status = answer.status();
    // The status alone decides; words that cannot be read change nothing.
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    if status.is_success() {
        Ok(text.trim().to_owned())
    } else {
        Err(HealthError::Unwell {
            url,
            status: status.as_u16(),
            text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// Answers one request. Gives its address, and the path that was asked when it is joined.
    fn service(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut buffer).unwrap();
                assert_ne!(read, 0, "the request broke off");
                request.extend_from_slice(&buffer[..read]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            let request = String::from_utf8(request).unwrap();
            request.split(' ').nth(1).unwrap().to_owned()
        });
        (url, asked)
    }

    fn health(url: &str) -> Result<String, HealthError> {
        ask(address(url.parse().unwrap())?)
    }

    #[test]
    fn a_service_that_answers_is_well_and_healthz_is_asked_unless_a_path_is_given() {
        for (path, wanted) in [("", "/healthz"), ("/", "/healthz"), ("/readyz", "/readyz")] {
            let (url, asked) = service("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n");
            assert_eq!(health(&format!("{url}{path}")).unwrap(), "ok");
            assert_eq!(asked.join().unwrap(), wanted);
        }
    }

    #[test]
    fn a_service_that_is_not_ready_is_not_well_and_its_words_are_passed_on() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 10\r\n\r\nnot ready\n";
        let (url, asked) = service(answer);
        let error = health(&format!("{url}/readyz")).unwrap_err().to_string();
        assert_eq!(error, format!("{url}/readyz answered 503: not ready"));
        asked.join().unwrap();
    }

    #[test]
    fn nobody_there_is_not_well() {
        // The port is free again once the listener is gone.
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let error = health(&format!("http://{address}")).unwrap_err();
        assert!(matches!(error, HealthError::Silent { .. }), "{error}");
    }

    #[test]
    fn what_is_no_address_is_wrong_usage() {
        for text in [
            "127.0.0.1:8000",
            "/healthz",
            "https://127.0.0.1:8000",
            "host",
        ] {
            let error = address(text.parse().unwrap()).unwrap_err();
            assert!(matches!(error, HealthError::Address { .. }), "{text}");
        }
    }
}
