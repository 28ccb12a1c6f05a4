# Copyright 2026 The Postern authors. SPDX-License-Identifier: Apache-2.0
# posternd in a container: docker build -t postern . ; see docs/operations.md. DEBIAN: bookworm or trixie.
ARG DEBIAN=trixie

FROM debian:${DEBIAN}-slim AS build
SHELL ["/bin/bash", "-euc"]
COPY . /src/postern
WORKDIR /src/postern
RUN . tools/packages.sh; need_packages "${BUILD_PACKAGES[@]}" "${PACKAGE_PACKAGES[@]}"
RUN cmake --preset package -DPOSTERN_PACKAGE_RELEASE="1+deb$(sed 's/[./].*//' /etc/debian_version)"; \
    cmake --build build/package; \
    cd build/package; \
    cpack

FROM debian:${DEBIAN}-slim
COPY --from=build /src/postern/build/package/*.deb /tmp/packages/
RUN apt-get -q update && \
    apt-get -q -y install --no-install-recommends systemd-standalone-sysusers systemd-standalone-tmpfiles \
        /tmp/packages/postern-server_*.deb /tmp/packages/postern-tools_*.deb && \
    rm -rf /tmp/packages /var/lib/apt/lists/*
ENV POSTERN_URL=ipc:///run/postern/postern.sock
VOLUME /var/lib/postern
USER postern
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 CMD ["postern", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["posternd"]
CMD ["--config", "/etc/postern/posternd.yaml"]
