# The image of pypitool: docs/docker.md says how it is used.
#
#   docker build -t pypitool .
#
# BASE is any image of Debian with Python 3.10 or newer and its venv. Where packages do not come from the public
# index, pip is told by secrets, of which nothing stays in the image:
#
#   docker build --secret id=pipconf,src=pip.conf --secret id=ca,src=authority.pem -t pypitool .

ARG BASE=python:3.13-slim

FROM ${BASE} AS build
COPY pyproject.toml README.md LICENSE /src/
COPY pypitool /src/pypitool
COPY server /src/server
# Without pip afterwards: what is installed is run, and nothing is added.
RUN --mount=type=secret,id=pipconf,target=/run/secrets/pip.conf \
    --mount=type=secret,id=ca,target=/run/secrets/ca.pem \
    export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore; \
    if [ -e /run/secrets/pip.conf ]; then export PIP_CONFIG_FILE=/run/secrets/pip.conf; fi; \
    if [ -e /run/secrets/ca.pem ]; then export PIP_CERT=/run/secrets/ca.pem; fi; \
    python3 -m venv /opt/pypitool \
    && /opt/pypitool/bin/python -m pip install --quiet /src \
    && /opt/pypitool/bin/python -m pip uninstall --quiet --yes pip setuptools

FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="pypitool" \
      org.opencontainers.image.description="A private Python package index and a mirror that keeps it filled" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.documentation="docs/docker.md"
COPY --from=build /opt/pypitool /opt/pypitool
# Whoever mounts an empty volume at /data/packages gets its owner from here.
RUN printf '%s\n' '#!/opt/pypitool/bin/python -I' 'import sys' 'from pypitool.container.__main__ import main' \
        'if __name__ == "__main__":' '    sys.exit(main())' > /usr/local/bin/pypitool \
    && chmod 755 /usr/local/bin/pypitool \
    && mkdir -p /data/packages \
    && chown 10001:10001 /data /data/packages
ENV HOME=/data PYPITOOL_CONTAINER=1
WORKDIR /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# No VOLUME: under `--rm` an unnamed one would take the packages away with it.
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 \
    CMD ["/opt/pypitool/bin/python", "-I", "-m", "pypitool.container.health"]
ENTRYPOINT ["pypitool"]
CMD ["run"]
