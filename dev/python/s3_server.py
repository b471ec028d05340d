"""A store that speaks S3, for tests: moto's server, made as strict as S3 where our commits need it.

    python dev/python/s3_server.py BUCKET...

Makes the buckets, prints `ready http://127.0.0.1:PORT` and serves until its standard input is closed, which happens at
the latest when whoever started it ends. What is stored is gone then. Wants the packages of s3_server.txt.

What moto has: conditional creation (If-None-Match: *), ranges from the end, listings in pages with a delimiter, metadata.
What it has not, and what is done about it here:

* Creation is not atomic: moto looks whether an object is there and then writes it, in as many threads as there are
  requests. Of 100 names that four clients created at the same time, 3 were created twice. So here one request is served
  at a time.
* S3 may answer such a pair by 409 ConditionalRequestConflict, to be asked again; moto never does. So below `/conflicts/`
  the first PUT of each name but a probe's is answered so, and does nothing.
* No answer is lost: below `/lost-answers/` the first PUT of each name takes effect, and is answered by 500.
* Credentials are not looked at, and all regions are one. `jobs/files/tests/it/answers.rs` has what S3 says about those.
"""

import sys
import threading

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server

LOST_ANSWERS = "/lost-answers/"
CONFLICTS = "/conflicts/"
CONFLICT = b"<Error><Code>ConditionalRequestConflict</Code><Message>At the same time as another.</Message></Error>"


class Strict:
    """moto's application, one request at a time."""

    def __init__(self, moto):
        self.moto = moto
        self.one = threading.Lock()
        self.seen = set()

    def __call__(self, environ, start_response):
        with self.one:
            path = environ["PATH_INFO"]
            if environ["REQUEST_METHOD"] != "PUT" or path in self.seen:
                return list(self.moto(environ, start_response))
            self.seen.add(path)
            if CONFLICTS in path and "/.probe." not in path:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start_response("409 Conflict", [("Content-Length", str(len(CONFLICT)))])
                return [CONFLICT]
            if LOST_ANSWERS in path:
                list(self.moto(environ, lambda *_: None))
                start_response("500 Internal Server Error", [("Content-Length", "0")])
                return []
            return list(self.moto(environ, start_response))


class Quiet(WSGIRequestHandler):
    """Says nothing about requests that were answered."""

    def log_request(self, *_):
        pass


def main():
    buckets = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for name in sys.argv[1:]:
        buckets.create_bucket(name, "us-east-1")
    application = Strict(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"ready http://127.0.0.1:{server.port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
