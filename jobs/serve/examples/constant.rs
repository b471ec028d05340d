//! The server of `gugus serve` with a handler that reads the body and answers a constant, for `bench/serve`. The difference
//! between the two is the work of the guards and of a prediction.

use std::net::TcpListener;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use warp::Filter;
use warp::http::header::CONTENT_TYPE;
use warp::http::{HeaderValue, Response};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let answer = |_: Bytes| {
        let mut response = Response::new(Bytes::from_static(b"{\"cluster\":2}"));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    };
    let routes = warp::path!("predict").and(warp::body::bytes()).map(answer);
    let ready = |address| println!("ready rest=http://{address}");
    gugus_http::serve(listener, routes.boxed(), ready, CancellationToken::new()).await?;
    Ok(())
}
