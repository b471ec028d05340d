//! An identity provider with one client. It gives a token for the secret of this client only (RFC 6749, section 4.4).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// What the client must show.
pub(crate) const SECRET: &str = "Pr0viderS3cret";

/// `ingest:Pr0viderS3cret` in base64, and the beginning of `ingest:` with any secret.
const LOGIN: &str = "aW5nZXN0OlByMHZpZGVyUzNjcmV0";
const ANY_LOGIN: &str = "aW5nZXN0O";

/// `{"alg":"none"}` and `{"sub":"ingest","iat":1700000000,"exp":4000000000,"scope":["records"]}`, without signature.
const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJpbmdlc3QiLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6NDAwMDAwMDAwMCwic2NvcGUiOlsicmVjb3JkcyJdfQ.";

/// Answers until the test's process ends.
pub(crate) struct Provider {
    address: SocketAddr,
}

impl Provider {
    pub(crate) fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                // A client that hangs up early gets no answer.
                let _ = answer(connection);
            }
        });
        Provider { address }
    }

    /// The value for `sasl.oauthbearer.token.endpoint.url`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// The parts of an answer that must not be printed.
    pub(crate) fn secrets() -> [String; 3] {
        [SECRET, ANY_LOGIN, TOKEN].map(str::to_owned)
    }
}

fn answer(connection: TcpStream) -> std::io::Result<()> {
    let mut request = BufReader::new(&connection);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if request.read_line(&mut line)? <= 2 {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    request.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body);
    let granted = head.starts_with("POST /token ")
        && head.contains(&format!("Basic {LOGIN}"))
        && body.contains("grant_type=client_credentials")
        && body.contains("scope=records");
    let (status, text) = if granted {
        let rest = "\"token_type\":\"Bearer\",\"expires_in\":600";
        let text = format!("{{\"access_token\":\"{TOKEN}\",{rest}}}");
        ("200 OK", text)
    } else {
        // As some providers do, it repeats the refused request.
        (
            "401 Unauthorized",
            format!("{{\"error\":\"invalid_client\",\"seen\":{head:?}}}"),
        )
    };
    write!(
        &connection,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    )
}
