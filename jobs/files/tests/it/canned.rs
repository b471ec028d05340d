//! A server that gives the answers a test has written down, for what no server can be made to say.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use gugus_files::{S3Settings, Store};

/// What no message may hold.
pub(crate) const SECRETS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIAHUSHHUSH"),
    ("AWS_SECRET_ACCESS_KEY", "s3cr3ts3cr3t"),
    ("AWS_SESSION_TOKEN", "t0k3nt0k3nt0k3n"),
];

/// A request, as far as answers depend on it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    /// All lines of the head, in lower case.
    pub(crate) head: String,
}

/// Status, further header lines, body.
pub(crate) type Answer = (&'static str, &'static str, String);

/// A server on a free port. Its thread ends with the process.
pub(crate) struct Canned {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Canned {
    /// Answers each request, by what `answer` says of it and its number from 0; `None` leaves it without an answer.
    pub(crate) fn start(
        answer: impl Fn(usize, &Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let (answer, seen) = (Arc::new(answer), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                // One each, so that one without an answer holds up nobody.
                std::thread::spawn(move || serve(stream, &*answer, &seen));
            }
        });
        Self { url, requests }
    }

    /// What was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// A store there, with [`SECRETS`] for credentials.
    pub(crate) fn store(&self, more: &[(&str, &str)]) -> Store {
        let here = [
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
        ];
        let vars = SECRETS.iter().chain(&here).chain(more).copied();
        S3Settings::from_vars(vars)
            .open("s3://crime/batches")
            .unwrap()
    }
}

fn serve(
    mut stream: TcpStream,
    answer: &dyn Fn(usize, &Request) -> Option<Answer>,
    seen: &Mutex<Vec<Request>>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head.split_once("content-length: ").map_or(0, |(_, rest)| {
        rest.lines().next().unwrap().trim().parse().unwrap()
    });
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut words = head.split(' ');
    let request = Request {
        method: words.next().unwrap().to_ascii_uppercase(),
        path: words.next().unwrap().to_owned(),
        head: head.clone(),
    };
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    match answer(number, &request) {
        Some((status, headers, body)) => {
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
        None => {
            // Until the client gives up.
            let _ = reader.read(&mut [0]);
        }
    }
}
