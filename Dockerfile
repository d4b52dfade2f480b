# The service, without the embedded servers: a small image that writes nowhere and runs as nobody special.
#
#   docker build -t haversack .
#   docker run --rm --read-only -p 8080:8080 --env-file haversack.env haversack
#
# The version that the tests run with; 3.11 is the least.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
WORKDIR /src
RUN python -m venv --without-pip /opt/haversack
COPY pyproject.toml README.md LICENSE ./
COPY engine engine
COPY lua lua
COPY persistence persistence
COPY gateway gateway
# Wheels only: nothing is compiled here, so no compiler is needed, and no package's build runs.
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .
RUN pip --python /opt/haversack/bin/python install --no-cache-dir --only-binary :all: "$(ls /wheels/*.whl)[docs,tracing]"
# As bytecode now, since the image is read-only when it runs.
RUN /opt/haversack/bin/python -m compileall -q /opt/haversack/lib

FROM python:${PYTHON}-slim-bookworm
# The base's pip is of no use to a service, and one thing less to keep up to date.
RUN pip uninstall --yes pip setuptools wheel
COPY --from=build /opt/haversack /opt/haversack
ENV PATH=/opt/haversack/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /
EXPOSE 8080
STOPSIGNAL SIGTERM
# By the settings, so that it finds the port and speaks TLS where they say so. A start of Python costs a core nearly
# a second, so not often.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 CMD ["/opt/haversack/bin/haversack", "health"]
ENTRYPOINT ["/opt/haversack/bin/haversack"]
CMD ["serve", "--host", "0.0.0.0"]
