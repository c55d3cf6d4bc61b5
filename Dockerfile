# One image for all daemons: `addons dns`, and the others as they come; with the plugin of cni, for its nodes. Built and pushed by you; see docs/install.md.
# The plugin of cni runs on hosts, so it is static; of musl, which asks the processor nothing when it starts.
FROM python:3.12-slim-bookworm AS plugin
RUN apt-get update && apt-get install --yes --no-install-recommends gcc musl-tools
COPY addons/cni/plugin/cni_plugin.c /src/
RUN musl-gcc -O2 -static -s -Wall -Wextra -Werror -o /aws-addons-cni /src/cni_plugin.c

FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/addons \
 && /opt/addons/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir hatchling
COPY docs/troubleshooting.md docs/
COPY addons addons
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
 && /opt/addons/bin/pip install --no-cache-dir --no-deps /dist/*.whl \
 && /opt/addons/bin/pip uninstall --yes pip \
 && /opt/addons/bin/python -m compileall -q /opt/addons

FROM python:3.12-slim-bookworm
# iptables-legacy: by it cni removes what its predecessor left on nodes with that flavour.
RUN apt-get update && apt-get install --yes --no-install-recommends iptables && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/addons /opt/addons
COPY --from=plugin /aws-addons-cni /opt/addons/lib/aws-addons/
ENV PATH=/opt/addons/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536
USER 65532:65532
ENTRYPOINT ["addons"]
