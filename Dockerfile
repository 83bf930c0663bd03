# The service in one image: `gateway`, `coordinator`, and `dev` for the embedded form.
# Law: everything that is installed is pinned by hash, and nothing that builds it is in the image.

FROM python:3.11.13-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock requirements-runtime.lock ./
RUN python -m venv /build \
 && /build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock \
 && python -m venv --without-pip /opt/workflowsvc \
 && /build/bin/pip --python /opt/workflowsvc/bin/python install --no-cache-dir --disable-pip-version-check \
    --require-hashes -r requirements-runtime.lock
# After the dependencies: a change of the code installs nothing again.
COPY pyproject.toml README.md ./
COPY workflowsvc workflowsvc
COPY coordinator coordinator
COPY gateway gateway
COPY workers_sdk workers_sdk
COPY cli cli
RUN /build/bin/pip wheel --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /build/bin/pip --python /opt/workflowsvc/bin/python install --no-cache-dir --disable-pip-version-check \
    --no-deps --no-index /wheels/*.whl

FROM python:3.11.13-slim-bookworm
COPY --from=build /opt/workflowsvc /opt/workflowsvc
# Where `dev` keeps its data; the other commands keep none.
RUN install -d -o 10001 -g 10001 /data
ENV PATH=/opt/workflowsvc/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /data
USER 10001:10001
EXPOSE 8080
ENTRYPOINT ["workflowsvc"]
