# The image of every Gugus service: docker build -t gugus:0.1.0 .
# docker-compose.yml runs all of them; docs/deploy.md says how to go on from there.
#
# Base images are pinned by tag. A tag can be moved; whoever wants the same bytes for ever pins by digest,
#   docker buildx imagetools inspect debian:bookworm-slim       # names the digest
#   docker build --build-arg RUNTIME=debian:bookworm-slim@sha256:… --build-arg RUST=rust:1.95.0-slim-bookworm@sha256:… .
# Both must be of the same Debian, since the binary is linked against the first one's libc.
ARG RUST=rust:1.95.0-slim-bookworm
ARG RUNTIME=debian:bookworm-slim

FROM ${RUST} AS build
# librdkafka, OpenSSL and zstd are C and come with their crates.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential perl \
    && rm -rf /var/lib/apt/lists/*
# The image's own toolchain; rust-toolchain.toml names the same version, with components that a build does not need.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
# The caches are BuildKit's: they outlive the build and are in no layer, so a second build compiles what changed.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package gugus --bin gugus \
    && cp target/release/gugus /usr/local/bin/gugus

FROM ${RUNTIME}
# Certificates for Kafka and object stores behind TLS; nothing else is missing.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
# A fixed number, so that folders and volumes of the host can be given to it by name or by number.
RUN groupadd --gid 10001 gugus \
    && useradd --uid 10001 --gid gugus --home-dir /gugus --no-create-home --shell /usr/sbin/nologin gugus
WORKDIR /gugus
# The default places of every command, below the current folder. An empty volume takes their owner over.
RUN install --directory --owner gugus --group gugus data data/raw data/batch data/models work
COPY --from=build /usr/local/bin/gugus /usr/local/bin/gugus
COPY LICENSE /usr/share/doc/gugus/
COPY jobs/*.toml jobs/
LABEL org.opencontainers.image.title="gugus" \
      org.opencontainers.image.description="Kafka to Parquet batches to k-means on Apache Ballista to REST" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 10001:10001
# Ends what is safe and commits what is in hand; a second one ends at once.
STOPSIGNAL SIGTERM
# No HEALTHCHECK: every service has another address. docker-compose.yml names them.
ENTRYPOINT ["gugus"]
CMD ["--help"]
