# The image of heirloom: docker build -t heirloom:0.1.0 .
#
# Node is named by its major version, so that a rebuild brings its security fixes. For builds that are the same bit for
# bit, name the digest too; `docker buildx imagetools inspect node:24-slim` shows it:
#   docker build --build-arg NODE_IMAGE=node:24-slim@sha256:… -t heirloom:0.1.0 .
ARG NODE_IMAGE=node:24-slim

# The package as it would be published. What the build needs stays in here; none of it needs its install script, and one
# that is there for benchmarks would need a compiler.
FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build \
    && mkdir /pack \
    && npm pack --ignore-scripts --pack-destination /pack

# The package with what it needs to run, in the versions of the lock file. bullmq and ioredis carry tasks to workers on
# other machines; who installs the package without them has everything else.
FROM ${NODE_IMAGE} AS install
WORKDIR /app
COPY package.json package-lock.json ./
COPY packaging/docker/require-packages.mjs /tmp/
RUN node /tmp/require-packages.mjs bullmq ioredis @bull-board/api @bull-board/fastify \
    && npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
    && rm package-lock.json
COPY --from=build /pack /tmp/pack
RUN tar -xzf /tmp/pack/heirloom-*.tgz --strip-components=1 --no-same-owner

FROM ${NODE_IMAGE}
# exiftool is a Perl program, ffmpeg takes frames out of videos, and tini collects what ended processes leave behind.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates ffmpeg perl tini \
    && rm -rf /var/lib/apt/lists/*
# Who owns the library on the host. Folders that are mounted keep their owner: see `user:` in compose.yaml.
ARG PUID=1000
ARG PGID=1000
COPY --from=install /app /app
COPY packaging/docker/healthcheck.mjs /app/packaging/docker/healthcheck.mjs
RUN ln -s /app/bin/heirloom.js /usr/local/bin/heirloom \
    && install -d -o "${PUID}" -g "${PGID}" /library /exports /state
# /state is the home folder: config.yaml, and what autotag remembers. The database is in the library, unless
# HEIRLOOM_STATE=/state says otherwise: an image that said so would lose it with a volume that nobody named.
ENV NODE_ENV=production \
    HOME=/state \
    XDG_CONFIG_HOME=/state/config \
    NODE_COMPILE_CACHE=/tmp/heirloom-compile-cache \
    HEIRLOOM_OUTPUT=/library
VOLUME ["/library", "/exports", "/state"]
WORKDIR /state
USER ${PUID}:${PGID}
EXPOSE 5000
# Of `serve`. For other commands: docker run --no-healthcheck
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["node", "/app/packaging/docker/healthcheck.mjs"]
ENTRYPOINT ["tini", "--", "heirloom"]
CMD ["serve", "--host", "0.0.0.0"]
LABEL org.opencontainers.image.title="heirloom" \
      org.opencontainers.image.description="One well-dated, deduplicated media library from the exports of photo platforms" \
      org.opencontainers.image.licenses="MIT"
