# The command as an image, and what docker/action.yml runs. Nothing of the project that is checked is in it: its
# dependencies are installed when it runs, and PostgreSQL comes from the Docker daemon, if its socket is mounted, or from
# the wheel.
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements/build.txt requirements/image.txt requirements/
RUN python3 -m venv /opt/alembic-premerge \
 && /opt/alembic-premerge/bin/python -m pip install --quiet --no-cache-dir --require-hashes --requirement requirements/image.txt \
 && python3 -m venv /opt/build \
 && /opt/build/bin/python -m pip install --quiet --no-cache-dir --require-hashes --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY checker checker
COPY examples examples
RUN /opt/build/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/alembic-premerge/bin/python -m pip install --quiet --no-cache-dir --no-deps dist/*.whl \
 && /opt/alembic-premerge/bin/python -m pip uninstall --quiet --yes pip

FROM python:3.13-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY --from=build /opt/alembic-premerge /opt/alembic-premerge
# Two names on PATH and not the whole environment: its Python must not be taken for the project's.
RUN ln -s /opt/alembic-premerge/bin/alembic-premerge /opt/alembic-premerge/bin/uv /usr/local/bin/
# A mounted repository belongs to another user than ours, and git would refuse it. Nothing is written to anybody's
# configuration for that.
ENV GIT_CONFIG_COUNT=1 \
    GIT_CONFIG_KEY_0=safe.directory \
    GIT_CONFIG_VALUE_0=*
ENTRYPOINT ["alembic-premerge"]
