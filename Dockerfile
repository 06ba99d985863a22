# `wsframe demo` in a container: `docker build -t wsframe-demo . && docker run --rm -v "$PWD:/results" wsframe-demo`
FROM python:3.13-slim AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY . /source
ENV WSFRAME_REQUIRE_EXTENSIONS=1
RUN python -m venv /opt/wsframe && /opt/wsframe/bin/pip install --no-cache-dir "/source[demo]"

FROM python:3.13-slim
COPY --from=build /opt/wsframe /opt/wsframe
RUN useradd --create-home --uid 1000 demo && mkdir /results && chown demo /results
USER 1000
WORKDIR /home/demo
ENV PATH=/opt/wsframe/bin:$PATH MPLCONFIGDIR=/tmp/matplotlib
ENTRYPOINT ["wsframe"]
CMD ["demo", "--output", "/results"]
