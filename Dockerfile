# Balance Desk with all that it needs: it serves the pages, and sends. docs/operating.md says how to run it.

FROM docker.io/library/python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv --copies /opt/balance-desk
COPY requirements.txt ./
# Each package by its SHA-256, and none that would have to be compiled. The tools that install them are not in the image.
RUN /opt/balance-desk/bin/pip install --require-hashes --only-binary :all: -r requirements.txt \
    && /opt/balance-desk/bin/pip uninstall -y -q setuptools pip
WORKDIR /srv/balance-desk
COPY app.py ./
COPY .streamlit/config.toml .streamlit/
COPY pages pages
COPY blnk_api blnk_api
# The file system may be read-only: what Python would write down at the first start is written here.
RUN /opt/balance-desk/bin/python -m compileall -q -j 0 /srv/balance-desk /opt/balance-desk/lib

FROM docker.io/library/python:3.11-slim
LABEL org.opencontainers.image.title="Balance Desk" \
      org.opencontainers.image.description="Opens balances in Blnk from a spreadsheet: each row once" \
      org.opencontainers.image.version="0.1.0"
RUN groupadd --gid 990 desk \
    && useradd --uid 990 --gid desk --home-dir /tmp --no-create-home --shell /usr/sbin/nologin desk \
    && install -d -o desk -g desk -m 700 /var/lib/balance-desk
COPY --from=build /opt/balance-desk /opt/balance-desk
COPY --from=build /srv/balance-desk /srv/balance-desk
ENV PATH=/opt/balance-desk/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    BLNK_DATA_DIR=/var/lib/balance-desk \
    BLNK_LOG=json \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE=true
WORKDIR /srv/balance-desk
USER 990:990
EXPOSE 8501
# The sender is given time to write down what came of rows that are on their way.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['STREAMLIT_SERVER_PORT']}/healthz\", timeout=4)"]
CMD ["python", "-m", "streamlit", "run", "app.py"]
