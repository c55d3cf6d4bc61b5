# One image for all daemons: `addons dns`, and the others; with the plugin of cni, for its nodes. Built and pushed by you:
# docker buildx build --platform linux/amd64,linux/arm64 --tag REGISTRY/aws-cluster-addons:0.1.0 --push .
# `make image` makes the same file system into an archive, without an engine; both have it of release/layers.

# Only what builds comes from this image, so its age harms nobody; a newer digest is what
# `docker buildx imagetools inspect debian:bookworm-slim` says. It runs on the machine that builds, for all platforms.
FROM --platform=$BUILDPLATFORM debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171 AS build
RUN apt-get update && apt-get install --yes --no-install-recommends \
    ca-certificates gcc-aarch64-linux-gnu gcc-x86-64-linux-gnu mmdebstrap python3 python3-pip python3-venv
WORKDIR /src
COPY release/build.lock release/
RUN python3 -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes -r release/build.lock
COPY release/debian release/layers release/left-out release/plugin release/services release/
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY docs/troubleshooting.md docs/
COPY addons addons
ARG TARGETARCH
RUN PYTHON=/opt/build/bin/python release/layers "$TARGETARCH" /layers \
 && mkdir /base /addons && tar -C /base -xf /layers/base.tar && tar -C /addons -xf /layers/addons.tar

FROM scratch
COPY --from=build /base /
COPY --from=build /addons /
LABEL org.opencontainers.image.title=aws-cluster-addons org.opencontainers.image.version=0.1.0 \
      org.opencontainers.image.licenses=Apache-2.0
ENV PATH=/opt/addons/bin:/usr/sbin:/usr/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536
USER 65532:65532
ENTRYPOINT ["addons"]
