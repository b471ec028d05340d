# The image of every Gugus service: docker build -t gugus:0.1.0 .
# docker-compose.yml runs all services together; docs/deploy.md explains how to run them on more machines.
#
# Base images are pinned by tag. Somebody can move a tag. To get the same bytes for ever, pin by digest:
#   docker buildx imagetools inspect debian:bookworm-slim       # names the digest
#   docker build --build-arg RUNTIME=debian:bookworm-slim@sha256:… --build-arg RUST=rust:1.95.0-slim-bookworm@sha256:… .
# Both images must be of the same Debian, because the binary is linked against the libc of the first one.
ARG RUST=rust:1.95.0-slim-bookworm
ARG RUNTIME=debian:bookworm-slim

FROM ${RUST} AS build
# The crates bring the sources of librdkafka, OpenSSL and zstd, which are written in C.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential perl \
    && rm -rf /var/lib/apt/lists/*
# Use the image's own toolchain. rust-toolchain.toml names the same version, but also components that a build does not
# need.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
# BuildKit keeps these caches outside of all layers, so a second build compiles only what changed.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package gugus --bin gugus \
    && cp target/release/gugus /usr/local/bin/gugus

FROM ${RUNTIME}
# Kafka and object stores behind TLS need certificates. The binary needs nothing else.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
# The user has a fixed number, so that the host can give folders and volumes to it by number.
RUN groupadd --gid 10001 gugus \
    && useradd --uid 10001 --gid gugus --home-dir /gugus --no-create-home --shell /usr/sbin/nologin gugus
WORKDIR /gugus
# The default folders of every command, below the current folder. An empty volume takes over their owner.
RUN install --directory --owner gugus --group gugus data data/raw data/batch data/models work \
    && install --directory --owner gugus --group gugus --mode 0700 secret
COPY --from=build /usr/local/bin/gugus /usr/local/bin/gugus
# Man pages and completions lie where `man` and bash look, for images that are built on this one and have both.
RUN gugus man /usr/local/share/man/man1 \
    && install --directory /usr/local/share/bash-completion/completions \
    && gugus completions bash > /usr/local/share/bash-completion/completions/gugus
COPY LICENSE /usr/share/doc/gugus/
COPY jobs/*.toml jobs/
LABEL org.opencontainers.image.title="gugus" \
      org.opencontainers.image.description="Kafka to Parquet batches to k-means on Apache Ballista to REST" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 10001:10001
# On the first signal a service commits or finishes its work; on a second one it ends at once.
STOPSIGNAL SIGTERM
# There is no HEALTHCHECK, because every service has another address. docker-compose.yml names them.
ENTRYPOINT ["gugus"]
CMD ["--help"]
